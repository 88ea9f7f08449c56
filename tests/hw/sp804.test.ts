/* The SP804 where the traces of QEMU don't look: the manual's behaviour, and the edges. */
import { describe, expect, test } from "vitest";
import { type Clock, VirtualClock } from "../../hw/clock.js";
import type { Quirks } from "../../hw/device.js";
import { Sp804 } from "../../hw/devices/sp804.js";
import { SP804, SP804_TIMER2, SP804_TIMERS_END, TimerControl } from "../../hw/regs/sp804.js";

const { OneShot, TimerSize, IntEnable, TimerMode, TimerEn } = TimerControl;
const MICROSECOND = 1000n;

function setUp(quirks: Quirks, clockHz = 1_000_000) {
  const clock = new VirtualClock();
  const wire: number[] = [];
  const timers = new Sp804({ quirks, clock, clockHz, interrupt: (level) => wire.push(level) });
  return {
    clock,
    timers,
    level: () => wire.at(-1) ?? 0,
    read: (register: number) => timers.read(register, 4),
    write: (register: number, value: number) => timers.write(register, 4, value),
  };
}

describe("SP804", () => {
  test("a periodic timer does not wake anybody until its interrupt was cleared", () => {
    const { clock, read, write, level } = setUp("qemu-7.2");
    write(SP804.TimerLoad, 10);
    write(SP804.TimerControl, TimerEn | TimerMode | TimerSize | IntEnable);
    clock.advance(1_000_000n * MICROSECOND);
    expect(level()).toBe(1);
    write(SP804.TimerIntClr, 0);
    expect(level()).toBe(0);
    clock.advance(9n * MICROSECOND);
    expect([read(SP804.TimerValue), level()]).toEqual([1, 0]);
    clock.advance(1n * MICROSECOND);
    expect([read(SP804.TimerValue), level()]).toEqual([10, 1]);
  });

  test("while its interrupt is raised it needs no timer of the clock", () => {
    const clock = new VirtualClock();
    let expiries = 0;
    const counting: Clock = {
      now: () => clock.now(),
      timer: (expire) =>
        clock.timer(() => {
          expiries++;
          expire();
        }),
    };
    const timers = new Sp804({ quirks: "qemu-7.2", clock: counting, clockHz: 1_000_000 });
    timers.write(SP804.TimerLoad, 4, 10);
    timers.write(SP804.TimerControl, 4, TimerEn | TimerMode | TimerSize);
    clock.advance(1000n * MICROSECOND);
    expect(expiries).toBe(1);
  });

  test("the interrupt wire moves at the expiry, without anybody looking", () => {
    const { clock, write, level } = setUp("qemu-7.2", 3_000_000);
    write(SP804.TimerLoad, 10);
    write(SP804.TimerControl, TimerEn | OneShot | TimerSize | IntEnable);
    clock.advance(3333n);
    expect(level()).toBe(0);
    clock.advance(1n);
    expect(level()).toBe(1);
  });

  test("both timers share the wire, and each is cleared alone", () => {
    const { clock, read, write, level } = setUp("qemu-7.2");
    for (const timer of [0, SP804_TIMER2]) {
      write(timer + SP804.TimerLoad, 5);
      write(timer + SP804.TimerControl, TimerEn | OneShot | TimerSize | IntEnable);
    }
    clock.advance(5n * MICROSECOND);
    write(SP804.TimerIntClr, 1);
    expect([level(), read(SP804.TimerRIS), read(SP804_TIMER2 + SP804.TimerRIS)]).toEqual([1, 0, 1]);
    write(SP804_TIMER2 + SP804.TimerControl, TimerSize);
    expect([level(), read(SP804_TIMER2 + SP804.TimerMIS)]).toEqual([0, 0]);
    // Masked, not cleared.
    write(SP804_TIMER2 + SP804.TimerControl, TimerSize | IntEnable);
    expect(level()).toBe(1);
  });

  test("a 16-bit timer runs free over 16 bits, and uses half of its load", () => {
    const { clock, read, write } = setUp("qemu-7.2");
    write(SP804.TimerControl, TimerEn);
    expect(read(SP804.TimerValue)).toBe(0xffff);
    clock.advance(0xffffn * MICROSECOND);
    expect([read(SP804.TimerValue), read(SP804.TimerRIS)]).toEqual([0xffff, 1]);
    write(SP804.TimerControl, 0);
    write(SP804.TimerLoad, 0x12_0034);
    write(SP804.TimerControl, TimerEn | TimerMode);
    expect([read(SP804.TimerValue), read(SP804.TimerLoad)]).toEqual([0x34, 0x12_0034]);
  });

  test("the prescaler divides by 16 and 256", () => {
    for (const [code, divisor] of [
      [1 << 2, 16n],
      [2 << 2, 256n],
      [3 << 2, 256n],
    ] as const) {
      const { clock, read, write } = setUp("qemu-7.2");
      write(SP804.TimerLoad, 7);
      write(SP804.TimerControl, TimerEn | TimerMode | TimerSize | code);
      clock.advance(3n * divisor * MICROSECOND);
      expect(read(SP804.TimerValue)).toBe(4);
    }
  });

  test("a load of 0 interrupts once, and does not flood", () => {
    const { clock, read, write, level } = setUp("qemu-7.2");
    write(SP804.TimerControl, TimerEn | TimerMode | TimerSize | IntEnable);
    write(SP804.TimerLoad, 0);
    expect(level()).toBe(1);
    write(SP804.TimerIntClr, 0);
    clock.advance(1000n * MICROSECOND);
    expect([level(), read(SP804.TimerValue)]).toEqual([0, 0]);
    write(SP804.TimerLoad, 8);
    clock.advance(8n * MICROSECOND);
    expect(level()).toBe(1);
  });

  test("a load of a timer that is off does not start it", () => {
    for (const quirks of ["qemu-7.2", "trm"] as const) {
      const { clock, read, write } = setUp(quirks);
      write(SP804.TimerControl, TimerMode | TimerSize);
      write(SP804.TimerLoad, 5);
      clock.advance(3n * MICROSECOND);
      expect([read(SP804.TimerValue), read(SP804.TimerRIS)]).toEqual([5, 0]);
    }
  });

  test("TimerBGLoad is used from the end of the running count on", () => {
    const { clock, read, write } = setUp("trm");
    write(SP804.TimerControl, TimerEn | TimerMode | TimerSize);
    write(SP804.TimerLoad, 10);
    clock.advance(4n * MICROSECOND);
    write(SP804.TimerBGLoad, 100);
    expect([read(SP804.TimerValue), read(SP804.TimerLoad)]).toEqual([6, 100]);
    clock.advance(26n * MICROSECOND);
    expect(read(SP804.TimerValue)).toBe(80);
  });

  test("a reset stops the timers and lowers the wire", () => {
    const { clock, timers, read, write, level } = setUp("trm");
    write(SP804.TimerControl, TimerEn | OneShot | TimerSize | IntEnable);
    write(SP804.TimerLoad, 2);
    clock.advance(2n * MICROSECOND);
    expect(level()).toBe(1);
    write(SP804.TimerLoad, 50);
    timers.reset();
    expect([level(), read(SP804.TimerRIS), read(SP804.TimerLoad)]).toEqual([0, 0, 0]);
    expect(read(SP804.TimerControl)).toBe(IntEnable);
    clock.advance(100n * MICROSECOND);
    expect([level(), read(SP804.TimerValue)]).toEqual([0, 0xffff_ffff]);
  });

  test("registers beyond the two timers are not the second timer's", () => {
    const { read, write } = setUp("qemu-7.2");
    write(SP804_TIMERS_END + SP804.TimerLoad, 7);
    write(SP804_TIMER2 + SP804_TIMER2 * 2, 7);
    expect([read(SP804.TimerLoad), read(SP804_TIMER2), read(SP804_TIMERS_END)]).toEqual([0, 0, 0]);
  });
});

