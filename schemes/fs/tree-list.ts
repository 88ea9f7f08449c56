/**
 * Lists of the node tree, which leads from a node's number to its block in four steps. Each byte of
 * the number, highest first, is a place in a list; lists have 254 places, so 254 and 255 never
 * occur.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 4064 | 254 pointers, to lists or (in the last step) to nodes |
 * | 4064 | 32 | 254 bits: nothing is free beneath this place; two bits unused |
 */

import { BLOCK_BYTES } from "./block-device.js";
import { isNullAt, POINTER } from "./block-pointer.js";
import { packed } from "./packed.js";

export const TREE_LIST_ENTRIES = 254;

const TREE_LIST = packed("TreeList", BLOCK_BYTES, {
  pointers: [0, TREE_LIST_ENTRIES * 16],
  fullFlags: [4064, 32],
});

/** Offset of the pointer at `place`. */
export function treeListSlot(place: number): number {
  return TREE_LIST.pointers + place * POINTER.SIZE;
}

export function isFullAt(bytes: Buffer, place: number): boolean {
  return (((bytes[TREE_LIST.fullFlags + (place >>> 3)] as number) >>> (place & 7)) & 1) === 1;
}

export function setFullAt(bytes: Buffer, place: number, full: boolean): void {
  const at = TREE_LIST.fullFlags + (place >>> 3);
  const bit = 1 << (place & 7);
  const before = bytes[at] as number;
  bytes[at] = full ? before | bit : before & ~bit;
}

/** The first place from `start` on that is not full, or undefined. */
export function firstFree(bytes: Buffer, start = 0): number | undefined {
  for (let place = start; place < TREE_LIST_ENTRIES; place++) {
    if (!isFullAt(bytes, place)) return place;
  }
  return undefined;
}

/** True when no place leads anywhere. */
export function isEmptyList(bytes: Buffer): boolean {
  for (let place = 0; place < TREE_LIST_ENTRIES; place++) {
    if (!isNullAt(bytes, treeListSlot(place))) return false;
  }
  return true;
}
