/*
 * What a trace is replayed on: for each kind of device that traces are of, how to build the board
 * that it was recorded from, freshly powered on. To replay a new kind, add a row to `RIGS`.
 */
import { Board, type BoardOptions } from "../../hw/board.js";
import { type BoardMap, deviceName } from "../../hw/board-map.js";
import { VIRT } from "../../hw/boards/virt.js";
import { Bus } from "../../hw/bus.js";
import { VirtualClock } from "../../hw/clock.js";
import type { Wire } from "../../hw/device.js";
import type { FwCfgFile } from "../../hw/devices/fw-cfg.js";
import { Gicv2 } from "../../hw/devices/gicv2.js";
import { GuestMemory, PhysicalMemory } from "../../hw/memory.js";
import { virtioRig } from "./replay-virtio.js";
import { type Header, type Level, type Step, TraceError } from "./trace.js";

/** What a trace can do to the devices that it was recorded from. */
export interface Rig {
  bus: Bus;
  memory: GuestMemory;
  /** Drives an input wire. */
  input?: (step: Step) => void;
  /** Left out by rigs whose devices do not look at it. */
  clock?: VirtualClock;
  powerdown?: () => void;
  /** Bytes, or a frame, from the outside. */
  receive?: (bytes: Uint8Array) => void;
  /** What was sent to the outside: bytes, or whole frames. */
  sent: number[];
  frames?: Uint8Array[];
  disk?: Uint8Array;
}

type Parts = Pick<Rig, "memory" | "sent">;
type BuildRig = (parts: Parts, header: Header, moves: Level[]) => Rig;

/** Where guest memory begins on all recorded boards that the traces touch it on. */
export const RAM_BASE = 0x4000_0000;
/** What QEMU's `-m` says in megabytes, within reason; 128 without it. */
const RAM_MB_MAX = 4096;
const RAM_MB_DEFAULT = 128;
/** The domain that guest memory is in: the whole board has one. */
const DOMAIN = 1;

const virtio: BuildRig = (parts, header, moves) =>
  virtioRig(parts, header, (spi) => recorder(spi, moves));

const RIGS: Readonly<Record<string, BuildRig>> = {
  fwcfg: boardRig,
  gicv2: gicRig,
  pl011: boardRig,
  pl031: boardRig,
  pl061: boardRig,
  sp804: sp804Rig,
  system: boardRig,
  "virtio-blk": virtio,
  "virtio-blk-ro": virtio,
  "virtio-console": virtio,
  "virtio-net": virtio,
  "virtio-none": virtio,
  "virtio-rng": virtio,
};

/** Builds what a trace is to be replayed on. @throws TraceError for a device without models. */
export function buildRig(header: Header, moves: Level[]): Rig {
  const build = Object.hasOwn(RIGS, header.device) ? RIGS[header.device] : undefined;
  if (build === undefined) {
    const known = Object.keys(RIGS).join(", ");
    throw new TraceError(`line 1: unknown device "${header.device}"; known: ${known}`);
  }
  const memory = new PhysicalMemory();
  const buffer = new SharedArrayBuffer(ramSize(header.args ?? []));
  memory.attach({ domain: DOMAIN, address: RAM_BASE, buffer });
  const parts = { memory: new GuestMemory(memory, DOMAIN), sent: [] };
  return { clock: new VirtualClock(), ...build(parts, header, moves) };
}

/** The board itself, with the trace in the place of its CPU. */
function boardRig(parts: Parts, header: Header, moves: Level[], map: BoardMap = VIRT): Rig {
  const clock = new VirtualClock();
  // Input that the UART does not take waits outside, as with a socket.
  let waiting: number[] = [];
  const offer = (): void => {
    waiting = waiting.slice(board.receive(Uint8Array.from(waiting)));
  };
  const board = new Board(map, {
    clock,
    epochSeconds: header.rtcBase ?? 0,
    quirks: "qemu-7.2",
    files: [...MACHINE_FILES, ...filesOf(header.args ?? [])],
    console: (byte) => parts.sent.push(byte) > 0,
    consoleRoom: offer,
    ...intercepted(header.intercept, moves),
  });
  const buffer = parts.memory.view(RAM_BASE, 1, true)?.buffer;
  if (buffer !== undefined) board.memory.attach({ domain: DOMAIN, address: RAM_BASE, buffer });
  // Not more than it needs: a device is reset when it is given away.
  const masters = VIRT.devices.filter(({ kind }) => kind === "fw-cfg");
  for (const entry of masters) void board.assign(deviceName(entry), DOMAIN);
  return {
    ...parts,
    bus: board.bus,
    clock,
    input: ({ d, n = 0, l = 0 }) => (d === "gic" ? board.setWire(n, l) : board.setPin(n, l)),
    powerdown: () => board.pressPowerKey(),
    receive(bytes) {
      waiting.push(...bytes);
      offer();
    },
  };
}

