/**
 * Records of a store: a length, a checksum, a payload. A record is never changed once it is reached
 * from a root; a change is a new record.
 *
 * OFFSET SIZE MEANING
 *      0    4 checksum: CRC-32 of everything behind it, u32
 *      4    4 length of the payload in bytes, u32
 *      8      payload
 */

import { layout } from "../../ipc/layout.js";
import { crc32 } from "./crc32.js";
import { FIRST_UNIT, type StoreMemory, UNIT_BYTES } from "./store-memory.js";
import type { Extent } from "./units.js";

const HEAD = layout("StoreRecord", 8, { checksum: [0, "u32"], length: [4, "u32"] });

/** Units that a payload of `length` bytes takes with its head. */
export function unitsFor(length: number): number {
  return Math.ceil((HEAD.SIZE + length) / UNIT_BYTES);
}

/** Writes a record at `unit`, which must be free. */
export function writeRecord(memory: StoreMemory, unit: number, payload: Uint8Array): void {
  const at = unit * UNIT_BYTES;
  const record = new Uint8Array(HEAD.SIZE + payload.length);
  new DataView(record.buffer).setUint32(HEAD.length.offset, payload.length, true);
  record.set(payload, HEAD.SIZE);
  const checked = record.subarray(HEAD.length.offset);
  memory.write(at + HEAD.length.offset, checked);
  memory.writeWord(at + HEAD.checksum.offset, crc32(checked));
}

/** Where a record lies; undefined when `unit` cannot be the start of one. */
export function recordExtent(memory: StoreMemory, unit: number): Extent | undefined {
  if (unit < FIRST_UNIT || unit >= memory.units) return undefined;
  const units = unitsFor(memory.word(unit * UNIT_BYTES + HEAD.length.offset));
  return unit + units <= memory.units ? { unit, units } : undefined;
}

/** A copy of the payload; undefined when the checksum does not fit. */
export function readRecord(memory: StoreMemory, { unit }: Extent): Uint8Array | undefined {
  const at = unit * UNIT_BYTES;
  const length = memory.word(at + HEAD.length.offset);
  const record = memory.copy(at, HEAD.SIZE + length);
  const fits = crc32(record.subarray(HEAD.length.offset)) === memory.word(at);
  return fits ? record.subarray(HEAD.SIZE) : undefined;
}
