/**
 * Directories: an H-tree of names. The node's data hold a marker with the depth of the tree and a
 * pointer to its root; at depth 0 the root is the only leaf (dir-list.ts), above that leaves hang
 * from inner blocks (htree-node.ts). An empty directory has neither marker nor root.
 *
 * | offset in the node's data | size | meaning |
 * |---|---|---|
 * | 0 | 16 | marker with the depth |
 * | 16 | 16 | pointer to the root |
 *
 * The directory's size is 4096 for each block of the tree. `.` and `..` are not stored.
 */

import { EEXIST, ENOENT, ENOSPC } from "../../ipc/errno.js";
import { BLOCK_BYTES } from "./block-device.js";
import {
  type BlockPointer,
  NULL_POINTER,
  POINTER,
  readMarker,
  readPointer,
  writeMarker,
  writePointer,
} from "./block-pointer.js";
import type { BlockStore } from "./block-store.js";
import { corrupt } from "./corruption.js";
import {
  type DirEntry,
  decodeDirList,
  ENTRIES_BYTES,
  encodeDirList,
  entryBytes,
  findEntry,
  nodeAt,
  withEntry,
  withNode,
  withoutEntry,
} from "./dir-list.js";
import {
  decodeHTreeNode,
  encodeHTreeNode,
  HTREE_NODE_ENTRIES,
  type HTreeEntry,
} from "./htree-node.js";
import { HASH_MAX, hashOfCursor, nameCursor, nameHash } from "./name-hash.js";
import { NODE_DATA, type Node } from "./node.js";
import type { NodeTree } from "./node-tree.js";

const MARKER = NODE_DATA;
const ROOT = NODE_DATA + POINTER.SIZE;
/** Depth that a marker can carry; 204^15 leaves are more than there are blocks. */
const DEPTH_MAX = 15;

/** An entry of a listing. */
export interface ListedEntry {
  readonly name: string;
  readonly node: number;
  /** Where a listing goes on behind this entry. */
  readonly cursor: number;
}

/** What a walk over a directory's blocks finds. */
export type DirectoryVisit =
  | { tag: "block"; pointer: BlockPointer }
  | { tag: "entry"; entry: DirEntry }
  | { tag: "damaged"; error: unknown }
  | { tag: "order"; pointer: BlockPointer };

/** A subtree after an insertion: itself, and a second half if it was split. */
interface Grown {
  readonly entry: HTreeEntry;
  readonly sibling?: HTreeEntry;
}

/** Makes a leaf anew, with a change to the entry at `at`; undefined when nothing is left of it. */
type Edit = (leaf: Buffer, at: number) => Buffer | undefined;

export class Directories {
  readonly #store: BlockStore;
  readonly #tree: NodeTree;

  constructor(store: BlockStore, tree: NodeTree) {
    this.#store = store;
    this.#tree = tree;
  }

  isEmpty(directory: Node): boolean {
    return readMarker(directory.bytes, MARKER) === undefined;
  }

  /** Number of the node that `name` leads to, or undefined. @throws EIO */
  async find(directory: Node, name: Buffer): Promise<number | undefined> {
    const depth = readMarker(directory.bytes, MARKER);
    if (depth === undefined) return undefined;
    const root = readPointer(directory.bytes, ROOT);
    return await this.#findBelow(directory, root, { depth, name, hash: nameHash(name) });
  }

