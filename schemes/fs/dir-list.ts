/**
 * A leaf of a directory's H-tree: names, in no order, and the nodes that they lead to.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 4092 | entries, without gaps |
 * | 4092 | 2 | count of entries |
 * | 4094 | 2 | bytes that they take |
 *
 * An entry: node number (u32), length of the name (u8), the name in UTF-8 (1–252 bytes).
 */

import { BLOCK_BYTES } from "./block-device.js";
import { corrupt } from "./corruption.js";
import { packed } from "./packed.js";

const DIR_LIST = packed("DirList", BLOCK_BYTES, {
  entries: [0, 4092],
  count: [4092, 2],
  used: [4094, 2],
});
const ENTRY_PREFIX = packed("DirEntryPrefix", 5, { node: [0, 4], nameBytes: [4, 1] });
/** Room for entries in a leaf. */
export const ENTRIES_BYTES = DIR_LIST.count;

/** Longest name in bytes. */
export const NAME_BYTES_MAX = 252;

export interface DirEntry {
  readonly node: number;
  readonly name: Buffer;
}

/** What an entry takes in a leaf. */
export function entryBytes({ name }: DirEntry): number {
  return ENTRY_PREFIX.SIZE + name.length;
}

/** Reads all entries of a leaf. @throws EIO when they do not fit together */
export function decodeDirList(bytes: Buffer): DirEntry[] {
  const count = bytes.readUInt16LE(DIR_LIST.count);
  const used = bytes.readUInt16LE(DIR_LIST.used);
  const entries: DirEntry[] = [];
  let at = DIR_LIST.entries;
  while (entries.length < count) {
    const start = at + ENTRY_PREFIX.SIZE;
    const length = start <= ENTRIES_BYTES ? (bytes[at + ENTRY_PREFIX.nameBytes] as number) : 0;
    if (length === 0 || length > NAME_BYTES_MAX || start + length > ENTRIES_BYTES) {
      throw corrupt("a directory's entries run out of their block");
    }
    const name = bytes.subarray(start, start + length);
    entries.push({ node: bytes.readUInt32LE(at + ENTRY_PREFIX.node), name });
    at = start + length;
  }
  if (at !== used) throw corrupt("a directory's entries and their size disagree");
  return entries;
}

/** Makes a leaf; undefined when the entries need more than one. */
export function encodeDirList(entries: readonly DirEntry[]): Buffer | undefined {
  const bytes = Buffer.alloc(BLOCK_BYTES);
  let at = DIR_LIST.entries;
  for (const { node, name } of entries) {
    const start = at + ENTRY_PREFIX.SIZE;
    if (start + name.length > ENTRIES_BYTES) return undefined;
    bytes.writeUInt32LE(node, at + ENTRY_PREFIX.node);
    bytes[at + ENTRY_PREFIX.nameBytes] = name.length;
    name.copy(bytes, start);
    at = start + name.length;
  }
  bytes.writeUInt16LE(entries.length, DIR_LIST.count);
  bytes.writeUInt16LE(at - DIR_LIST.entries, DIR_LIST.used);
  return bytes;
}

/** A leaf with one more entry; undefined when there is no room. @throws EIO */
export function withEntry(before: Buffer, { node, name }: DirEntry): Buffer | undefined {
  const at = before.readUInt16LE(DIR_LIST.used);
  const start = at + ENTRY_PREFIX.SIZE;
  if (start + name.length > ENTRIES_BYTES) return undefined;
  const bytes = Buffer.from(before);
  bytes.writeUInt32LE(node, at + ENTRY_PREFIX.node);
  bytes[at + ENTRY_PREFIX.nameBytes] = name.length;
  name.copy(bytes, start);
  bytes.writeUInt16LE(before.readUInt16LE(DIR_LIST.count) + 1, DIR_LIST.count);
  bytes.writeUInt16LE(start + name.length, DIR_LIST.used);
  return bytes;
}

/** A leaf without the entry at `at`; undefined when it was the last. @throws EIO */
export function withoutEntry(before: Buffer, at: number): Buffer | undefined {
  const count = before.readUInt16LE(DIR_LIST.count) - 1;
  const used = before.readUInt16LE(DIR_LIST.used);
  const end = at + ENTRY_PREFIX.SIZE + (before[at + ENTRY_PREFIX.nameBytes] as number);
  if (count <= 0) return undefined;
  if (used > ENTRIES_BYTES || end > used)
    throw corrupt("a directory's entries and their size disagree");
  const bytes = Buffer.from(before);
  bytes.copyWithin(at, end, used);
  bytes.fill(0, used - (end - at), used);
  bytes.writeUInt16LE(count, DIR_LIST.count);
  bytes.writeUInt16LE(used - (end - at), DIR_LIST.used);
  return bytes;
}

/** A leaf in which the entry at `at` leads to another node. */
export function withNode(before: Buffer, at: number, node: number): Buffer {
  const bytes = Buffer.from(before);
  bytes.writeUInt32LE(node, at + ENTRY_PREFIX.node);
  return bytes;
}

/** Where the entry of `name` is in this leaf, or undefined. @throws EIO */
export function findEntry(bytes: Buffer, name: Buffer): number | undefined {
  const count = bytes.readUInt16LE(DIR_LIST.count);
  const first = name[0];
  let at = DIR_LIST.entries;
  for (let place = 0; place < count; place++) {
    const start = at + ENTRY_PREFIX.SIZE;
    const length = start <= ENTRIES_BYTES ? (bytes[at + ENTRY_PREFIX.nameBytes] as number) : 0;
    if (length === 0 || start + length > ENTRIES_BYTES) {
      throw corrupt("a directory's entries run out of their block");
    }
    const maybe = length === name.length && bytes[start] === first;
    if (maybe && bytes[start + length - 1] === name[length - 1]) {
      if (name.compare(bytes, start, start + length) === 0) return at;
    }
    at = start + length;
  }
  return undefined;
}

/** Node that the entry at `at` leads to. */
export function nodeAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + ENTRY_PREFIX.node);
}