describe("SP804: where the manual and QEMU 7.2 differ", () => {
  test("what is there at power-on", () => {
    expect(setUp("trm").read(SP804.TimerValue)).toBe(0xffff_ffff);
    expect(setUp("qemu-7.2").read(SP804.TimerValue)).toBe(0);
  });

  test("a write of control starts over in QEMU only", () => {
    for (const [quirks, value] of [
      ["qemu-7.2", 1000],
      ["trm", 900],
    ] as const) {
      const { clock, read, write } = setUp(quirks);
      write(SP804.TimerControl, TimerEn | TimerMode | TimerSize);
      write(SP804.TimerLoad, 1000);
      clock.advance(100n * MICROSECOND);
      write(SP804.TimerControl, TimerMode | TimerSize);
      clock.advance(100n * MICROSECOND);
      write(SP804.TimerControl, TimerEn | TimerMode | TimerSize);
      expect(read(SP804.TimerValue)).toBe(value);
    }
  });

  test("a load in free-running mode is taken by the manual's only", () => {
    for (const [quirks, value] of [
      ["qemu-7.2", 0xffff_ffff],
      ["trm", 40],
    ] as const) {
      const { read, write } = setUp(quirks);
      write(SP804.TimerControl, TimerSize);
      write(SP804.TimerLoad, 40);
      expect(read(SP804.TimerValue)).toBe(value);
    }
  });

  test("manual: a one-shot count that has ended waits for a load", () => {
    const { clock, read, write } = setUp("trm");
    const control = TimerEn | OneShot | TimerSize | IntEnable;
    write(SP804.TimerControl, control);
    write(SP804.TimerLoad, 3);
    clock.advance(3n * MICROSECOND);
    write(SP804.TimerIntClr, 1);
    write(SP804.TimerControl, control);
    clock.advance(10n * MICROSECOND);
    expect([read(SP804.TimerRIS), read(SP804.TimerValue)]).toEqual([0, 0]);
    write(SP804.TimerLoad, 4);
    clock.advance(4n * MICROSECOND);
    expect(read(SP804.TimerRIS)).toBe(1);
  });
});
