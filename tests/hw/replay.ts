/*
 * Replays recorded register traces (format 1: JSON Lines, one step a line) against the device
 * models and reports every step whose outcome differs. A library: `replay.test.ts` runs all traces
 * with it. Each trace gets a freshly powered-on board of just the devices that it speaks to.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Bus } from "../../hw/bus.js";
import type { Wire } from "../../hw/device.js";
import { Gicv2 } from "../../hw/devices/gicv2.js";
import { Pl011 } from "../../hw/devices/pl011.js";
import { GuestMemory, PhysicalMemory } from "../../hw/memory.js";
import { registerName } from "./register-name.js";
import { type ReplayDisk, virtioRig } from "./replay-virtio.js";

/** A step whose outcome was not the recorded one. */
export interface Mismatch {
  /** Line of the trace, the header being 1. */
  line: number;
  scenario: string;
  /** What was done: operation and register by name. */
  what: string;
  expected: string;
  got: string;
}

/** The outcome of one trace. */
export interface Replay {
  device: string;
  steps: number;
  mismatches: Mismatch[];
}

type Level = [number: number, level: number];

interface Header {
  device: string;
  base: string;
  smp?: number;
  slot?: number;
  mode?: "regs" | "io";
  disk?: ReplayDisk;
}

interface Step {
  o: string;
  a?: string;
  s?: number | string;
  v?: string;
  n?: number;
  l?: 0 | 1;
  d?: string;
  sha256?: string;
  irq?: Level[];
}

/** What a trace can do to the devices that it was recorded from. */
interface Rig {
  bus: Bus;
  memory: GuestMemory;
  input?: (step: Step) => void;
  /** Bytes, or a frame, from the outside. */
  receive?: (bytes: Uint8Array) => void;
  /** What was sent to the outside: bytes, or whole frames. */
  sent: number[];
  frames?: Uint8Array[];
  disk?: Uint8Array;
}

const RAM_BASE = 0x4000_0000;
const RAM_SIZE = 0x100_0000;

/** Reads a compressed trace. */
export function readTrace(path: string): string {
  return gunzipSync(readFileSync(path)).toString("utf8");
}

/** One line for each mismatch, for people. */
export function describeMismatch(mismatch: Mismatch): string {
  const { line, scenario, what, expected, got } = mismatch;
  return `line ${line} (${scenario}): ${what}: expected ${expected}, got ${got}`;
}

/** Replays a whole trace. */
export function replayTrace(text: string): Replay {
  const [first = "{}", ...lines] = text.trim().split("\n");
  const header = JSON.parse(first) as Header;
  const moves: Level[] = [];
  const rig = buildRig(header, moves);
  const mismatches: Mismatch[] = [];
  let scenario = "start";
  lines.forEach((source, index) => {
    const step = JSON.parse(source) as Step;
    if (step.o === "note") scenario = String(step.s);
    const report = (what: string, expected: string, got: string): void => {
      if (expected !== got) mismatches.push({ line: index + 2, scenario, what, expected, got });
    };
    perform({ rig, header, step, moves, report });
  });
  return { device: header.device, steps: lines.length, mismatches };
}

interface Performance {
  rig: Rig;
  header: Header;
  step: Step;
  moves: Level[];
  report: (what: string, expected: string, got: string) => void;
}