/** Notes the wires that the trace tells of. */
function intercepted(intercept: string | undefined, moves: Level[]): BoardOptions {
  const ignore: Wire = () => {};
  const note = (number: number, level: 0 | 1): void => void moves.push([number, level]);
  switch (intercept) {
    case "cpu-in":
      return { cpu: { irq: recorder(0, moves), fiq: recorder(1, moves) } };
    case "pl061-out":
      return { cpu: { irq: ignore, fiq: ignore }, gpioOutput: note };
    default:
      return { cpu: { irq: ignore, fiq: ignore }, onWire: note };
  }
}

/** The SP804 of another board (vexpress-a15), which `virt` has not. */
function sp804Rig(parts: Parts, header: Header, moves: Level[]): Rig {
  const window = { base: Number(header.base), size: 0x1000 };
  const timer = VIRT.devices.find(({ kind }) => kind === "sp804");
  const devices = timer === undefined ? [] : [{ ...timer, window, spi: 2 }];
  const map = { ...VIRT, devices, timerClockHz: header.clockHz ?? VIRT.timerClockHz };
  return boardRig(parts, header, moves, map);
}

function gicRig(parts: Parts, header: Header, moves: Level[]): Rig {
  const gic = new Gicv2({
    cpuCount: header.smp ?? 1,
    spiCount: 256,
    irq: (cpu) => (cpu === 0 ? recorder(0, moves) : () => {}),
    fiq: (cpu) => (cpu === 0 ? recorder(1, moves) : () => {}),
  });
  const { distributor, cpuInterface } = VIRT.gic;
  const bus = new Bus([
    { name: "GICD", ...distributor, device: gic.distributor(0) },
    { name: "GICC", ...cpuInterface, device: gic.cpuInterface(0) },
  ]);
  const input = ({ n = 0, l = 0 }: Step): void => {
    const wire = n < 256 ? gic.spi(n) : gic.ppi(n - 256, 0);
    wire(l);
  };
  return { ...parts, bus, input };
}

/** A wire that notes its changes of level. */
function recorder(number: number, moves: Level[]): Wire {
  let before = 0;
  return (level) => {
    if (level !== before) moves.push([number, level]);
    before = level;
  };
}

/**
 * Files that QEMU itself puts into the recorded machine. The traces show their names and sizes, in
 * the directory, and nothing of their contents.
 */
const MACHINE_FILES: readonly FwCfgFile[] = [
  ["bios-geometry", 0],
  ["bootorder", 0],
  ["etc/acpi/rsdp", 36],
  ["etc/acpi/tables", 131_072],
  ["etc/boot-fail-wait", 4],
  ["etc/smbios/smbios-anchor", 24],
  ["etc/smbios/smbios-tables", 266],
  ["etc/table-loader", 3072],
  ["etc/tpm/log", 0],
].map(([name, size]) => ({ name: String(name), bytes: new Uint8Array(Number(size)) }));

function ramSize(args: readonly string[]): number {
  const megabytes = Number(args[args.indexOf("-m") + 1]);
  const usable = args.includes("-m") && Number.isInteger(megabytes) && megabytes > 0;
  return Math.min(usable ? megabytes : RAM_MB_DEFAULT, RAM_MB_MAX) * 2 ** 20;
}

/** The files of QEMU's `-fw_cfg name=NAME,string=TEXT`. */
function filesOf(args: readonly string[]): FwCfgFile[] {
  return args.flatMap((arg) => {
    const match = /^name=([^,]+),string=(.*)$/.exec(arg);
    if (match === null) return [];
    return [{ name: match[1] ?? "", bytes: new TextEncoder().encode(match[2]) }];
  });
}
