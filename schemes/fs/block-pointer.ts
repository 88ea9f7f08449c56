/**
 * Block pointers: where a block is, how large, and the hash of what it must hold.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 8 | address: bits 0–3 level, 4–7 level before compression or 0, 8–63 block index |
 * | 8 | 8 | SeaHash of the block's bytes as they are stored |
 *
 * A block of level n is 4096 << n bytes. Index 0 is the null pointer, whatever its other bits say.
 * Indices count from the first header of the file system. An address of all ones but for the level
 * is a marker: it leads nowhere and carries the depth of an H-tree.
 */

import { packed, readU64 } from "./packed.js";
import type { Hash64 } from "./sea-hash.js";

export const POINTER = packed("BlockPointer", 16, {
  addressLow: [0, 4],
  addressHigh: [4, 4],
  hashLow: [8, 4],
  hashHigh: [12, 4],
});

/** Blocks of the largest records: 32 blocks, 128 KiB. */
export const RECORD_LEVEL = 5;

const LEVEL_MASK = 0xf;
const COMPRESSED_SHIFT = 4;
const INDEX_SHIFT = 8;
const ALL_ONES = 0xffffffff;

export interface BlockPointer extends Hash64 {
  readonly index: number;
  /** The block takes 2^level blocks. */
  readonly level: number;
  /** Level of the bytes before compression; 0 when they are not compressed. */
  readonly expandsTo: number;
}

export const NULL_POINTER: BlockPointer = Object.freeze({
  index: 0,
  level: 0,
  expandsTo: 0,
  low: 0,
  high: 0,
});

/** Reads the pointer at `offset`. The result is unchecked: it may lead anywhere. */
export function readPointer(bytes: Buffer, offset: number): BlockPointer {
  const low = bytes.readUInt32LE(offset + POINTER.addressLow);
  const high = bytes.readUInt32LE(offset + POINTER.addressHigh);
  return {
    index: high * 2 ** (32 - INDEX_SHIFT) + (low >>> INDEX_SHIFT),
    level: low & LEVEL_MASK,
    expandsTo: (low >>> COMPRESSED_SHIFT) & LEVEL_MASK,
    low: bytes.readUInt32LE(offset + POINTER.hashLow),
    high: bytes.readUInt32LE(offset + POINTER.hashHigh),
  };
}

export function writePointer(bytes: Buffer, offset: number, pointer: BlockPointer): void {
  const { index, level, expandsTo } = pointer;
  const meta = (expandsTo << COMPRESSED_SHIFT) | level;
  const indexLow = index % 2 ** (32 - INDEX_SHIFT);
  bytes.writeUInt32LE(indexLow * 2 ** INDEX_SHIFT + meta, offset + POINTER.addressLow);
  bytes.writeUInt32LE(Math.floor(index / 2 ** (32 - INDEX_SHIFT)), offset + POINTER.addressHigh);
  bytes.writeUInt32LE(pointer.low, offset + POINTER.hashLow);
  bytes.writeUInt32LE(pointer.high, offset + POINTER.hashHigh);
}

/** True for a pointer to nothing: an index of 0, whatever level stands beside it. */
export function isNullAt(bytes: Buffer, offset: number): boolean {
  return readU64(bytes, offset + POINTER.addressLow) < 2 ** INDEX_SHIFT;
}

/** Depth that the marker at `offset` carries, or undefined if there is none. */
export function readMarker(bytes: Buffer, offset: number): number | undefined {
  const low = bytes.readUInt32LE(offset + POINTER.addressLow);
  const ones =
    (low | LEVEL_MASK) >>> 0 === ALL_ONES &&
    bytes.readUInt32LE(offset + POINTER.addressHigh) === ALL_ONES &&
    bytes.readUInt32LE(offset + POINTER.hashLow) === ALL_ONES &&
    bytes.readUInt32LE(offset + POINTER.hashHigh) === ALL_ONES;
  return ones ? low & LEVEL_MASK : undefined;
}

export function writeMarker(bytes: Buffer, offset: number, depth: number): void {
  bytes.fill(0xff, offset, offset + POINTER.SIZE);
  bytes.writeUInt32LE((ALL_ONES - LEVEL_MASK + depth) >>> 0, offset + POINTER.addressLow);
}

/** The smallest level whose blocks hold `size` bytes. */
export function levelFor(size: number): number {
  let level = 0;
  while (4096 * 2 ** level < size) level += 1;
  return level;
}
