/** Hashes of names: the order of a directory, on the disk and in its listings. */

import { seaHash } from "./sea-hash.js";

/** Stands in empty places of an H-tree, behind all others. */
export const NO_HASH = 0xffffffff;
/** The greatest hash that a name can have. */
export const HASH_MAX = NO_HASH - 1;

/** Bits of the hash's high half that cursors add to tell names of one hash apart. */
const CURSOR_HIGH_BITS = 20;

/** Place of a name in the H-tree. */
export function nameHash(name: Uint8Array): number {
  return Math.min(seaHash(name).low, HASH_MAX);
}

/**
 * Cursor of a name in a listing: greater than 0, below 2^53, in the order of the H-tree, and the
 * same for the life of the name, whatever comes and goes around it.
 */
export function nameCursor(name: Uint8Array): number {
  const { low, high } = seaHash(name);
  return Math.min(low, HASH_MAX) * 2 ** CURSOR_HIGH_BITS + (high >>> (32 - CURSOR_HIGH_BITS)) + 1;
}

/** The H-tree hash of the names behind `cursor`. */
export function hashOfCursor(cursor: number): number {
  return Math.floor(Math.max(0, cursor - 1) / 2 ** CURSOR_HIGH_BITS);
}
