/**
 * A block of the release list: nodes without a name that were open when their last name went. They
 * are freed at the last close, or when the file system is mounted again.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 16 | pointer to the block before this one, or null |
 * | 16 | 4080 | 1020 node numbers; 0 is empty |
 */

import { BLOCK_BYTES } from "./block-device.js";
import { type BlockPointer, readPointer, writePointer } from "./block-pointer.js";
import { packed } from "./packed.js";

export const RELEASE_LIST_ENTRIES = 1020;

const RELEASE_LIST = packed("ReleaseList", BLOCK_BYTES, {
  previous: [0, 16],
  nodes: [16, RELEASE_LIST_ENTRIES * 4],
});
const NODE_NUMBER_BYTES = 4;

export function decodeReleaseList(bytes: Buffer): { previous: BlockPointer; nodes: number[] } {
  const nodes: number[] = [];
  for (let place = 0; place < RELEASE_LIST_ENTRIES; place++) {
    const node = bytes.readUInt32LE(RELEASE_LIST.nodes + place * NODE_NUMBER_BYTES);
    if (node !== 0) nodes.push(node);
  }
  return { previous: readPointer(bytes, RELEASE_LIST.previous), nodes };
}

/** Makes a block of the list, of at most `RELEASE_LIST_ENTRIES` nodes. */
export function encodeReleaseList(previous: BlockPointer, nodes: readonly number[]): Buffer {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  writePointer(bytes, RELEASE_LIST.previous, previous);
  for (const [place, node] of nodes.entries()) {
    bytes.writeUInt32LE(node, RELEASE_LIST.nodes + place * NODE_NUMBER_BYTES);
  }
  return bytes;
}