function perform({ rig, header, step, moves, report }: Performance): void {
  const address = Number(header.base) + Number(step.a ?? 0);
  const size = Number(step.s);
  const name = `${step.o} ${registerName(header.device, address)}`;
  switch (step.o) {
    case "note":
      return;
    case "r":
      report(name, String(step.v), hex(readAt(rig, address, size)));
      break;
    case "w":
      writeAt(rig, address, size, Number(step.v));
      break;
    case "in":
      rig.input?.(step);
      break;
    case "rx":
    case "nrx":
    case "crx":
      rig.receive?.(bytesOf(step));
      break;
    case "ntx":
      report("sent", String(step.d), hexOf(rig.frames?.shift()));
      break;
    case "tx":
    case "ctx":
      report("sent", String(step.d), Buffer.from(rig.sent.splice(0)).toString("hex"));
      break;
    case "reset":
      rig.bus.reset();
      break;
    case "mw":
      rig.memory.view(address, bytesOf(step).length, true)?.set(bytesOf(step));
      break;
    case "mr":
      report(name, String(step.d), hexOf(rig.memory.copyOut(address, Number(step.n))));
      break;
    case "poll":
      report(name, String(step.v), hex(readAt(rig, address, size)));
      return;
    case "disk":
      report("disk", String(step.sha256), sha256(rig.disk));
      return;
    case "wait":
    case "irqs":
      break;
    default:
      report(name, "a step that the replay knows", step.o);
      return;
  }
  // In an "io" trace only `wait` and `irqs` tell of wires: all moves since the last of them.
  const accumulates = header.mode === "io" && step.o !== "wait" && step.o !== "irqs";
  if (accumulates) return;
  report(`wires after ${name}`, JSON.stringify(step.irq ?? []), JSON.stringify(moves.splice(0)));
}

function buildRig(header: Header, moves: Level[]): Rig {
  const memory = new PhysicalMemory();
  memory.attach({ domain: 1, address: RAM_BASE, buffer: new SharedArrayBuffer(RAM_SIZE) });
  const rig = { memory: new GuestMemory(memory, 1), sent: [] as number[] };
  const base = Number(header.base);
  if (header.device === "gicv2") return gicRig(rig, header, moves);
  if (header.device === "pl011") {
    const uart = new Pl011({
      quirks: "qemu-7.2",
      transmit: (byte) => rig.sent.push(byte) > 0,
      interrupt: recorder(1, moves),
      backlogSize: 65536,
    });
    const bus = new Bus([{ name: "pl011", base, size: 0x1000, device: uart }]);
    return { ...rig, bus, receive: (bytes) => void uart.receive(bytes) };
  }
  return virtioRig(rig, header, (spi) => recorder(spi, moves));
}

function gicRig(rig: Omit<Rig, "bus">, header: Header, moves: Level[]): Rig {
  const gic = new Gicv2({
    cpuCount: header.smp ?? 1,
    spiCount: 256,
    irq: (cpu) => (cpu === 0 ? recorder(0, moves) : () => {}),
    fiq: (cpu) => (cpu === 0 ? recorder(1, moves) : () => {}),
  });
  const base = Number(header.base);
  const bus = new Bus([
    { name: "GICD", base, size: 0x1_0000, device: gic.distributor(0) },
    { name: "GICC", base: base + 0x1_0000, size: 0x2000, device: gic.cpuInterface(0) },
  ]);
  const input = (step: Step): void => {
    const pin = step.n ?? 0;
    const wire = pin < 256 ? gic.spi(pin) : gic.ppi(pin - 256, 0);
    wire(step.l ?? 0);
  };
  return { ...rig, bus, input };
}

/** A wire that notes its changes of level. */
function recorder(number: number, moves: Level[]): Wire {
  let before = 0;
  return (level) => {
    if (level !== before) moves.push([number, level]);
    before = level;
  };
}

function readAt(rig: Rig, address: number, size: number): number {
  if (address < RAM_BASE) return rig.bus.read(address, size);
  const bytes = rig.memory.copyOut(address, size) ?? new Uint8Array();
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function writeAt(rig: Rig, address: number, size: number, value: number): void {
  if (address < RAM_BASE) {
    rig.bus.write(address, size, value);
    return;
  }
  for (let i = 0; i < size; i++) rig.memory.writeU8(address + i, (value >>> (8 * i)) & 0xff);
}

function bytesOf(step: Step): Uint8Array {
  return Buffer.from(step.d ?? "", "hex");
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function hexOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("hex");
}

function sha256(bytes: Uint8Array | undefined): string {
  return createHash("sha256")
    .update(bytes ?? new Uint8Array())
    .digest("hex");
}
