/* The PL031 where the traces of QEMU don't look: the manual's behaviour, and the edges. */
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../hw/clock.js";
import type { Quirks } from "../../hw/device.js";
import { Pl031 } from "../../hw/devices/pl031.js";
import { PL031 } from "../../hw/regs/pl031.js";

const SECOND = 1_000_000_000n;

function setUp(quirks: Quirks, epochSeconds = 100) {
  const clock = new VirtualClock();
  const wire: number[] = [];
  const rtc = new Pl031({ quirks, clock, epochSeconds, interrupt: (level) => wire.push(level) });
  return {
    clock,
    rtc,
    level: () => wire.at(-1) ?? 0,
    read: (register: number) => rtc.read(register, 4),
    write: (register: number, value: number) => rtc.write(register, 4, value),
  };
}

describe("PL031 as in QEMU 7.2", () => {
  test("the time wraps at 2^32, and an alarm beyond the wrap comes", () => {
    const { clock, read, write, level } = setUp("qemu-7.2", 0xffff_fffe);
    write(PL031.RTCIMSC, 1);
    write(PL031.RTCMR, 1);
    clock.advance(2n * SECOND);
    expect([read(PL031.RTCDR), level()]).toEqual([0, 0]);
    clock.advance(SECOND);
    expect([read(PL031.RTCDR), level()]).toEqual([1, 1]);
  });

  test("an alarm comes whole seconds after it was set, not when the second begins", () => {
    const { clock, read, write } = setUp("qemu-7.2");
    clock.advance(SECOND / 2n);
    write(PL031.RTCMR, 102);
    clock.advance(2n * SECOND - 1n);
    expect([read(PL031.RTCDR), read(PL031.RTCRIS)]).toEqual([102, 0]);
    clock.advance(1n);
    expect(read(PL031.RTCRIS)).toBe(1);
  });

  test("an alarm that is set anew does not come at its old time", () => {
    const { clock, read, write } = setUp("qemu-7.2");
    write(PL031.RTCMR, 105);
    write(PL031.RTCMR, 200);
    clock.advance(50n * SECOND);
    expect(read(PL031.RTCRIS)).toBe(0);
    write(PL031.RTCLR, 199);
    clock.advance(SECOND);
    expect(read(PL031.RTCRIS)).toBe(1);
  });

  test("setting the time to the alarm's moment rings at once, and disarms", () => {
    const { clock, read, write } = setUp("qemu-7.2");
    write(PL031.RTCMR, 130);
    write(PL031.RTCLR, 130);
    expect(read(PL031.RTCRIS)).toBe(1);
    write(PL031.RTCICR, 1);
    clock.advance(100n * SECOND);
    expect(read(PL031.RTCRIS)).toBe(0);
  });

  test("a system reset and RTCCR change nothing; a clear of other bits neither", () => {
    const { clock, rtc, read, write, level } = setUp("qemu-7.2");
    write(PL031.RTCIMSC, 1);
    write(PL031.RTCMR, 100);
    rtc.reset();
    write(PL031.RTCCR, 0);
    write(PL031.RTCICR, 0xfffe);
    expect([read(PL031.RTCRIS), read(PL031.RTCCR), read(PL031.RTCMR), level()]).toEqual([
      1, 1, 100, 1,
    ]);
    clock.advance(SECOND);
    expect(read(PL031.RTCDR)).toBe(101);
  });
});

describe("PL031 as in the manual", () => {
  test("the counter stands still until it is started, and can't be stopped", () => {
    const { clock, read, write } = setUp("trm");
    clock.advance(5n * SECOND);
    write(PL031.RTCCR, 2);
    expect([read(PL031.RTCDR), read(PL031.RTCCR)]).toEqual([100, 0]);
    write(PL031.RTCLR, 200);
    clock.advance(5n * SECOND);
    expect(read(PL031.RTCDR)).toBe(200);
    write(PL031.RTCCR, 1);
    clock.advance(3n * SECOND);
    write(PL031.RTCCR, 0);
    write(PL031.RTCCR, 1);
    clock.advance(SECOND);
    expect([read(PL031.RTCDR), read(PL031.RTCCR)]).toEqual([204, 1]);
  });

  test("no alarm comes while the counter stands still", () => {
    const { clock, read, write } = setUp("trm");
    write(PL031.RTCMR, 101);
    clock.advance(10n * SECOND);
    expect(read(PL031.RTCRIS)).toBe(0);
    write(PL031.RTCCR, 1);
    clock.advance(SECOND);
    expect(read(PL031.RTCRIS)).toBe(1);
  });

  test("the alarm comes when the second begins", () => {
    const { clock, read, write } = setUp("trm");
    write(PL031.RTCCR, 1);
    clock.advance(SECOND / 2n);
    write(PL031.RTCMR, 102);
    clock.advance((3n * SECOND) / 2n - 1n);
    expect([read(PL031.RTCDR), read(PL031.RTCRIS)]).toEqual([101, 0]);
    clock.advance(1n);
    expect([read(PL031.RTCDR), read(PL031.RTCRIS)]).toEqual([102, 1]);
  });

  test("a reset clears every register, lowers the line and forgets the alarm", () => {
    const { clock, rtc, read, write, level } = setUp("trm");
    write(PL031.RTCCR, 1);
    write(PL031.RTCLR, 70);
    write(PL031.RTCIMSC, 1);
    write(PL031.RTCMR, 70);
    expect([level(), read(PL031.RTCMIS)]).toEqual([1, 1]);
    write(PL031.RTCMR, 75);
    rtc.reset();
    expect(level()).toBe(0);
    const { RTCDR, RTCMR, RTCLR, RTCCR, RTCIMSC, RTCRIS } = PL031;
    expect([RTCDR, RTCMR, RTCLR, RTCCR, RTCIMSC, RTCRIS].map(read)).toEqual([0, 0, 0, 0, 0, 0]);
    clock.advance(100n * SECOND);
    expect([read(RTCRIS), read(RTCDR)]).toEqual([0, 0]);
  });
});
