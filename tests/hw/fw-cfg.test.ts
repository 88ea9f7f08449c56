/* The firmware configuration device where the trace does not look: DMA errors, and limits. */
import { describe, expect, test } from "vitest";
import { Bus } from "../../hw/bus.js";
import { FW_CFG_FILES_MAX, FwCfg, type FwCfgFile } from "../../hw/devices/fw-cfg.js";
import { GuestMemory, PhysicalMemory } from "../../hw/memory.js";
import { FW_CFG, FW_CFG_DMA_CTL, FW_CFG_KEY, FW_CFG_SIZE } from "../../hw/regs/fw-cfg.js";

const { READ, SKIP, SELECT, WRITE, ERROR } = FW_CFG_DMA_CTL;
const RAM = 0x4000_0000;
const REQUEST = RAM + 0x100;
const TARGET = RAM + 0x200;

function setUp(files: readonly FwCfgFile[] = [file("opt/a", "abc"), file("opt/b", "0123456789")]) {
  const physical = new PhysicalMemory();
  physical.attach({ domain: 1, address: RAM, buffer: new SharedArrayBuffer(0x1000) });
  const memory = new GuestMemory(physical, 1);
  const device = new FwCfg({ memory, cpuCount: 2, files });
  const bus = new Bus([{ name: "fw-cfg", base: 0, size: FW_CFG_SIZE, device }]);
  const request = (control: number, length: number, address: number): void => {
    const view = memory.view(REQUEST, 16, true);
    if (view === undefined) return;
    const words = new DataView(view.buffer, view.byteOffset);
    words.setUint32(0, control);
    words.setUint32(4, length);
    words.setBigUint64(8, BigInt(address));
  };
  const start = (address = REQUEST): void => bus.write64(FW_CFG.DmaHigh, swapped(address));
  const result = (): number => {
    const view = memory.view(REQUEST, 4, false);
    return view === undefined ? -1 : new DataView(view.buffer, view.byteOffset).getUint32(0);
  };
  const select = (key: number): void =>
    bus.write(FW_CFG.Selector, 2, ((key & 0xff) << 8) | (key >> 8));
  const text = (length: number): string => String.fromCharCode(...bytes(bus, length));
  const target = (length: number): string =>
    Buffer.from(memory.copyOut(TARGET, length) ?? []).toString("latin1");
  return { physical, device, bus, request, start, result, select, text, target };
}

function file(name: string, content: string): FwCfgFile {
  return { name, bytes: new TextEncoder().encode(content) };
}

function bytes(bus: Bus, length: number): number[] {
  return Array.from({ length }, () => bus.read(FW_CFG.Data, 1));
}

function swapped(address: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(address));
  return view.getBigUint64(0, true);
}

const FILE_A = FW_CFG_KEY.FILE_FIRST;
const FILE_B = FW_CFG_KEY.FILE_FIRST + 1;

describe("fw_cfg by register", () => {
  test("the signature is chosen at power-on and after a reset", () => {
    const { device, select, text } = setUp();
    expect(text(5)).toBe("QEMU\0");
    select(FILE_A);
    expect(text(2)).toBe("ab");
    device.reset();
    expect(text(4)).toBe("QEMU");
  });

  test("the count of CPUs, what the device can do, and a sorted directory", () => {
    const { bus, select } = setUp([file("z", "zz"), file("a", "a")]);
    select(FW_CFG_KEY.NB_CPUS);
    expect(bytes(bus, 3)).toEqual([2, 0, 0]);
    select(FW_CFG_KEY.ID);
    expect(bus.read(FW_CFG.Data, 4)).toBe(3);
    select(FW_CFG_KEY.FILE_DIR);
    expect(bytes(bus, 14)).toEqual([0, 0, 0, 2, 0, 0, 0, 1, 0, 0x20, 0, 0, 97, 0]);
    bytes(bus, 54);
    expect(bytes(bus, 10)).toEqual([0, 0, 0, 2, 0, 0x21, 0, 0, 122, 0]);
  });

  test("the two upper bits of a key do not count; the selector takes 16 bits only", () => {
    const { bus, select, text } = setUp();
    select(0xc000 | FILE_B);
    expect(text(2)).toBe("01");
    bus.write(FW_CFG.Selector, 4, 0x2000);
    bus.write(FW_CFG.Selector, 1, 0);
    expect(text(2)).toBe("23");
  });

  test("wide reads have the first byte lowest; the data register is 8 bytes wide", () => {
    const { bus, select } = setUp();
    select(FILE_B);
    expect(bus.read64(FW_CFG.Data)).toBe(0x3736_3534_3332_3130n);
    expect(bus.read(FW_CFG.Data, 4)).toBe(0x3938);
  });

  test("the signature of DMA is read in one access or in words; narrower reads see nothing", () => {
    const { bus } = setUp();
    expect(bus.read64(FW_CFG.DmaHigh)).toBe(0x4746_4320_554d_4551n);
    expect(bus.read(FW_CFG.DmaHigh, 2)).toBe(0);
    expect(bus.read(FW_CFG.Selector, 4)).toBe(0);
  });
});

