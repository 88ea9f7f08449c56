/**
 * A block of the allocation log: ranges of blocks that became used or free, in order. The log is a
 * chain from the newest block to the oldest; replayed from the oldest on, over a disk that is all
 * used, it says what is free.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 16 | pointer to the block before this one, or null |
 * | 16 | 4080 | 255 entries: first block (u64), count of blocks (i64, negative: used) |
 *
 * An entry with count 0 is empty.
 */

import { BLOCK_BYTES } from "./block-device.js";
import { type BlockPointer, readPointer, writePointer } from "./block-pointer.js";
import { packed, readI64, readU64, writeI64, writeU64 } from "./packed.js";

export const ALLOC_LIST_ENTRIES = 255;

const ALLOC_LIST = packed("AllocList", BLOCK_BYTES, {
  previous: [0, 16],
  entries: [16, ALLOC_LIST_ENTRIES * 16],
});
const ALLOC_ENTRY = packed("AllocEntry", 16, { index: [0, 8], count: [8, 8] });

/** `count` blocks from `index` on became free, or, if it is negative, used. */
export interface AllocEntry {
  readonly index: number;
  readonly count: number;
}

/** Reads a block of the log, without its empty entries. Indices and counts are unchecked. */
export function decodeAllocList(bytes: Buffer): { previous: BlockPointer; entries: AllocEntry[] } {
  const entries: AllocEntry[] = [];
  for (let place = 0; place < ALLOC_LIST_ENTRIES; place++) {
    const at = ALLOC_LIST.entries + place * ALLOC_ENTRY.SIZE;
    const count = readI64(bytes, at + ALLOC_ENTRY.count);
    if (count !== 0) entries.push({ index: readU64(bytes, at + ALLOC_ENTRY.index), count });
  }
  return { previous: readPointer(bytes, ALLOC_LIST.previous), entries };
}

/** Makes a block of the log, of at most `ALLOC_LIST_ENTRIES` entries. */
export function encodeAllocList(previous: BlockPointer, entries: readonly AllocEntry[]): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  writePointer(bytes, ALLOC_LIST.previous, previous);
  for (const [place, { index, count }] of entries.entries()) {
    const at = ALLOC_LIST.entries + place * ALLOC_ENTRY.SIZE;
    writeU64(bytes, at + ALLOC_ENTRY.index, index);
    writeI64(bytes, at + ALLOC_ENTRY.count, count);
  }
  return bytes;
}
