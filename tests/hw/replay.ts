/*
 * Replays recorded register traces against the device models and reports every step whose outcome
 * differs. `npm run replay` and `replay.test.ts` run it; what it replays on is in replay-rig.ts.
 */
import { createHash } from "node:crypto";
import { registerName } from "./register-name.js";
import { buildRig, RAM_BASE, type Rig } from "./replay-rig.js";
import type { Header, Level, Step, Trace } from "./trace.js";

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

/** One line for each mismatch, for people. */
export function describeMismatch(mismatch: Mismatch): string {
  const { line, scenario, what, expected, got } = mismatch;
  return `line ${line} (${scenario}): ${what}: expected ${expected}, got ${got}`;
}

/** How much of a trace is replayed. */
export interface ReplayOptions {
  /** Stop at this many mismatches; default: never. */
  mismatchesMax?: number;
}

/** Replays a whole trace. @throws TraceError for a device that there is no model of. */
export function replayTrace({ header, steps }: Trace, options: ReplayOptions = {}): Replay {
  const moves: Level[] = [];
  const rig = buildRig(header, moves);
  moves.length = 0;
  const mismatches: Mismatch[] = [];
  let scenario = "start";
  for (const [index, step] of steps.entries()) {
    if (mismatches.length >= (options.mismatchesMax ?? Number.POSITIVE_INFINITY)) break;
    if (step.o === "note") scenario = String(step.s);
    const report = (what: string, expected: string, got: string): void => {
      if (expected !== got) mismatches.push({ line: index + 2, scenario, what, expected, got });
    };
    perform({ rig, header, step, moves, report });
  }
  return { device: header.device, steps: steps.length, mismatches };
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
  const name = step.a === undefined ? step.o : `${step.o} ${registerName(header, address)}`;
  switch (step.o) {
    case "note":
      return;
    case "r":
      report(name, number(step.v), hex(readAt(rig, address, size)));
      break;
    case "w":
      writeAt(rig, address, size, BigInt(step.v ?? 0));
      break;
    case "in":
      if (rig.input === undefined) return unable(step, report);
      rig.input(step);
      break;
    case "clk":
      if (rig.clock === undefined) return unable(step, report);
      rig.clock.advance(BigInt(step.ns ?? 0));
      report("clock", String(step.now), String(rig.clock.now()));
      break;
    case "powerdown":
      if (rig.powerdown === undefined) return unable(step, report);
      rig.powerdown();
      break;
    case "rx":
    case "nrx":
    case "crx":
      if (rig.receive === undefined) return unable(step, report);
      rig.receive(bytesOf(step));
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
      report(name, number(step.v), hex(readAt(rig, address, size)));
      return;
    case "disk":
      report("disk", String(step.sha256), sha256(rig.disk));
      return;
    case "wait":
      reportLevel(step, moves, report);
      break;
    case "irqs":
      break;
    default:
      return unable(step, report);
  }
  // In an "io" trace only `wait` and `irqs` tell of wires: all moves since the last of them.
  const accumulates = header.mode === "io" && step.o !== "wait" && step.o !== "irqs";
  if (accumulates) return;
  report(`wires after ${name}`, JSON.stringify(step.irq ?? []), JSON.stringify(moves.splice(0)));
}

/** A step that the device of this trace has nothing for. */
function unable(step: Step, report: Performance["report"]): void {
  report(step.o, "a device that can do it", "none");
}

/** The wire of a `wait` must have come to its level: the models do everything at once. */
function reportLevel(step: Step, moves: readonly Level[], report: Performance["report"]): void {
  const last = moves.findLast(([number]) => number === step.n);
  if (last !== undefined) report(`wire ${step.n}`, String(step.l), String(last[1]));
}

function readAt(rig: Rig, address: number, size: number): bigint {
  if (address < RAM_BASE) {
    return size === 8 ? rig.bus.read64(address) : BigInt(rig.bus.read(address, size));
  }
  const bytes = rig.memory.copyOut(address, size) ?? new Uint8Array();
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

function writeAt(rig: Rig, address: number, size: number, value: bigint): void {
  if (address >= RAM_BASE) {
    for (let i = 0; i < size; i++) {
      rig.memory.writeU8(address + i, Number((value >> BigInt(8 * i)) & 0xffn));
    }
  } else if (size === 8) rig.bus.write64(address, value);
  else rig.bus.write(address, size, Number(value));
}

function bytesOf(step: Step): Uint8Array {
  return Buffer.from(step.d ?? "", "hex");
}

/** A recorded number in the form in which `hex` writes it. */
function number(text: string | undefined): string {
  return hex(BigInt(text ?? 0));
}

function hex(value: bigint): string {
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