describe("fw_cfg by DMA", () => {
  test("select, skip and read", () => {
    const { request, start, result, target } = setUp();
    request((FILE_B << 16) | SELECT | SKIP, 4, 0);
    start();
    expect(result()).toBe(0);
    request(READ, 3, TARGET);
    start();
    expect([result(), target(4)]).toEqual([0, "456\0"]);
    request(READ, 5, TARGET);
    start();
    expect(target(5)).toBe("789\0\0");
  });

  test("select alone does nothing else, and nothing at all is no error", () => {
    const { request, start, result, text } = setUp();
    request((FILE_A << 16) | SELECT, 2, TARGET);
    start();
    expect([result(), text(3)]).toEqual([0, "abc"]);
    request(0, 2, TARGET);
    start();
    expect(result()).toBe(0);
  });

  test("a write, and a target outside of memory, end with the error bit", () => {
    const { physical, request, start, result, text } = setUp();
    request((FILE_A << 16) | SELECT | WRITE, 1, TARGET);
    start();
    expect(result()).toBe(ERROR);
    request((FILE_A << 16) | SELECT | READ, 0xffff_ffff, TARGET);
    start();
    expect([result(), physical.faultCount]).toEqual([ERROR, 1]);
    expect(text(3)).toBe("abc");
  });

  test("a read of no bytes needs no memory", () => {
    const { physical, request, start, result } = setUp();
    request(READ, 0, 0);
    start();
    expect([result(), physical.faultCount]).toEqual([0, 0]);
  });

  test("a request outside of memory is a recorded fault and nothing else", () => {
    const { physical, bus, request, start, result } = setUp();
    request(0xffff_ffff, 0, 0);
    start(0x10_0000_0000 + REQUEST);
    expect([physical.faultCount, result()]).toEqual([1, 0xffff_ffff]);
    request(SKIP, 1, 0);
    // The upper half was used up by the request before.
    bus.write(FW_CFG.DmaLow, 4, Number(swapped(REQUEST) >> 32n));
    expect(result()).toBe(0);
  });

  test("halves of other widths start nothing; a reset forgets the upper half", () => {
    const { bus, device, request, result } = setUp();
    request(SKIP, 1, 0);
    bus.write(FW_CFG.DmaLow, 2, Number(swapped(REQUEST) >> 32n) & 0xffff);
    expect(result()).toBe(SKIP);
    bus.write(FW_CFG.DmaHigh, 4, 0xff);
    device.reset();
    bus.write(FW_CFG.DmaLow, 4, Number(swapped(REQUEST) >> 32n));
    expect(result()).toBe(0);
  });
});

describe("fw_cfg: limits", () => {
  test("a name of 56 bytes, a name twice, and too many files are refused", () => {
    expect(() => setUp([file("x".repeat(55), "")])).not.toThrow();
    expect(() => setUp([file("x".repeat(56), "")])).toThrow("has a name of 56 bytes or more");
    expect(() => setUp([file("a", ""), file("b", ""), file("a", "")])).toThrow("two files a");
    const many = Array.from({ length: FW_CFG_FILES_MAX + 1 }, (_, index) => file(`f${index}`, ""));
    expect(() => setUp(many)).toThrow("fw_cfg has 257 files, the limit is 256");
    expect(() => setUp(many.slice(1))).not.toThrow();
  });
});