  async #findBelow(
    directory: Node,
    pointer: BlockPointer,
    { depth, name, hash }: { depth: number; name: Buffer; hash: number },
  ): Promise<number | undefined> {
    const bytes = await this.#read(directory, pointer);
    if (depth === 0) {
      const at = findEntry(bytes, name);
      return at === undefined ? undefined : nodeAt(bytes, at);
    }
    for (const entry of decodeHTreeNode(bytes)) {
      if (entry.hash < hash) continue;
      const at = { depth: depth - 1, name, hash };
      const found = await this.#findBelow(directory, entry.pointer, at);
      if (found !== undefined || entry.hash > hash) return found;
    }
    return undefined;
  }

  /** Enters a name that is not there. @throws EEXIST, ENOSPC, EIO */
  async insert(directory: Node, name: Buffer, node: number): Promise<void> {
    if ((await this.find(directory, name)) !== undefined) throw EEXIST;
    this.#tree.touch(directory);
    const { bytes } = directory;
    const depth = readMarker(bytes, MARKER);
    const entry = { node, name };
    const hash = nameHash(name);
    if (depth === undefined) {
      const leaf = this.#newBlock(directory, encodeDirList([entry]) as Buffer);
      writeMarker(bytes, MARKER, 0);
      writePointer(bytes, ROOT, leaf);
      return;
    }
    const root = { hash: HASH_MAX, pointer: readPointer(bytes, ROOT) };
    const grown = await this.#insertBelow(directory, root, { depth, hash, entry });
    if (grown.sibling === undefined) {
      writePointer(bytes, ROOT, grown.entry.pointer);
      return;
    }
    if (depth === DEPTH_MAX) throw ENOSPC;
    const top = encodeHTreeNode([grown.entry, grown.sibling]);
    writePointer(bytes, ROOT, this.#newBlock(directory, top));
    writeMarker(bytes, MARKER, depth + 1);
  }

  async #insertBelow(
    directory: Node,
    at: HTreeEntry,
    to: { depth: number; hash: number; entry: DirEntry },
  ): Promise<Grown> {
    const bytes = await this.#read(directory, at.pointer);
    const hash = Math.max(at.hash, to.hash);
    if (to.depth === 0) {
      const whole = withEntry(bytes, to.entry);
      if (whole === undefined) {
        const entries = [...decodeDirList(bytes), to.entry];
        return this.#splitLeaf(directory, { ...at, hash }, entries);
      }
      return { entry: { hash, pointer: this.#rewrite(directory, at, whole) } };
    }
    const entries = decodeHTreeNode(bytes);
    let place = entries.findIndex((one) => one.hash >= to.hash);
    if (place < 0) place = entries.length - 1;
    const child = entries[place];
    if (child === undefined) throw corrupt("an H-tree's block is empty", at.pointer.index);
    const grown = await this.#insertBelow(directory, child, { ...to, depth: to.depth - 1 });
    const inserted = grown.sibling === undefined ? [grown.entry] : [grown.entry, grown.sibling];
    entries.splice(place, 1, ...inserted);
    if (entries.length <= HTREE_NODE_ENTRIES) {
      return { entry: { hash, pointer: this.#rewrite(directory, at, encodeHTreeNode(entries)) } };
    }
    const [left, right] = [entries.splice(0, entries.length >>> 1), entries];
    return {
      entry: {
        hash: (left.at(-1) as HTreeEntry).hash,
        pointer: this.#rewrite(directory, at, encodeHTreeNode(left)),
      },
      sibling: { hash, pointer: this.#newBlock(directory, encodeHTreeNode(right)) },
    };
  }

  #splitLeaf(directory: Node, at: HTreeEntry, entries: DirEntry[]): Grown {
    const [left, right] = splitEntries(entries);
    return {
      entry: {
        hash: nameHash((left.at(-1) as DirEntry).name),
        pointer: this.#rewrite(directory, at, encodeDirList(left) as Buffer),
      },
      sibling: {
        hash: at.hash,
        pointer: this.#newBlock(directory, encodeDirList(right) as Buffer),
      },
    };
  }

  /** Lets a name that is there lead to another node. @throws ENOENT, ENOSPC, EIO */
  async change(directory: Node, name: Buffer, node: number): Promise<void> {
    await this.#edit(directory, name, (leaf, at) => withNode(leaf, at, node));
  }

  /** Removes a name. @throws ENOENT, ENOSPC, EIO */
  async remove(directory: Node, name: Buffer): Promise<void> {
    await this.#edit(directory, name, withoutEntry);
  }

  async #edit(directory: Node, name: Buffer, edit: Edit): Promise<void> {
    this.#tree.touch(directory);
    const { bytes } = directory;
    const depth = readMarker(bytes, MARKER);
    if (depth === undefined) throw ENOENT;
    const root = { hash: HASH_MAX, pointer: readPointer(bytes, ROOT) };
    const what = { name, hash: nameHash(name), edit };
    const left = await this.#editBelow(directory, root, { depth, ...what });
    if (left === undefined) throw ENOENT;
    writePointer(bytes, ROOT, left);
    if (left.index === 0) writePointer(bytes, MARKER, NULL_POINTER);
    else await this.#lower(directory, depth);
  }

  /** Edits the leaf with the name; returns the subtree's pointer, undefined if it has no such. */
  async #editBelow(
    directory: Node,
    at: HTreeEntry,
    to: { depth: number; name: Buffer; hash: number; edit: Edit },
  ): Promise<BlockPointer | undefined> {
    const bytes = await this.#read(directory, at.pointer);
    if (to.depth === 0) {
      const place = findEntry(bytes, to.name);
      if (place === undefined) return undefined;
      const edited = to.edit(bytes, place);
      if (edited === undefined) return this.#freeBlock(directory, at.pointer);
      return this.#rewrite(directory, at, edited);
    }
    const entries = decodeHTreeNode(bytes);
    for (const [place, entry] of entries.entries()) {
      if (entry.hash < to.hash) continue;
      const left = await this.#editBelow(directory, entry, { ...to, depth: to.depth - 1 });
      if (left !== undefined) {
        if (left.index !== 0) entries[place] = { hash: entry.hash, pointer: left };
        else entries.splice(place, 1);
        if (entries.length === 0) return this.#freeBlock(directory, at.pointer);
        return this.#rewrite(directory, at, encodeHTreeNode(entries));
      }
      if (entry.hash > to.hash) return undefined;
    }
    return undefined;
  }

  /** Takes root blocks with a single child away. */
  async #lower(directory: Node, from: number): Promise<void> {
    for (let depth = from; depth > 0; depth--) {
      const root = readPointer(directory.bytes, ROOT);
      const [only, second] = decodeHTreeNode(await this.#read(directory, root));
      if (only === undefined || second !== undefined) return;
      this.#freeBlock(directory, root);
      writePointer(directory.bytes, ROOT, only.pointer);
      writeMarker(directory.bytes, MARKER, depth - 1);
    }
  }

  /**
   * Lists at least `count` entries behind `cursor` if there are so many, in the order of cursors. A
   * listing that goes on at the last cursor sees every name that was there all the time, once.
   * @throws EIO
   */
  async list(directory: Node, cursor: number, count: number): Promise<ListedEntry[]> {
    const depth = readMarker(directory.bytes, MARKER);
    if (depth === undefined) return [];
    const ready: ListedEntry[] = [];
    /** Entries that a later leaf may still have to be sorted among. */
    const waiting: { hash: number; listed: ListedEntry }[] = [];
    const root = { hash: HASH_MAX, pointer: readPointer(directory.bytes, ROOT) };
    const from = hashOfCursor(cursor);
    for await (const leaf of this.#leaves(directory, root, { depth, from })) {
      for (const { name, node } of decodeDirList(leaf.bytes)) {
        const listed = { name: name.toString(), node, cursor: nameCursor(name) };
        if (listed.cursor > cursor) waiting.push({ hash: hashOfCursor(listed.cursor), listed });
      }
      waiting.sort((a, b) => a.listed.cursor - b.listed.cursor);
      const last = waiting.findIndex(({ hash }) => hash >= leaf.hash);
      const done = waiting.splice(0, last < 0 ? waiting.length : last);
      ready.push(...done.map(({ listed }) => listed));
      if (ready.length >= count) return ready;
    }
    waiting.sort((a, b) => a.listed.cursor - b.listed.cursor);
    return [...ready, ...waiting.map(({ listed }) => listed)];
  }

  async *#leaves(
    directory: Node,
    at: HTreeEntry,
    { depth, from }: { depth: number; from: number },
  ): AsyncGenerator<{ bytes: Buffer; hash: number }> {
    const bytes = await this.#read(directory, at.pointer);
    if (depth === 0) {
      yield { bytes, hash: at.hash };
      return;
    }
    for (const entry of decodeHTreeNode(bytes)) {
      if (entry.hash >= from) {
        yield* this.#leaves(directory, entry, { depth: depth - 1, from });
      }
    }
  }

  /** Makes a directory empty without freeing anything: for repairs. */
  forget(directory: Node): void {
    this.#tree.touch(directory);
    writePointer(directory.bytes, MARKER, NULL_POINTER);
    writePointer(directory.bytes, ROOT, NULL_POINTER);
    directory.size = 0;
    directory.blocks = 1;
  }

  /** All blocks and entries, past what cannot be read, for a check of everything. */
  async *visit(directory: Node): AsyncGenerator<DirectoryVisit> {
    const depth = readMarker(directory.bytes, MARKER);
    if (depth === undefined) return;
    const root = { hash: HASH_MAX, pointer: readPointer(directory.bytes, ROOT) };
    yield* this.#visitBelow(directory, root, { depth, low: 0 });
  }

  async *#visitBelow(
    directory: Node,
    at: HTreeEntry,
    { depth, low }: { depth: number; low: number },
  ): AsyncGenerator<DirectoryVisit> {
    yield { tag: "block", pointer: at.pointer };
    try {
      const bytes = await this.#read(directory, at.pointer);
      if (depth === 0) {
        for (const entry of decodeDirList(bytes)) {
          const hash = nameHash(entry.name);
          if (hash < low || hash > at.hash) yield { tag: "order", pointer: at.pointer };
          yield { tag: "entry", entry };
        }
        return;
      }
      let before = low;
      for (const entry of decodeHTreeNode(bytes)) {
        const { hash } = entry;
        if (hash < before || hash > at.hash) yield { tag: "order", pointer: at.pointer };
        yield* this.#visitBelow(directory, entry, { depth: depth - 1, low: before });
        before = hash;
      }
    } catch (error) {
      yield { tag: "damaged", error };
    }
  }

  async #read(directory: Node, pointer: BlockPointer): Promise<Buffer> {
    return await this.#store.readBlock(pointer, `directory ${directory.id}`);
  }

  #rewrite(directory: Node, at: HTreeEntry, bytes: Buffer): BlockPointer {
    return this.#store.rewrite(at.pointer, bytes, directory);
  }

  #newBlock(directory: Node, bytes: Buffer): BlockPointer {
    const pointer = this.#store.rewrite(undefined, bytes, directory);
    directory.size += BLOCK_BYTES;
    return pointer;
  }

  #freeBlock(directory: Node, pointer: BlockPointer): BlockPointer {
    this.#store.release(pointer, directory);
    directory.size -= BLOCK_BYTES;
    return NULL_POINTER;
  }
}

/** Splits what does not fit into one leaf, near the middle of its bytes, equal hashes together. */
function splitEntries(entries: DirEntry[]): [DirEntry[], DirEntry[]] {
  const sorted = entries
    .map((entry) => ({ ...entry, hash: nameHash(entry.name), bytes: entryBytes(entry) }))
    .sort((a, b) => a.hash - b.hash);
  const total = sorted.reduce((sum, { bytes }) => sum + bytes, 0);
  let left = 0;
  let best: { place: number; distance: number; parted: boolean } | undefined;
  for (const [place, { hash, bytes }] of sorted.entries()) {
    const fits = place > 0 && left <= ENTRIES_BYTES && total - left <= ENTRIES_BYTES;
    const parted = sorted[place - 1]?.hash === hash;
    const distance = Math.abs(2 * left - total);
    const better =
      best === undefined ||
      (best.parted && !parted) ||
      (best.parted === parted && distance < best.distance);
    if (fits && better) best = { place, distance, parted };
    left += bytes;
  }
  const { place } = best as { place: number };
  return [sorted.slice(0, place), sorted.slice(place)];
}
