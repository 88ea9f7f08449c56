/* The two clocks of the board. */
import { describe, expect, test } from "vitest";
import { hostClock, VirtualClock } from "../../hw/clock.js";

describe("virtual clock", () => {
  test("timers expire in order, each at its own moment, and time ends where it was sent", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const late = clock.timer(() => seen.push(`late ${clock.now()}`));
    const early = clock.timer(() => seen.push(`early ${clock.now()}`));
    late.arm(30n);
    early.arm(10n);
    clock.advance(29n);
    expect(seen).toEqual(["early 10"]);
    clock.advance(1n);
    expect(seen).toEqual(["early 10", "late 30"]);
    clock.advance(100n);
    expect(clock.now()).toBe(130n);
    expect(seen).toHaveLength(2);
  });

  test("of two timers for one moment the one that was made first comes first", () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const first = clock.timer(() => seen.push("first"));
    clock.timer(() => seen.push("second")).arm(5n);
    first.arm(5n);
    clock.advance(5n);
    expect(seen).toEqual(["first", "second"]);
  });

  test("a timer can be moved, disarmed, and armed again while it expires", () => {
    const clock = new VirtualClock();
    const seen: bigint[] = [];
    const timer = clock.timer(() => {
      seen.push(clock.now());
      if (seen.length < 3) timer.arm(clock.now() + 10n);
    });
    timer.arm(5n);
    timer.arm(7n);
    clock.advance(100n);
    expect(seen).toEqual([7n, 17n, 27n]);
    timer.arm(200n);
    timer.disarm();
    clock.advance(1000n);
    expect(seen).toHaveLength(3);
  });

  test("a timer armed for the past expires at the next advance, and time does not go back", () => {
    const clock = new VirtualClock();
    clock.advance(50n);
    let at = 0n;
    clock
      .timer(() => {
        at = clock.now();
      })
      .arm(10n);
    clock.advance(0n);
    expect(at).toBe(50n);
  });
});

describe("host clock", () => {
  test("a timer never expires early, and one that is disarmed never expires", async () => {
    const clock = hostClock();
    let wrong = false;
    const never = clock.timer(() => {
      wrong = true;
    });
    never.arm(clock.now() + 1_000_000n);
    never.disarm();
    const due = clock.now() + 20_000_000n;
    // The clock's own timers do not keep the process alive.
    const alive = setInterval(() => undefined, 1000);
    await new Promise<void>((resolve) => {
      clock.timer(resolve).arm(due);
    });
    clearInterval(alive);
    expect(clock.now()).toBeGreaterThanOrEqual(due);
    expect(wrong).toBe(false);
  });

  test("a moment beyond Node's longest timeout, or in the past, is no trouble", async () => {
    const clock = hostClock();
    let early = false;
    const far = clock.timer(() => {
      early = true;
    });
    far.arm(2n ** 62n);
    const alive = setInterval(() => undefined, 1000);
    await new Promise<void>((resolve) => {
      clock.timer(resolve).arm(-5n);
    });
    clearInterval(alive);
    far.disarm();
    expect(early).toBe(false);
  });
});
