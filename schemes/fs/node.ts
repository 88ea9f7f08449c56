/**
 * Nodes: what a file, directory or symbolic link is, apart from its names. One block each.
 *
 * | offset | size | meaning |
 * |---|---|---|
 * | 0 | 2 | mode: type (0xF000) and permissions |
 * | 2 | 4 | user |
 * | 6 | 4 | group |
 * | 10 | 4 | links: names that lead here |
 * | 14 | 8 | size in bytes; of a directory 4096 for each block of its H-tree |
 * | 22 | 8 | blocks that it takes, this one included |
 * | 30 | 8 + 4 | time of creation: seconds since 1970, nanoseconds |
 * | 42 | 8 + 4 | time of the last change of contents |
 * | 54 | 8 + 4 | time of the last access |
 * | 66 | 4 | level of its records: 5 for files, else 0 |
 * | 70 | 4 | flags: 1, the contents are inline |
 * | 74 | 54 | zeros |
 * | 128 | 3968 | the contents themselves, or pointers (see record-map.ts), or an H-tree's root |
 */

import type { FileKind } from "../../ipc/stat.js";
import { BLOCK_BYTES } from "./block-device.js";
import type { BlockPointer } from "./block-pointer.js";
import { packed, readU64, writeU64 } from "./packed.js";

const NODE = packed("Node", BLOCK_BYTES, {
  mode: [0, 2],
  user: [2, 4],
  group: [6, 4],
  links: [10, 4],
  size: [14, 8],
  blocks: [22, 8],
  created: [30, 8],
  createdNs: [38, 4],
  modified: [42, 8],
  modifiedNs: [50, 4],
  accessed: [54, 8],
  accessedNs: [62, 4],
  recordLevel: [66, 4],
  flags: [70, 4],
  padding: [74, 54],
  data: [128, 3968],
});

/** Where pointers or inline contents start, and how many bytes they have. */
export const NODE_DATA = NODE.data;
export const NODE_DATA_BYTES = NODE.SIZE - NODE.data;
/** Contents are inline while they end before this. */
export const INLINE_BYTES_MAX = NODE_DATA_BYTES - 1;
export const ROOT_NODE = 1;

const MODE_TYPE = 0xf000;
const MODE_PERMISSIONS = 0x0fff;
const MODE_TYPES: Readonly<Partial<Record<FileKind, number>>> = {
  file: 0x8000,
  directory: 0x4000,
  symlink: 0xa000,
  socket: 0xc000,
};
const FLAG_INLINE = 1;
const FILE_RECORD_LEVEL = 5;

/** A moment as the disk has it. */
export interface DiskTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What a new node is made of. */
export interface NewNode {
  kind: "file" | "directory" | "symlink";
  /** Permission bits, 0o7777. */
  mode: number;
  user: number;
  group: number;
  created: DiskTime;
}

/** A node in memory. Fields are read from and written to its bytes. */
export class Node {
  readonly id: number;
  bytes: Buffer;
  /** Where it is on the disk now; undefined for one that no commit has written yet. */
  pointer: BlockPointer | undefined;
  /** It differs from the disk, and must stay in memory until a commit. */
  dirty = false;
  /** Open handles; a node without names lives as long as there is one. */
  handles = 0;
  /** The undo scope that has saved this node already. */
  savedIn = 0;
  /** Everything behind the size is known to be zeros or nothing. */
  tailIsClean = false;
  /** No longer there: freed, for those who still hold it. */
  gone = false;

  constructor(id: number, bytes: Buffer, pointer: BlockPointer | undefined) {
    this.id = id;
    this.bytes = bytes;
    this.pointer = pointer;
  }

