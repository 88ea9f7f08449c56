/* The GICv2 on several CPUs: what the traces, which see CPU 0 only, can't tell. */
import { beforeEach, describe, expect, test } from "vitest";
import { Gicv2 } from "../../hw/devices/gicv2.js";
import { GICC, GICD } from "../../hw/regs/gicv2.js";

const CPU_COUNT = 4;

describe("GICv2 with four CPUs", () => {
  let gic: Gicv2;
  let lines: number[];

  beforeEach(() => {
    lines = [0, 0, 0, 0];
    gic = new Gicv2({
      cpuCount: CPU_COUNT,
      spiCount: 64,
      irq: (cpu) => (level) => {
        lines[cpu] = level;
      },
    });
    gic.distributor().write(GICD.CTLR, 4, 1);
    for (let cpu = 0; cpu < CPU_COUNT; cpu++) {
      gic.cpuInterface(cpu).write(GICC.PMR, 4, 0xff);
      gic.cpuInterface(cpu).write(GICC.CTLR, 4, 1);
    }
  });

  test("a software-generated interrupt reaches the listed CPUs and names its sender", () => {
    gic.distributor(1).write(GICD.SGIR, 4, (0b1100 << 16) | 5);
    expect(lines).toEqual([0, 0, 1, 1]);
    expect(gic.cpuInterface(2).read(GICC.IAR, 4)).toBe(5 | (1 << 10));
    expect(lines).toEqual([0, 0, 0, 1]);
  });

  test("filters: all others, and the sender itself", () => {
    gic.distributor(2).write(GICD.SGIR, 4, (1 << 24) | 3);
    expect(lines).toEqual([1, 1, 0, 1]);
    gic.distributor(2).write(GICD.SGIR, 4, (2 << 24) | 3);
    expect(lines).toEqual([1, 1, 1, 1]);
  });

  test("a shared interrupt goes to its target, and is active for all", () => {
    gic.distributor().write(GICD.ITARGETSR + 40, 1, 0b10);
    gic.distributor().write(GICD.ISENABLER + 4, 4, 1 << 8);
    gic.spi(8)(1);
    expect(lines).toEqual([0, 1, 0, 0]);
    expect(gic.cpuInterface(1).read(GICC.IAR, 4)).toBe(40);
    expect(gic.distributor(0).read(GICD.ISACTIVER + 4, 4)).toBe(1 << 8);
    gic.cpuInterface(1).write(GICC.EOIR, 4, 40);
    expect(lines).toEqual([0, 1, 0, 0]);
    gic.spi(8)(0);
    expect(lines).toEqual([0, 0, 0, 0]);
  });

  test("private interrupts are banked", () => {
    gic.distributor(3).write(GICD.ISENABLER, 4, 1 << 30);
    gic.ppi(30, 0)(1);
    gic.ppi(30, 3)(1);
    expect(lines).toEqual([0, 0, 0, 1]);
    expect(gic.distributor(1).read(GICD.ISENABLER, 4)).toBe(0xffff);
  });

  test("any access of any width at any offset is harmless", () => {
    for (const device of [gic.distributor(), gic.cpuInterface()]) {
      for (let offset = 0; offset < 0x1004; offset++) {
        for (const size of [1, 2, 4] as const) {
          expect(Number.isInteger(device.read(offset, size))).toBe(true);
          device.write(offset, size, size === 4 ? 0xffffffff : 0xff);
        }
      }
    }
  });
});
