/* The PL061 where the traces of QEMU don't look: the manual's behaviour, and the edges. */
import { describe, expect, test } from "vitest";
import type { Quirks } from "../../hw/device.js";
import { Pl061 } from "../../hw/devices/pl061.js";
import { PL061, PL061_DATA_ALL } from "../../hw/regs/pl061.js";

function setUp(quirks: Quirks) {
  const wire: number[] = [];
  const outputs: [number, number][] = [];
  const gpio = new Pl061({
    quirks,
    interrupt: (level) => wire.push(level),
    output: (pin, level) => outputs.push([pin, level]),
  });
  return {
    gpio,
    outputs,
    level: () => wire.at(-1) ?? 0,
    read: (register: number) => gpio.read(register, 4),
    write: (register: number, value: number) => gpio.write(register, 4, value),
  };
}

describe("PL061 as in QEMU 7.2", () => {
  test("a reset zeroes registers and leaves the line where it is", () => {
    const { gpio, read, write, level } = setUp("qemu-7.2");
    write(PL061.GPIOIEV, 1);
    write(PL061.GPIOIE, 1);
    gpio.input(0, 1);
    expect(level()).toBe(1);
    gpio.reset();
    expect([level(), read(PL061.GPIORIS), read(PL061_DATA_ALL)]).toEqual([1, 0, 0]);
    write(PL061.GPIOIE, 0);
    expect(level()).toBe(0);
  });

  test("after a reset an input that comes back is an edge again", () => {
    const { gpio, read, write } = setUp("qemu-7.2");
    gpio.input(0, 1);
    gpio.reset();
    write(PL061.GPIOIEV, 1);
    gpio.input(0, 1);
    expect(read(PL061.GPIORIS)).toBe(1);
  });

  test("a reset lowers outputs without telling, and a new output is told", () => {
    const { gpio, outputs, write } = setUp("qemu-7.2");
    write(PL061.GPIODIR, 2);
    write(PL061_DATA_ALL, 2);
    gpio.reset();
    write(PL061.GPIODIR, 2);
    write(PL061_DATA_ALL, 2);
    expect(outputs).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test("a level interrupt stays latched when the level has gone", () => {
    const { gpio, read, write } = setUp("qemu-7.2");
    write(PL061.GPIOIEV, 0xff);
    write(PL061.GPIOIS, 4);
    gpio.input(2, 1);
    gpio.input(2, 0);
    expect(read(PL061.GPIORIS)).toBe(4);
    write(PL061.GPIOIC, 4);
    expect(read(PL061.GPIORIS)).toBe(0);
  });

  test("pins that there are not are ignored", () => {
    const { gpio, read } = setUp("qemu-7.2");
    for (const pin of [-1, 8, 32, 0.5, Number.NaN]) gpio.input(pin, 1);
    expect(read(PL061_DATA_ALL)).toBe(0);
  });
});

describe("PL061 as in the manual", () => {
  test("a pin that turns into an input shows what is on it, also what came meanwhile", () => {
    const { gpio, read, write } = setUp("trm");
    write(PL061.GPIODIR, 0xff);
    gpio.input(3, 1);
    write(PL061_DATA_ALL, 0x30);
    expect(read(PL061_DATA_ALL)).toBe(0x30);
    write(PL061.GPIODIR, 0x10);
    expect(read(PL061_DATA_ALL)).toBe(0x18);
  });

  test("a level interrupt follows the pin, and a clear does not end it", () => {
    const { gpio, read, write, level } = setUp("trm");
    write(PL061.GPIOIEV, 4);
    write(PL061.GPIOIS, 4);
    write(PL061.GPIOIE, 4);
    gpio.input(2, 1);
    write(PL061.GPIOIC, 4);
    expect([read(PL061.GPIORIS), read(PL061.GPIOMIS), level()]).toEqual([4, 4, 1]);
    gpio.input(2, 0);
    expect([read(PL061.GPIORIS), level()]).toEqual([0, 0]);
  });

  test("edges of one pin do not look like edges of another", () => {
    const { gpio, read, write } = setUp("trm");
    write(PL061.GPIOIBE, 0xff);
    write(PL061.GPIODIR, 1);
    write(PL061_DATA_ALL, 1);
    gpio.input(5, 1);
    expect(read(PL061.GPIORIS)).toBe(0x20);
    write(PL061.GPIOIC, 0xff);
    gpio.input(5, 0);
    expect(read(PL061.GPIORIS)).toBe(0x20);
  });

  test("a reset lowers the line and the outputs; pins keep their levels", () => {
    const { gpio, outputs, read, write, level } = setUp("trm");
    gpio.input(0, 1);
    write(PL061.GPIODIR, 2);
    write(PL061_DATA_ALL, 2);
    write(PL061.GPIOIS, 1);
    write(PL061.GPIOIEV, 1);
    write(PL061.GPIOIE, 1);
    write(PL061.GPIOAFSEL, 0x5a);
    expect(level()).toBe(1);
    gpio.reset();
    expect([level(), read(PL061_DATA_ALL), read(PL061.GPIOAFSEL)]).toEqual([0, 1, 0]);
    expect(read(PL061.GPIORIS)).toBe(0);
    expect(outputs).toEqual([
      [1, 1],
      [1, 0],
    ]);
  });
});
