/* The ARM generic timer of a CPU, as the architecture manual has it: no trace can see it. */
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../../hw/clock.js";
import { GenericTimer } from "../../hw/devices/generic-timer.js";
import { CNT, CNT_CTL } from "../../hw/regs/generic-timer.js";

const TICK_NS = 16n; // 62.5 MHz

function setUp(frequencyHz = 62_500_000) {
  const clock = new VirtualClock();
  const levels = { secure: 0, nonSecure: 0, virtual: 0, hypervisor: 0 };
  const wire = (name: keyof typeof levels) => (level: 0 | 1) => {
    levels[name] = level;
  };
  const timer = new GenericTimer({
    clock,
    frequencyHz,
    wires: {
      secure: wire("secure"),
      nonSecure: wire("nonSecure"),
      virtual: wire("virtual"),
      hypervisor: wire("hypervisor"),
    },
  });
  return { clock, timer, levels };
}

describe("generic timer", () => {
  test("counts at its frequency, physical and virtual", () => {
    const { clock, timer } = setUp();
    clock.advance(1_000_000_000n);
    expect(timer.read(CNT.CNTFRQ_EL0)).toBe(62_500_000n);
    expect(timer.read(CNT.CNTPCT_EL0)).toBe(62_500_000n);
    timer.write(CNT.CNTVOFF_EL2, 500n);
    expect(timer.read(CNT.CNTVCT_EL0)).toBe(62_499_500n);
    timer.write(CNT.CNTPCT_EL0, 5n);
    timer.write(CNT.CNTVCT_EL0, 5n);
    expect(timer.read(CNT.CNTPCT_EL0)).toBe(62_500_000n);
    expect(timer.read(CNT.CNTVCT_EL0)).toBe(62_499_500n);
    clock.advance(TICK_NS - 1n);
    expect(timer.read(CNT.CNTPCT_EL0)).toBe(62_500_000n);
    clock.advance(1n);
    expect(timer.read(CNT.CNTPCT_EL0)).toBe(62_500_001n);
  });

  test("the count before a virtual offset wraps as 64 bits", () => {
    const { timer } = setUp();
    timer.write(CNT.CNTVOFF_EL2, 1n);
    expect(timer.read(CNT.CNTVCT_EL0)).toBe(2n ** 64n - 1n);
    expect(timer.read(CNT.CNTVOFF_EL2)).toBe(1n);
  });

  const TIMERS = [
    ["secure", CNT.CNTPS_CTL_EL1, CNT.CNTPS_CVAL_EL1, CNT.CNTPS_TVAL_EL1],
    ["nonSecure", CNT.CNTP_CTL_EL0, CNT.CNTP_CVAL_EL0, CNT.CNTP_TVAL_EL0],
    ["virtual", CNT.CNTV_CTL_EL0, CNT.CNTV_CVAL_EL0, CNT.CNTV_TVAL_EL0],
    ["hypervisor", CNT.CNTHP_CTL_EL2, CNT.CNTHP_CVAL_EL2, CNT.CNTHP_TVAL_EL2],
  ] as const;

  test.each(TIMERS)("%s: interrupts when the count comes to CVAL, and only then", (...names) => {
    const [wire, ctl, cval] = names;
    const { clock, timer, levels } = setUp();
    timer.write(cval, 100n);
    timer.write(ctl, BigInt(CNT_CTL.ENABLE));
    clock.advance(100n * TICK_NS - 1n);
    expect([levels[wire], timer.read(ctl)]).toEqual([0, 1n]);
    clock.advance(1n);
    expect(levels).toEqual({ secure: 0, nonSecure: 0, virtual: 0, hypervisor: 0, [wire]: 1 });
    expect(timer.read(ctl)).toBe(5n);
    timer.write(cval, 1000n);
    expect([levels[wire], timer.read(ctl), timer.read(cval)]).toEqual([0, 1n, 1000n]);
  });

  test.each(TIMERS)("%s: TVAL is what is left, signed, and counts from now", (...names) => {
    const [wire, ctl, cval, tval] = names;
    const { clock, timer, levels } = setUp();
    clock.advance(50n * TICK_NS);
    timer.write(tval, 10n);
    expect([timer.read(cval), timer.read(tval)]).toEqual([60n, 10n]);
    timer.write(ctl, BigInt(CNT_CTL.ENABLE));
    clock.advance(12n * TICK_NS);
    expect([timer.read(tval), levels[wire]]).toEqual([2n ** 32n - 2n, 1]);
    timer.write(tval, 0xffff_fff6n);
    expect(timer.read(cval)).toBe(52n);
  });

  test("a mask keeps the interrupt back and shows it; a disabled timer shows nothing", () => {
    const { clock, timer, levels } = setUp();
    timer.write(CNT.CNTP_CTL_EL0, 0xffff_fff3n);
    clock.advance(TICK_NS);
    expect([levels.nonSecure, timer.read(CNT.CNTP_CTL_EL0)]).toEqual([0, 7n]);
    timer.write(CNT.CNTP_CTL_EL0, BigInt(CNT_CTL.ENABLE));
    expect(levels.nonSecure).toBe(1);
    timer.write(CNT.CNTP_CTL_EL0, 0n);
    expect([levels.nonSecure, timer.read(CNT.CNTP_CTL_EL0)]).toEqual([0, 0n]);
  });

  test("the virtual timer compares with the virtual count, also when the offset moves", () => {
    const { clock, timer, levels } = setUp();
    clock.advance(1000n * TICK_NS);
    timer.write(CNT.CNTVOFF_EL2, 1000n);
    timer.write(CNT.CNTV_CVAL_EL0, 50n);
    timer.write(CNT.CNTV_CTL_EL0, BigInt(CNT_CTL.ENABLE));
    clock.advance(49n * TICK_NS);
    expect(levels.virtual).toBe(0);
    clock.advance(TICK_NS);
    expect(levels.virtual).toBe(1);
    timer.write(CNT.CNTVOFF_EL2, 1040n);
    expect(levels.virtual).toBe(0);
    clock.advance(40n * TICK_NS);
    expect(levels.virtual).toBe(1);
  });

  test("a frequency that does not divide a second is not rounded", () => {
    const { clock, timer, levels } = setUp(3);
    timer.write(CNT.CNTP_CVAL_EL0, 4n);
    timer.write(CNT.CNTP_CTL_EL0, BigInt(CNT_CTL.ENABLE));
    clock.advance(1_333_333_333n);
    expect([timer.read(CNT.CNTPCT_EL0), levels.nonSecure]).toEqual([3n, 0]);
    clock.advance(1n);
    expect([timer.read(CNT.CNTPCT_EL0), levels.nonSecure]).toEqual([4n, 1]);
  });

  test("a reset ends the timers and goes on counting; CNTFRQ is storage", () => {
    const { clock, timer, levels } = setUp();
    timer.write(CNT.CNTFRQ_EL0, 2n ** 40n + 7n);
    expect(timer.read(CNT.CNTFRQ_EL0)).toBe(7n);
    timer.write(CNT.CNTVOFF_EL2, 7n);
    timer.write(CNT.CNTP_CVAL_EL0, 3n);
    timer.write(CNT.CNTP_CTL_EL0, BigInt(CNT_CTL.ENABLE));
    clock.advance(3n * TICK_NS);
    expect(levels.nonSecure).toBe(1);
    timer.reset();
    expect(levels.nonSecure).toBe(0);
    expect(timer.read(CNT.CNTFRQ_EL0)).toBe(62_500_000n);
    expect([timer.read(CNT.CNTP_CVAL_EL0), timer.read(CNT.CNTVOFF_EL2)]).toEqual([0n, 0n]);
    expect(timer.read(CNT.CNTPCT_EL0)).toBe(3n);
  });

  test("what is no register of the timer reads 0 and takes nothing", () => {
    const { timer } = setUp();
    timer.write(0, 1n);
    expect([timer.read(0), timer.read(0xffff), timer.read(Number.NaN)]).toEqual([0n, 0n, 0n]);
  });

  test("registers have the names of the manual's encodings", () => {
    // MRS X0, CNTPCT_EL0 is 0xd53be020: bits 20:5 of it name the register.
    expect(CNT.CNTPCT_EL0).toBe((0xd53be020 >>> 5) & 0xffff);
    expect(CNT.CNTP_CVAL_EL0).toBe((0xd53be240 >>> 5) & 0xffff);
  });
});
