/**
 * How a record is stored compressed:
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 2 | length of the compressed bytes |
 * | 2 | length | an LZ4 block |
 *
 * It is done only when the record then fits into a smaller level; what is stored is 64 KiB at most.
 */

import { BLOCK_BYTES } from "./block-device.js";
import { type BlockPointer, levelFor } from "./block-pointer.js";
import { corrupt } from "./corruption.js";
import { lz4Compress, lz4Decompress } from "./lz4.js";
import { packed } from "./packed.js";

const PREFIX = packed("CompressedPrefix", 2, { length: [0, 2] });
const STORED_BYTES_MAX = 64 * 1024;

/** The record in a smaller level, or undefined when it does not get smaller. */
export function compressed(
  bytes: Buffer,
  level: number,
): { bytes: Buffer; level: number } | undefined {
  if (level === 0) return undefined;
  const room = Math.min(STORED_BYTES_MAX, BLOCK_BYTES * 2 ** (level - 1));
  const target = Buffer.allocUnsafe(room);
  const length = lz4Compress(bytes, target.subarray(PREFIX.SIZE));
  if (length === 0) return undefined;
  target.writeUInt16LE(length, PREFIX.length);
  const smaller = levelFor(PREFIX.SIZE + length);
  const stored = Buffer.alloc(BLOCK_BYTES * 2 ** smaller);
  target.copy(stored, 0, 0, PREFIX.SIZE + length);
  return { bytes: stored, level: smaller };
}

/** What a compressed record holds. @throws EIO */
export function expanded(stored: Buffer, { index, expandsTo }: BlockPointer): Buffer {
  const length = stored.readUInt16LE(PREFIX.length);
  const bytes = Buffer.allocUnsafe(BLOCK_BYTES * 2 ** expandsTo);
  const end = PREFIX.SIZE + length;
  const fits = end <= stored.length;
  if (!fits || !lz4Decompress(stored.subarray(PREFIX.SIZE, end), bytes)) {
    throw corrupt("a compressed record is malformed", index);
  }
  return bytes;
}
