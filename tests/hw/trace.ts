/*
 * Reads recorded register traces, format 1: JSON Lines, compressed or not. The first line is the
 * header, every other one a step. What is wrong with a file is said with its line and field.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** A change of a wire: which, and to which level. */
export type Level = [number: number, level: number];

/** The first line: what was recorded, and how it stood. */
export interface Header {
  device: string;
  /** Added to the address of each access. */
  base: string;
  /** Which wires the steps tell of. */
  intercept?: string;
  mode?: "regs" | "io";
  smp?: number;
  slot?: number;
  rtcBase?: number;
  clockHz?: number;
  disk?: { sectors: number; serial: string; readonly: boolean };
  /** QEMU's command line. */
  args?: string[];
}

/** One step. Which fields it has is in `FIELDS`. */
export interface Step {
  o: string;
  a?: string;
  s?: number | string;
  v?: string;
  n?: number;
  l?: 0 | 1;
  d?: string;
  ns?: number;
  now?: string;
  sha256?: string;
  irq?: Level[];
}

/** A trace that was read whole. */
export interface Trace {
  header: Header;
  steps: readonly Step[];
}

/** A file that is no trace; the message says where and why. */
export class TraceError extends Error {}

/** Most bytes of an uncompressed trace. */
export const TRACE_BYTES_MAX = 256 * 1024 * 1024;

const HEX_NUMBER = /^0x[0-9a-f]{1,16}$/i;
const HEX_BYTES = /^(?:[0-9a-f]{2})*$/i;
const DECIMAL = /^[0-9]{1,30}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const GZIP_MAGIC = [0x1f, 0x8b];

type Check = (value: unknown) => boolean;
const isHex: Check = (value) => typeof value === "string" && HEX_NUMBER.test(value);
const isBytes: Check = (value) => typeof value === "string" && HEX_BYTES.test(value);
const isSize: Check = (value) => value === 1 || value === 2 || value === 4 || value === 8;
const isLevel: Check = (value) => value === 0 || value === 1;
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isText: Check = (value) => typeof value === "string";

/** The fields that each kind of step must have. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  r: { a: isHex, s: isSize, v: isHex },
  w: { a: isHex, s: isSize, v: isHex },
  in: { d: (value) => value === "pl061" || value === "gic", n: isCount, l: isLevel },
  clk: { ns: isCount, now: (value) => typeof value === "string" && DECIMAL.test(value) },
  rx: { d: isBytes },
  tx: { d: isBytes },
  powerdown: {},
  reset: {},
  mw: { a: isHex, d: isBytes },
  mr: { a: isHex, n: isCount, d: isBytes },
  wait: { n: isCount, l: isLevel },
  poll: { a: isHex, s: isSize, v: isHex },
  irqs: {},
  nrx: { d: isBytes },
  ntx: { d: isBytes },
  crx: { d: isBytes },
  ctx: { d: isBytes },
  disk: { sha256: (value) => typeof value === "string" && SHA256.test(value) },
  note: { s: isText },
};

const HEADER_FIELDS: Readonly<Record<string, Check>> = { device: isText, base: isHex };
const OPTIONAL_HEADER_FIELDS: Readonly<Record<string, Check>> = {
  intercept: isText,
  mode: (value) => value === "regs" || value === "io",
  smp: (value) => isCount(value) && (value as number) >= 1 && (value as number) <= 8,
  slot: (value) => isCount(value) && (value as number) < 32,
  rtcBase: isCount,
  clockHz: (value) => isCount(value) && (value as number) > 0,
  args: (value) => Array.isArray(value) && value.every(isText),
  disk: isDisk,
};

/** Reads a trace from a file. @throws TraceError if it can't be read or is no trace. */
export function readTrace(path: string): Trace {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    const isCompressed = GZIP_MAGIC.every((byte, index) => bytes[index] === byte);
    if (isCompressed) bytes = gunzipSync(bytes, { maxOutputLength: TRACE_BYTES_MAX });
  } catch (error) {
    throw new TraceError(`cannot be read: ${(error as Error).message}`);
  }
  return parseTrace(bytes.toString("utf8"));
}

/** Parses a whole trace. @throws TraceError with the line and the field that is wrong. */
export function parseTrace(text: string): Trace {
  const [first = "", ...lines] = text.trimEnd().split("\n");
  const header = parseLine(first, 1);
  if (header["o"] !== "hdr") throw new TraceError('line 1: no header ("o" is not "hdr")');
  if (header["format"] !== 1) {
    throw new TraceError(`line 1: format ${String(header["format"])}; this replay knows format 1`);
  }
  checkFields(header, HEADER_FIELDS, "line 1");
  for (const [name, check] of Object.entries(OPTIONAL_HEADER_FIELDS)) {
    if (header[name] !== undefined) checkFields(header, { [name]: check }, "line 1");
  }
  const steps = lines.map((line, index) => parseStep(line, index + 2));
  return { header: header as unknown as Header, steps };
}

function parseStep(line: string, number: number): Step {
  const step = parseLine(line, number);
  const kind = String(step["o"]);
  const fields = Object.hasOwn(FIELDS, kind) ? FIELDS[kind] : undefined;
  if (fields === undefined) {
    throw new TraceError(`line ${number}: unknown step ${JSON.stringify(step["o"])}`);
  }
  checkFields(step, fields, `line ${number}`);
  if (step["irq"] !== undefined) checkFields(step, { irq: isLevels }, `line ${number}`);
  return step as unknown as Step;
}

function parseLine(line: string, number: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new TraceError(`line ${number}: not JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new TraceError(`line ${number}: not an object`);
}

function checkFields(
  value: Record<string, unknown>,
  fields: Readonly<Record<string, Check>>,
  where: string,
): void {
  for (const [name, check] of Object.entries(fields)) {
    if (check(value[name])) continue;
    const found = value[name] === undefined ? "is missing" : `is ${JSON.stringify(value[name])}`;
    throw new TraceError(`${where}: field "${name}" ${found}`);
  }
}

function isLevels(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((move) => Array.isArray(move) && isCount(move[0]) && isLevel(move[1]))
  );
}

function isDisk(value: unknown): boolean {
  const disk = (value ?? {}) as Record<string, unknown>;
  return (
    isCount(disk["sectors"]) && isText(disk["serial"]) && typeof disk["readonly"] === "boolean"
  );
}
