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

describe("GICv2 with one CPU", () => {
  const ALL_GROUPS = 3;
  const CBPR = 0x10;
  const EOI_MODE = 0x200;

  function setUp(control: number) {
    let level = 0;
    const gic = new Gicv2({
      cpuCount: 1,
      spiCount: 64,
      irq: () => (now) => {
        level = now;
      },
    });
    const distributor = gic.distributor();
    const cpu = gic.cpuInterface();
    distributor.write(GICD.CTLR, 4, ALL_GROUPS);
    cpu.write(GICC.PMR, 4, 0xff);
    cpu.write(GICC.CTLR, 4, control);
    const enable = (intid: number): void =>
      distributor.write(GICD.ISENABLER + 4 * (intid >> 5), 4, (1 << (intid & 31)) >>> 0);
    const isActive = (intid: number): boolean =>
      ((distributor.read(GICD.ISACTIVER + 4 * (intid >> 5), 4) >>> (intid & 31)) & 1) === 1;
    return { gic, distributor, cpu, enable, isActive, level: () => level };
  }

  test("registers of the CPU interface are storage of their own", () => {
    const { gic, cpu, enable } = setUp(3);
    const written = [
      [GICC.PMR, 0x90],
      [GICC.BPR, 3],
      [GICC.ABPR, 5],
    ] as const;
    for (const [register, value] of written) cpu.write(register, 4, value);
    enable(40);
    gic.spi(8)(1);
    cpu.write(GICC.EOIR, 4, cpu.read(GICC.IAR, 4));
    cpu.write(GICC.DIR, 4, 40);
    for (const [register, value] of written) expect(cpu.read(register, 4)).toBe(value);
    expect(cpu.read(GICC.CTLR, 4)).toBe(3);
  });

  test("DIR deactivates in EOImode only", () => {
    for (const [control, after] of [
      [1, true],
      [1 | EOI_MODE, false],
    ] as const) {
      const { gic, cpu, enable, isActive } = setUp(control);
      enable(40);
      gic.spi(8)(1);
      expect(cpu.read(GICC.IAR, 4)).toBe(40);
      cpu.write(GICC.DIR, 4, 41);
      expect(isActive(40)).toBe(true);
      cpu.write(GICC.DIR, 4, 40);
      expect(isActive(40)).toBe(after);
    }
  });

  test("private interrupts can be edges or levels, software-generated ones are edges", () => {
    const { gic, distributor, cpu, enable } = setUp(1);
    distributor.write(GICD.ICFGR, 4, 0);
    expect(distributor.read(GICD.ICFGR, 4)).toBe(0xaaaa_aaaa);
    distributor.write(GICD.ICFGR + 4, 4, 0xffff_ffff);
    expect(distributor.read(GICD.ICFGR + 4, 4)).toBe(0xaaaa_aaaa);
    for (const intid of [16, 17, 19, 31]) {
      enable(intid);
      gic.ppi(intid)(1);
      gic.ppi(intid)(0);
      expect(cpu.read(GICC.IAR, 4)).toBe(intid);
      cpu.write(GICC.EOIR, 4, intid);
    }
    distributor.write(GICD.ICFGR + 4, 4, 0);
    gic.ppi(16)(1);
    gic.ppi(16)(0);
    expect(cpu.read(GICC.IAR, 4)).toBe(1023);
  });

  test("every private interrupt can be disabled, software-generated ones cannot", () => {
    const { distributor } = setUp(1);
    distributor.write(GICD.ISENABLER, 4, 0xffff_ffff);
    distributor.write(GICD.ICENABLER, 4, 0xffff_ffff);
    expect(distributor.read(GICD.ISENABLER, 4)).toBe(0xffff);
  });

  test("what is no register reads 0, and narrow accesses of the CPU interface do nothing", () => {
    const { cpu, distributor } = setUp(1);
    expect([cpu.read(0x44, 4), distributor.read(0xf40, 4)]).toEqual([0, 0]);
    cpu.write(GICC.PMR, 1, 0x10);
    expect([cpu.read(GICC.PMR, 1), cpu.read(GICC.PMR, 2), cpu.read(GICC.PMR, 4)]).toEqual([
      0, 0, 0xff,
    ]);
  });

  test("the last interrupt works, and there is nothing after it", () => {
    const { gic, distributor, cpu, enable } = setUp(1);
    enable(95);
    gic.spi(63)(1);
    expect(cpu.read(GICC.IAR, 4)).toBe(95);
    for (const [register, width] of [
      [GICD.ISENABLER + 12, 4],
      [GICD.IPRIORITYR + 96, 1],
      [GICD.ICFGR + 24, 4],
    ] as const) {
      distributor.write(register, width, width === 4 ? 0xffff_ffff : 0xff);
      expect(distributor.read(register, width)).toBe(0);
    }
  });

  // The priority that runs keeps only the bits above the binary point: 0x6f becomes 0x60.
  test.each([
    ["group 0 uses BPR", { group1: false, control: 3, bpr: 4, abpr: 6 }, 0x60],
    ["group 1 uses ABPR, one less", { group1: true, control: 3, bpr: 1, abpr: 5 }, 0x60],
    ["group 1 uses BPR with CBPR", { group1: true, control: 3 | CBPR, bpr: 4, abpr: 1 }, 0x60],
  ])("running priority: %s", (_name, { group1, control, bpr, abpr }, running) => {
    const { gic, distributor, cpu, enable, level } = setUp(control | 4);
    cpu.write(GICC.BPR, 4, bpr);
    cpu.write(GICC.ABPR, 4, abpr);
    if (group1) distributor.write(GICD.IGROUPR + 4, 4, 0x300);
    for (const [intid, priority] of [
      [40, 0x6f],
      [41, 0x62],
    ] as const) {
      distributor.write(GICD.IPRIORITYR + intid, 1, priority);
      enable(intid);
    }
    gic.spi(8)(1);
    expect(cpu.read(GICC.IAR, 4)).toBe(40);
    expect(cpu.read(GICC.RPR, 4)).toBe(running);
    // More urgent, but not by what counts: it does not preempt.
    gic.spi(9)(1);
    expect(level()).toBe(0);
  });
});
