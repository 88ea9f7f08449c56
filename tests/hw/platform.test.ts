/* The platform devices on the board: addresses, wires, power key, firmware calls. */
import { describe, expect, test } from "vitest";
import { Board, type BoardOptions } from "../../hw/board.js";
import { VIRT } from "../../hw/boards/virt.js";
import { VirtualClock } from "../../hw/clock.js";
import { POWER_KEY_NS } from "../../hw/platform.js";
import { CNT } from "../../hw/regs/generic-timer.js";
import { PL031 } from "../../hw/regs/pl031.js";
import { PL061, PL061_DATA_ALL } from "../../hw/regs/pl061.js";
import { PSCI, PSCI_RETURN } from "../../hw/regs/psci.js";
import { SP804, TimerControl } from "../../hw/regs/sp804.js";
import { findDevices, findNode, parseDeviceTree } from "../../ipc/device-tree.js";

const RTC = 0x0901_0000;
const FW_CFG = 0x0902_0000;
const GPIO = 0x0903_0000;
const TIMERS = 0x090d_0000;
const POWER_PIN = 0x08;

function boardWith(options: BoardOptions = {}) {
  const clock = new VirtualClock();
  const taken: number[] = [];
  const board = new Board(VIRT, {
    clock,
    epochSeconds: 1000,
    vector: (intid) => taken.push(intid),
    ...options,
  });
  const read = (address: number): number => board.bus.read(address, 4);
  const write = (address: number, value: number): void => board.bus.write(address, 4, value);
  return { board, clock, taken, read, write };
}

describe("platform devices on the board", () => {
  test("each answers at its address", () => {
    const { read } = boardWith();
    expect([RTC, GPIO, TIMERS].map((base) => read(base + 0xfe0))).toEqual([0x31, 0x61, 0x04]);
    expect(read(FW_CFG)).toBe(0x554d_4551);
    expect(read(RTC)).toBe(1000);
  });

  test("the alarm, a pin and a timer interrupt as 34, 39 and 42", () => {
    const { board, clock, taken, write } = boardWith();
    for (const intid of [34, 39, 42]) board.enableInterrupt(intid, "level");
    write(RTC + PL031.RTCIMSC, 1);
    write(RTC + PL031.RTCMR, 1001);
    write(GPIO + PL061.GPIOIEV, 0xff);
    write(GPIO + PL061.GPIOIE, 0xff);
    write(TIMERS + SP804.TimerLoad, 2_000_000);
    write(TIMERS + SP804.TimerControl, TimerControl.TimerEn | TimerControl.OneShot | 0x22);
    clock.advance(1_000_000_000n);
    board.setPin(5, 1);
    clock.advance(1_000_000_000n);
    expect(taken).toEqual([34, 39, 42]);
  });

  test("the generic timer drives the private interrupts of its CPU", () => {
    const seen: number[] = [];
    for (const [intid, ctl] of [
      [29, CNT.CNTPS_CTL_EL1],
      [30, CNT.CNTP_CTL_EL0],
      [27, CNT.CNTV_CTL_EL0],
      [26, CNT.CNTHP_CTL_EL2],
    ] as const) {
      const { board, taken } = boardWith();
      for (const other of [26, 27, 29, 30]) board.enableInterrupt(other, "level");
      board.timer.write(ctl, 1n);
      seen.push(...taken);
      expect(taken).toEqual([intid]);
    }
    expect(seen).toHaveLength(4);
  });

  test("the power key holds pin 3 for 100 ms of the board's time from its last press", () => {
    const { board, clock, read } = boardWith();
    board.pressPowerKey();
    clock.advance(POWER_KEY_NS - 1n);
    expect(read(GPIO + PL061_DATA_ALL)).toBe(POWER_PIN);
    board.pressPowerKey();
    clock.advance(POWER_KEY_NS - 1n);
    expect(read(GPIO + PL061_DATA_ALL)).toBe(POWER_PIN);
    clock.advance(1n);
    expect(read(GPIO + PL061_DATA_ALL)).toBe(0);
  });

  test("a GPIO that is given to another driver keeps what is on its pins", async () => {
    const { board, read } = boardWith();
    board.setPin(6, 1);
    await board.assign("pl061@9030000", 3);
    expect(read(GPIO + PL061_DATA_ALL)).toBe(0x40);
    await board.assign("pl031@9010000", 3);
    expect(read(GPIO + PL061_DATA_ALL)).toBe(0x40);
  });

  test("outputs reach the outside", () => {
    const seen: number[][] = [];
    const { write } = boardWith({ gpioOutput: (pin, level) => seen.push([pin, level]) });
    write(GPIO + PL061.GPIODIR, 2);
    write(GPIO + PL061_DATA_ALL, 2);
    expect(seen).toEqual([[1, 1]]);
  });

  test("fw_cfg reaches the memory of its driver only", async () => {
    const { board, write } = boardWith({ files: [{ name: "opt/x", bytes: Uint8Array.of(7) }] });
    board.memory.attach({ domain: 4, address: 0x4000_0000, buffer: new SharedArrayBuffer(64) });
    write(FW_CFG + 0x14, 0x40);
    expect(board.memory.takeFaults().count).toBe(1);
    await board.assign("fw-cfg@9020000", 4);
    write(FW_CFG + 0x14, 0x40);
    expect(board.memory.takeFaults().count).toBe(0);
  });

  test("pins beyond the eighth are ignored", () => {
    const { board, read } = boardWith();
    board.setPin(8, 1);
    board.setPin(-1, 1);
    expect(read(GPIO + PL061_DATA_ALL)).toBe(0);
  });
});

