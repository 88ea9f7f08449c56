/**
 * An inner block of a directory's H-tree: pointers in the order of the hashes of names. Every name
 * beneath a pointer has at most the pointer's hash, and at least the hash of the pointer before it;
 * names of one hash can lie beneath several neighbours.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 4080 | 204 entries: greatest hash (u32), pointer; empty ones last, hash 2^32 - 1 |
 * | 4080 | 16 | zeros |
 */

import { BLOCK_BYTES } from "./block-device.js";
import { type BlockPointer, isNullAt, readPointer, writePointer } from "./block-pointer.js";
import { NO_HASH } from "./name-hash.js";
import { packed } from "./packed.js";

export const HTREE_NODE_ENTRIES = 204;

const HTREE_NODE = packed("HTreeNode", BLOCK_BYTES, {
  entries: [0, HTREE_NODE_ENTRIES * 20],
  padding: [4080, 16],
});
const HTREE_ENTRY = packed("HTreeEntry", 20, { hash: [0, 4], pointer: [4, 16] });

export interface HTreeEntry {
  readonly hash: number;
  readonly pointer: BlockPointer;
}

/** Reads the entries up to the first empty one. */
export function decodeHTreeNode(bytes: Buffer): HTreeEntry[] {
  const entries: HTreeEntry[] = [];
  for (let place = 0; place < HTREE_NODE_ENTRIES; place++) {
    const at = HTREE_NODE.entries + place * HTREE_ENTRY.SIZE;
    if (isNullAt(bytes, at + HTREE_ENTRY.pointer)) break;
    const pointer = readPointer(bytes, at + HTREE_ENTRY.pointer);
    entries.push({ hash: bytes.readUInt32LE(at + HTREE_ENTRY.hash), pointer });
  }
  return entries;
}

/** Makes a block of at most `HTREE_NODE_ENTRIES` entries. */
export function encodeHTreeNode(entries: readonly HTreeEntry[]): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  for (let place = 0; place < HTREE_NODE_ENTRIES; place++) {
    const at = HTREE_NODE.entries + place * HTREE_ENTRY.SIZE;
    const entry = entries[place];
    bytes.writeUInt32LE(entry?.hash ?? NO_HASH, at + HTREE_ENTRY.hash);
    if (entry !== undefined) writePointer(bytes, at + HTREE_ENTRY.pointer, entry.pointer);
  }
  return bytes;
}