  static make(id: number, facts: NewNode): Node {
    const node = new Node(id, Buffer.alloc(BLOCK_BYTES), undefined);
    const { bytes } = node;
    bytes.writeUInt16LE((MODE_TYPES[facts.kind] ?? 0) | facts.mode, NODE.mode);
    bytes.writeUInt32LE(facts.user, NODE.user);
    bytes.writeUInt32LE(facts.group, NODE.group);
    writeU64(bytes, NODE.blocks, 1);
    node.created = facts.created;
    node.modified = facts.created;
    node.accessed = facts.created;
    bytes.writeUInt32LE(facts.kind === "file" ? FILE_RECORD_LEVEL : 0, NODE.recordLevel);
    node.inline = facts.kind !== "directory";
    node.tailIsClean = true;
    return node;
  }

  get kind(): FileKind | undefined {
    const type = this.bytes.readUInt16LE(NODE.mode) & MODE_TYPE;
    const kinds = Object.keys(MODE_TYPES) as FileKind[];
    return kinds.find((kind) => MODE_TYPES[kind] === type);
  }

  /** Permission bits, 0o7777. */
  get mode(): number {
    return this.bytes.readUInt16LE(NODE.mode) & MODE_PERMISSIONS;
  }

  set mode(mode: number) {
    const type = this.bytes.readUInt16LE(NODE.mode) & MODE_TYPE;
    this.bytes.writeUInt16LE(type | (mode & MODE_PERMISSIONS), NODE.mode);
  }

  get user(): number {
    return this.bytes.readUInt32LE(NODE.user);
  }

  set user(user: number) {
    this.bytes.writeUInt32LE(user, NODE.user);
  }

  get group(): number {
    return this.bytes.readUInt32LE(NODE.group);
  }

  set group(group: number) {
    this.bytes.writeUInt32LE(group, NODE.group);
  }

  get links(): number {
    return this.bytes.readUInt32LE(NODE.links);
  }

  set links(links: number) {
    this.bytes.writeUInt32LE(links, NODE.links);
  }

  get size(): number {
    return readU64(this.bytes, NODE.size);
  }

  set size(size: number) {
    writeU64(this.bytes, NODE.size, size);
  }

  get blocks(): number {
    return readU64(this.bytes, NODE.blocks);
  }

  set blocks(blocks: number) {
    writeU64(this.bytes, NODE.blocks, blocks);
  }

  get created(): DiskTime {
    return this.#time(NODE.created, NODE.createdNs);
  }

  set created(time: DiskTime) {
    this.#setTime(NODE.created, NODE.createdNs, time);
  }

  get modified(): DiskTime {
    return this.#time(NODE.modified, NODE.modifiedNs);
  }

  set modified(time: DiskTime) {
    this.#setTime(NODE.modified, NODE.modifiedNs, time);
  }

  get accessed(): DiskTime {
    return this.#time(NODE.accessed, NODE.accessedNs);
  }

  set accessed(time: DiskTime) {
    this.#setTime(NODE.accessed, NODE.accessedNs, time);
  }

  get recordLevel(): number {
    return this.bytes.readUInt32LE(NODE.recordLevel);
  }

  get recordBytes(): number {
    return BLOCK_BYTES * 2 ** this.recordLevel;
  }

  get inline(): boolean {
    return (this.bytes.readUInt32LE(NODE.flags) & FLAG_INLINE) !== 0;
  }

  set inline(inline: boolean) {
    const flags = this.bytes.readUInt32LE(NODE.flags);
    const changed = inline ? flags | FLAG_INLINE : flags & ~FLAG_INLINE;
    this.bytes.writeUInt32LE(changed >>> 0, NODE.flags);
  }

  /** Inline contents or pointers; a view, not a copy. */
  get data(): Buffer {
    return this.bytes.subarray(NODE_DATA);
  }

  #time(seconds: number, nanoseconds: number): DiskTime {
    return {
      seconds: readU64(this.bytes, seconds),
      nanoseconds: this.bytes.readUInt32LE(nanoseconds),
    };
  }

  #setTime(seconds: number, nanoseconds: number, time: DiskTime): void {
    writeU64(this.bytes, seconds, time.seconds);
    this.bytes.writeUInt32LE(time.nanoseconds, nanoseconds);
  }
}