describe("device tree of the platform devices", () => {
  const root = parseDeviceTree(new Board(VIRT).deviceTree);
  if (root === undefined) throw new RangeError("the board's tree cannot be parsed");

  test("drivers find them by what they are compatible with", () => {
    for (const [compatible, path, base, intid] of [
      ["arm,pl031", "/pl031@9010000", RTC, 34],
      ["arm,pl061", "/pl061@9030000", GPIO, 39],
      ["arm,sp804", "/timer@90d0000", TIMERS, 42],
    ] as const) {
      const [found] = findDevices(root, compatible);
      expect(found).toMatchObject({
        path,
        reg: [{ base, size: 0x1000 }],
        interrupts: [{ intid, edge: false }],
      });
    }
    expect(findDevices(root, "qemu,fw-cfg-mmio")).toMatchObject([
      { path: "/fw-cfg@9020000", reg: [{ base: FW_CFG, size: 0x18 }], interrupts: [] },
    ]);
  });

  test("the power key is pin 3 of the GPIO, and firmware is called by hvc", () => {
    const cells = (path: string, name: string): number[] => {
      const bytes = findNode(root, path)?.properties.get(name) ?? new Uint8Array();
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(4 * index));
    };
    expect(cells("/gpio-keys/poweroff", "gpios")).toEqual([0x8004, 3, 0]);
    expect(cells("/gpio-keys/poweroff", "linux,code")).toEqual([0x74]);
    expect(cells("/pl061@9030000", "phandle")).toEqual([0x8004]);
    expect(cells("/psci", "cpu_on")).toEqual([PSCI.CPU_ON]);
  });
});

describe("firmware calls", () => {
  test("power off is told, and nothing else happens", () => {
    const events: string[] = [];
    const { board } = boardWith({ onPower: (event) => events.push(event) });
    expect(board.psci(PSCI.SYSTEM_OFF)).toBe(PSCI_RETURN.SUCCESS);
    expect(events).toEqual(["off"]);
  });

  test("reset resets the devices, then tells", async () => {
    const { board, read, write } = boardWith({ onPower: (event) => told(event) });
    let told: (event: string) => void = () => undefined;
    const event = new Promise<string>((resolve) => {
      told = resolve;
    });
    write(GPIO + PL061.GPIODIR, 0xff);
    board.timer.write(CNT.CNTP_CVAL_EL0, 5n);
    board.psci(PSCI.SYSTEM_RESET);
    expect(await event).toBe("reset");
    expect(read(GPIO + PL061.GPIODIR)).toBe(0);
    expect(board.timer.read(CNT.CNTP_CVAL_EL0)).toBe(0n);
  });

  test("a board of one CPU answers for it, and refuses what needs another", () => {
    const { board } = boardWith();
    expect(board.psci(PSCI.PSCI_VERSION)).toBe(0x1_0000);
    expect(board.psci(PSCI.PSCI_FEATURES, PSCI.SYSTEM_RESET)).toBe(PSCI_RETURN.SUCCESS);
    expect(board.psci(PSCI.PSCI_FEATURES, 1)).toBe(PSCI_RETURN.NOT_SUPPORTED);
    expect(board.psci(PSCI.CPU_ON, 0)).toBe(PSCI_RETURN.ALREADY_ON);
    expect(board.psci(PSCI.CPU_ON, 1)).toBe(PSCI_RETURN.INVALID_PARAMETERS);
    expect(board.psci(PSCI.AFFINITY_INFO, 0)).toBe(0);
    expect(board.psci(PSCI.AFFINITY_INFO, 1)).toBe(PSCI_RETURN.INVALID_PARAMETERS);
    expect(board.psci(PSCI.CPU_OFF)).toBe(PSCI_RETURN.DENIED);
    expect(board.psci(PSCI.CPU_SUSPEND)).toBe(PSCI_RETURN.SUCCESS);
    expect(board.psci(PSCI.MIGRATE_INFO_TYPE)).toBe(2);
    expect(board.psci(0x8400_00ff)).toBe(PSCI_RETURN.NOT_SUPPORTED);
  });
});

describe("platform devices: bad accesses", () => {
  test("any access of any width at any offset is harmless", () => {
    for (const quirks of ["qemu-7.2", "trm"] as const) {
      const { board, clock } = boardWith({ quirks });
      for (const { name, base, size, device } of board.bus.windows) {
        if (name.startsWith("gic") || name.startsWith("virtio")) continue;
        for (let offset = 0; offset < Math.min(size, 0x1004); offset++) {
          for (const width of [1, 2, 4] as const) {
            const value = device.read(offset, width);
            if (!Number.isInteger(value)) throw new RangeError(`${name}+${offset}: ${value}`);
            device.write(offset, width, width === 4 ? 0xffff_ffff : 0xff);
            board.bus.write(base + offset, width, 0);
          }
        }
        clock.advance(10_000_000_000n);
      }
    }
  });
});
