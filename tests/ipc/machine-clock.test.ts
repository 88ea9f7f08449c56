/** The machine's clock runs with the host's while the kernel ticks, and stands still otherwise. */

import { beforeEach, describe, expect, it } from "vitest";
import { allocateMachineClock, MachineClock, TICK_LATE_MS } from "../../ipc/machine-clock.js";

let hostMs = 0;
let clock: MachineClock;
beforeEach(() => {
  hostMs = 1_000_000.5;
  const host = { now: () => hostMs };
  clock = new MachineClock(allocateMachineClock(host), host);
});

/** Lets time pass with a tick every 25 ms. */
function run(milliseconds: number): void {
  for (let passed = 0; passed < milliseconds; passed += 25) {
    hostMs += 25;
    clock.tick();
  }
}

describe("machine clock", () => {
  it("starts at 0 and runs with the host's between ticks", () => {
    expect(clock.now()).toBe(0);
    hostMs += 10.25;
    expect(clock.now()).toBe(10.25);
    run(10_000);
    expect(clock.now()).toBe(10_010.25);
  });

  it("stops when a tick is overdue, and goes on from there", () => {
    run(1000);
    hostMs += 60_000;
    expect(clock.now()).toBe(1000 + TICK_LATE_MS);
    clock.tick();
    expect(clock.now()).toBe(1000 + TICK_LATE_MS);
    run(500);
    expect(clock.now()).toBe(1500 + TICK_LATE_MS);
  });

  it("a late tick that is not overdue changes nothing", () => {
    run(100);
    hostMs += TICK_LATE_MS;
    clock.tick();
    expect(clock.now()).toBe(100 + TICK_LATE_MS);
  });

  it("never goes back, whenever it is looked at", () => {
    let last = clock.now();
    for (let step = 0; step < 2000; step++) {
      hostMs += (step * 7919) % 400;
      const late = clock.now();
      if (step % 3 === 0) clock.tick();
      const now = clock.now();
      expect(late).toBeGreaterThanOrEqual(last);
      expect(now).toBeGreaterThanOrEqual(late);
      last = now;
    }
  });
});
