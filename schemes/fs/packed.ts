/**
 * Byte layouts of a disk format, declared once. Unlike those of `ipc/layout.ts` they are packed:
 * fields stand at any offset, and arrays are fields. A table that has a gap or a wrong total ends
 * the thread when its module loads.
 */

import { assert } from "../../ipc/assert.js";

const TWO_32 = 2 ** 32;
/** Where the high half of a 64-bit number is. */
const HIGH = 4;

/** Offsets of the fields by name, and the size of the whole. */
export type Packed<Names extends string> = Readonly<Record<Names, number>> & {
  readonly SIZE: number;
};

/** Declares a layout of `size` bytes; each field is `[offset, bytes]`, in ascending order. */
export function packed<Names extends string>(
  name: string,
  size: number,
  table: Record<Names, readonly [offset: number, bytes: number]>,
): Packed<Names> {
  const offsets: Record<string, number> = { SIZE: size };
  let end = 0;
  for (const [field, [offset, bytes]] of Object.entries<readonly [number, number]>(table)) {
    assert(offset === end, `${name}.${field} is at ${offset}, expected ${end}`);
    end = offset + bytes;
    offsets[field] = offset;
  }
  assert(end === size, `${name} has ${end} bytes, declared ${size}`);
  return Object.freeze(offsets) as Packed<Names>;
}

/** Reads a u64; above 2^53 it is rounded, and fails every range check all the same. */
export function readU64(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset + HIGH) * TWO_32 + bytes.readUInt32LE(offset);
}

/** Writes a whole number from 0 to 2^53 - 1 as a u64. */
export function writeU64(bytes: Buffer, offset: number, value: number): void {
  bytes.writeUInt32LE(value % TWO_32, offset);
  bytes.writeUInt32LE(Math.floor(value / TWO_32), offset + HIGH);
}

/** Reads an i64, rounded outside of ±2^53. */
export function readI64(bytes: Buffer, offset: number): number {
  return bytes.readInt32LE(offset + HIGH) * TWO_32 + bytes.readUInt32LE(offset);
}

/** Writes a whole number between -2^53 and 2^53 as an i64. */
export function writeI64(bytes: Buffer, offset: number, value: number): void {
  const low = ((value % TWO_32) + TWO_32) % TWO_32;
  bytes.writeUInt32LE(low, offset);
  bytes.writeInt32LE(Math.floor(value / TWO_32), offset + HIGH);
}
