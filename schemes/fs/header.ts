/**
 * The header: the root of everything, 256 of them in a ring at the start of the file system. The
 * one of generation g stands in slot g % 256, and the valid one with the highest generation counts.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 8 | signature "RedoxFS\0" |
 * | 8 | 8 | version, 8 |
 * | 16 | 16 | identifier of the file system, random |
 * | 32 | 8 | size in bytes, from this ring's first header on |
 * | 40 | 8 | generation: one more with each commit |
 * | 48 | 16 | pointer to the root of the node tree |
 * | 64 | 16 | pointer to the newest block of the allocation log |
 * | 80 | 3072 | 64 key slots of an encrypted file system |
 * | 3152 | 16 | pointer to the newest block of the release list |
 * | 3168 | 904 | zeros |
 * | 4072 | 16 | the hash again, encrypted; in plain text eight zeros follow it |
 * | 4088 | 8 | SeaHash of bytes 0–4071 |
 */

import { BLOCK_BYTES } from "./block-device.js";
import { type BlockPointer, readPointer, writePointer } from "./block-pointer.js";
import { packed, readU64, writeU64 } from "./packed.js";
import { seaHash } from "./sea-hash.js";

const HEADER = packed("Header", BLOCK_BYTES, {
  signature: [0, 8],
  version: [8, 8],
  identifier: [16, 16],
  size: [32, 8],
  generation: [40, 8],
  tree: [48, 16],
  alloc: [64, 16],
  keySlots: [80, 3072],
  release: [3152, 16],
  padding: [3168, 904],
  encryptedHash: [4072, 16],
  hash: [4088, 8],
});

/** Headers in the ring. */
export const HEADER_RING = 256;
/** Blocks before the first that can be allocated: the ring, and one that is left out. */
export const RESERVED_BLOCKS = HEADER_RING + 1;
export const FORMAT_VERSION = 8;
const SIGNATURE = Buffer.from("RedoxFS\0");
const HASH_BYTES = 8;

/** What a header says. `bytes` keeps what this code does not know. */
export interface Header {
  readonly bytes: Buffer;
  readonly sizeBytes: number;
  readonly generation: number;
  readonly tree: BlockPointer;
  readonly alloc: BlockPointer;
  readonly release: BlockPointer;
}

/** What may stand in a slot. A hash is checked before anything but signature and version. */
export type HeaderSlot =
  | { tag: "valid"; header: Header }
  | { tag: "none" }
  | { tag: "damaged" }
  | { tag: "version"; version: number }
  | { tag: "encrypted" };

/** Looks at one slot. Keeps a copy of `bytes`. */
export function decodeHeader(bytes: Buffer): HeaderSlot {
  if (bytes.compare(SIGNATURE, 0, SIGNATURE.length, 0, SIGNATURE.length) !== 0) {
    return { tag: "none" };
  }
  const version = readU64(bytes, HEADER.version);
  if (version !== FORMAT_VERSION) return { tag: "version", version };
  const { low, high } = seaHash(bytes, 0, HEADER.encryptedHash);
  const hashIs = (offset: number): boolean =>
    bytes.readUInt32LE(offset) === low && bytes.readUInt32LE(offset + HASH_BYTES / 2) === high;
  if (!hashIs(HEADER.hash)) return { tag: "damaged" };
  const rest = bytes.subarray(HEADER.encryptedHash + HASH_BYTES, HEADER.hash);
  if (!hashIs(HEADER.encryptedHash) || rest.some((byte) => byte !== 0)) {
    return { tag: "encrypted" };
  }
  const header = {
    bytes: Buffer.from(bytes),
    sizeBytes: readU64(bytes, HEADER.size),
    generation: readU64(bytes, HEADER.generation),
    tree: readPointer(bytes, HEADER.tree),
    alloc: readPointer(bytes, HEADER.alloc),
    release: readPointer(bytes, HEADER.release),
  };
  return { tag: "valid", header };
}

/** The header with some facts changed, and its bytes made anew. */
export function changedHeader(before: Header, change: Partial<Omit<Header, "bytes">>): Header {
  const header = { ...before, ...change, bytes: Buffer.from(before.bytes) };
  const { bytes } = header;
  writeU64(bytes, HEADER.size, header.sizeBytes);
  writeU64(bytes, HEADER.generation, header.generation);
  writePointer(bytes, HEADER.tree, header.tree);
  writePointer(bytes, HEADER.alloc, header.alloc);
  writePointer(bytes, HEADER.release, header.release);
  const { low, high } = seaHash(bytes, 0, HEADER.encryptedHash);
  bytes.fill(0, HEADER.encryptedHash, HEADER.hash);
  for (const offset of [HEADER.encryptedHash, HEADER.hash]) {
    bytes.writeUInt32LE(low, offset);
    bytes.writeUInt32LE(high, offset + HASH_BYTES / 2);
  }
  return header;
}

/** The header of a new file system, generation 0. @param identifier - 16 bytes */
export function newHeader(sizeBytes: number, identifier: Uint8Array): Header {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  SIGNATURE.copy(bytes, HEADER.signature);
  writeU64(bytes, HEADER.version, FORMAT_VERSION);
  bytes.set(identifier, HEADER.identifier);
  const none = readPointer(bytes, HEADER.tree);
  const empty = { bytes, sizeBytes, generation: 0, tree: none, alloc: none, release: none };
  return changedHeader(empty, {});
}
