/**
 * The node tree: from a node's number to the node, and the numbers that are free. Nodes live in
 * memory while they are open or changed; lists of the tree (tree-list.ts) are copied when they
 * change. Nothing moves on the disk before a commit, which then writes each changed list once.
 */

import { assert } from "../../ipc/assert.js";
import { ENOENT, ENOSPC } from "../../ipc/errno.js";
import { BLOCK_BYTES } from "./block-device.js";
import {
  type BlockPointer,
  NULL_POINTER,
  RECORD_LEVEL,
  readPointer,
  writePointer,
} from "./block-pointer.js";
import type { BlockStore } from "./block-store.js";
import { corrupt } from "./corruption.js";
import { type NewNode, Node } from "./node.js";
import { RECORDS_MAX } from "./record-map.js";
import {
  firstFree,
  isEmptyList,
  isFullAt,
  setFullAt,
  TREE_LIST_ENTRIES,
  treeListSlot,
} from "./tree-list.js";
import type { Undo } from "./undo.js";

/** Nodes that are kept although nobody needs them now. */
const NODES_KEPT = 4096;
const TOP_LEVEL = 3;
const KEY_SPAN = 2 ** 24;

/** A list as it is in memory. `pointer` is where it is on the disk or in the store, if it is. */
interface List {
  bytes: Buffer;
  pointer: BlockPointer | undefined;
}

/** Which list: lists of level 0 lead to nodes; `prefix` is the number without its last bytes. */
interface ListPlace {
  readonly level: number;
  readonly prefix: number;
}

/** The list of `level` on the way to a node. */
function listOf(id: number, level: number): ListPlace {
  return { level, prefix: level === TOP_LEVEL ? 0 : id >>> (8 * (level + 1)) };
}

function placeIn(id: number, level: number): number {
  return (id >>> (8 * level)) & 0xff;
}

export class NodeTree {
  readonly #store: BlockStore;
  readonly #undo: Undo;
  #root: BlockPointer;
  readonly #nodes = new Map<number, Node>();
  readonly #loading = new Map<number, Promise<Node>>();
  readonly #dirtyNodes = new Set<Node>();
  /** Nodes that were left by the last trim. */
  #trimmedTo = 0;
  /** Lists that differ from the disk. */
  readonly #lists = new Map<number, List>();

  constructor(store: BlockStore, undo: Undo, root: BlockPointer) {
    this.#store = store;
    this.#undo = undo;
    this.#root = root;
  }

  /** Pointer to the root of the tree, for the header. */
  get root(): BlockPointer {
    return this.#root;
  }

  /** Blocks that a commit takes at most for nodes and lists. */
  get reserve(): number {
    return this.#dirtyNodes.size * (TOP_LEVEL + 1) + this.#lists.size + TOP_LEVEL + 1;
  }

  get changed(): boolean {
    return this.#dirtyNodes.size > 0 || this.#lists.size > 0;
  }

  /** The node with this number. @throws ENOENT when there is none, EIO */
  async get(id: number): Promise<Node> {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const loading = this.#loading.get(id) ?? this.#load(id);
    this.#loading.set(id, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(id);
    }
  }

  async #load(id: number): Promise<Node> {
    const list = await this.#list(listOf(id, 0));
    const place = placeIn(id, 0);
    if (list === undefined || place >= TREE_LIST_ENTRIES) throw ENOENT;
    const pointer = readPointer(list.bytes, treeListSlot(place));
    if (pointer.index === 0) throw ENOENT;
    const bytes = await this.#store.readBlock(pointer, `node ${id}`);
    const node = new Node(id, Buffer.from(bytes), pointer);
    checkNode(node);
    this.#nodes.set(id, node);
    return node;
  }

  /** Makes a node with the lowest free number. @throws ENOSPC, EIO */
  async create(facts: NewNode): Promise<Node> {
    let id = 0;
    for (let level = TOP_LEVEL; level >= 0; level--) {
      const list = await this.#list({ level, prefix: id });
      const bytes = list?.bytes ?? Buffer.alloc(BLOCK_BYTES);
      const place = firstFree(bytes, level === 0 && id === 0 ? 1 : 0);
      if (place === undefined) {
        if (level === TOP_LEVEL) throw ENOSPC;
        throw corrupt("the node tree says that a full list has room", list?.pointer?.index);
      }
      id = id * 256 + place;
    }
    await this.#setFull(id, true);
    const node = Node.make(id, facts);
    // The block of the node itself is allocated by the commit: the reserve counts it.
    this.#nodes.set(id, node);
    this.#undo.note(() => this.#forget(node));
    this.touch(node);
    return node;
  }

  /** Frees a node's number and block. Its contents must be freed already. @throws EIO */
  async remove(node: Node): Promise<void> {
    await this.#setFull(node.id, false);
    const list = await this.#change(listOf(node.id, 0));
    writePointer(list.bytes, treeListSlot(placeIn(node.id, 0)), NULL_POINTER);
    if (node.pointer !== undefined) this.#store.release(node.pointer);
    const wasDirty = this.#dirtyNodes.has(node);
    this.#forget(node);
    this.#undo.note(() => {
      node.gone = false;
      this.#nodes.set(node.id, node);
      if (wasDirty) this.#dirtyNodes.add(node);
    });
  }

  /** Frees the number of a node that cannot be read, and nothing else: for repairs. */
  async drop(id: number): Promise<void> {
    await this.#setFull(id, false);
    const list = await this.#change(listOf(id, 0));
    writePointer(list.bytes, treeListSlot(placeIn(id, 0)), NULL_POINTER);
  }

  #forget(node: Node): void {
    node.gone = true;
    this.#nodes.delete(node.id);
    this.#dirtyNodes.delete(node);
  }

  /** Says that `node` is about to change: saves it for undo, and keeps it until a commit. */
  touch(node: Node): void {
    if (node.savedIn === this.#undo.scope) return;
    const known = this.#nodes.get(node.id);
    assert(known === undefined || known === node, `node ${node.id} is in memory twice`);
    this.#nodes.set(node.id, node);
    node.savedIn = this.#undo.scope;
    const { bytes, dirty, tailIsClean } = node;
    // The old bytes stay with the undo; changes go to a copy.
    node.bytes = Buffer.from(bytes);
    node.dirty = true;
    this.#dirtyNodes.add(node);
    this.#undo.note(() => {
      node.bytes = bytes;
      node.dirty = dirty;
      node.tailIsClean = tailIsClean;
      if (!dirty) this.#dirtyNodes.delete(node);
    });
  }

  /** Drops nodes that nobody needs. Only between operations: those in one hold nodes. */
  trim(): void {
    if (!this.wantsTrim) return;
    for (const [id, node] of this.#nodes) {
      if (this.#nodes.size <= NODES_KEPT / 2) break;
      if (!node.dirty && node.handles === 0) this.#nodes.delete(id);
    }
    // What could not go now is not looked at again with each operation.
    this.#trimmedTo = this.#nodes.size;
  }

  get wantsTrim(): boolean {
    return this.#nodes.size > NODES_KEPT + 2 * this.#trimmedTo;
  }

  /** Nodes in memory now. */
  get inMemory(): number {
    return this.#nodes.size;
  }

  /** Memory of what the next commit writes, the saved state included. */
  get dirtyBytes(): number {
    return (2 * this.#dirtyNodes.size + this.#lists.size) * BLOCK_BYTES;
  }

  /** Brings changed nodes and lists into the store; the root follows. Can be repeated. */
  async store(): Promise<void> {
    for (const node of this.#dirtyNodes) {
      node.pointer = this.#store.rewriteReserved(node.pointer, Buffer.from(node.bytes));
      const list = await this.#own(listOf(node.id, 0));
      writePointer(list.bytes, treeListSlot(placeIn(node.id, 0)), node.pointer);
    }
    for (let level = 0; level <= TOP_LEVEL; level++) {
      for (const [key, list] of this.#lists) {
        if (Math.floor(key / KEY_SPAN) !== level) continue;
        await this.#storeList({ level, prefix: key % KEY_SPAN }, list);
      }
    }
  }

  async #storeList({ level, prefix }: ListPlace, list: List): Promise<void> {
    if (level < TOP_LEVEL && isEmptyList(list.bytes)) {
      if (list.pointer !== undefined) this.#store.release(list.pointer);
      list.pointer = undefined;
    } else list.pointer = this.#store.rewriteReserved(list.pointer, list.bytes);
    if (level === TOP_LEVEL) {
      this.#root = list.pointer as BlockPointer;
      return;
    }
    const above = level + 1 === TOP_LEVEL ? 0 : prefix >>> 8;
    const parent = await this.#own({ level: level + 1, prefix: above });
    writePointer(parent.bytes, treeListSlot(prefix & 0xff), list.pointer ?? NULL_POINTER);
  }

  /** The commit is on the disk. */
  committed(): void {
    for (const { bytes, pointer } of this.#lists.values()) {
      if (pointer !== undefined) this.#store.remember(pointer, bytes);
    }
    this.#lists.clear();
    for (const node of this.#dirtyNodes) node.dirty = false;
    this.#dirtyNodes.clear();
    this.#trimmedTo = 0;
  }

  /** Sets whether a number is taken, and in the lists above whether there is room beneath. */
  async #setFull(id: number, full: boolean): Promise<void> {
    for (let level = 0; level <= TOP_LEVEL; level++) {
      const place = placeIn(id, level);
      const list = await this.#change(listOf(id, level));
      if (level === 0 && id < 256) setFullAt(list.bytes, 0, true);
      if (isFullAt(list.bytes, place) === full) return;
      setFullAt(list.bytes, place, full);
      if (full && firstFree(list.bytes) !== undefined) return;
    }
  }

  /** A list to be changed, saved for undo. Makes it if there is none. */
  async #change(at: ListPlace): Promise<List> {
    const key = at.level * KEY_SPAN + at.prefix;
    const before = this.#lists.get(key);
    const old = before ?? (await this.#list(at));
    const bytes = old === undefined ? Buffer.alloc(BLOCK_BYTES) : Buffer.from(old.bytes);
    const list = { bytes, pointer: old?.pointer };
    this.#lists.set(key, list);
    this.#undo.note(() => {
      if (before === undefined) this.#lists.delete(key);
      else this.#lists.set(key, before);
    });
    return list;
  }

  /** The same within a commit, which is not undone. */
  async #own(at: ListPlace): Promise<List> {
    const key = at.level * KEY_SPAN + at.prefix;
    const changed = this.#lists.get(key);
    if (changed !== undefined) return changed;
    const old = await this.#list(at);
    const bytes = old === undefined ? Buffer.alloc(BLOCK_BYTES) : Buffer.from(old.bytes);
    const list = { bytes, pointer: old?.pointer };
    this.#lists.set(key, list);
    return list;
  }

  async #list({ level, prefix }: ListPlace): Promise<List | undefined> {
    const changed = this.#lists.get(level * KEY_SPAN + prefix);
    if (changed !== undefined) return changed;
    let pointer = this.#root;
    if (level === TOP_LEVEL && pointer.index === 0) return undefined;
    if (level < TOP_LEVEL) {
      const above = level + 1 === TOP_LEVEL ? 0 : prefix >>> 8;
      const parent = await this.#list({ level: level + 1, prefix: above });
      const place = prefix & 0xff;
      if (parent === undefined || place >= TREE_LIST_ENTRIES) return undefined;
      pointer = readPointer(parent.bytes, treeListSlot(place));
      if (pointer.index === 0) return undefined;
    }
    return { bytes: await this.#store.readBlock(pointer, "node tree"), pointer };
  }

  /** All nodes by number, and the blocks of the lists on the way, for a check of everything. */
  async *visit(): AsyncGenerator<TreeVisit> {
    yield* this.#visitBelow(this.#root, { level: TOP_LEVEL, prefix: 0 });
  }

  async *#visitBelow(pointer: BlockPointer, at: ListPlace): AsyncGenerator<TreeVisit> {
    yield { tag: "list", pointer };
    let bytes: Buffer;
    try {
      bytes = await this.#store.readBlock(pointer, "node tree");
    } catch (error) {
      yield { tag: "damaged", error };
      return;
    }
    for (let place = 0; place < TREE_LIST_ENTRIES; place++) {
      const below = readPointer(bytes, treeListSlot(place));
      const prefix = at.prefix * 256 + place;
      const full = isFullAt(bytes, place);
      if (at.level === 0) {
        const expected = below.index !== 0 || prefix === 0;
        if (full !== expected && prefix !== 0) yield { tag: "flag", id: prefix };
        if (below.index !== 0) yield { tag: "node", id: prefix, pointer: below };
      } else if (below.index !== 0) {
        yield* this.#visitBelow(below, { level: at.level - 1, prefix });
      }
    }
  }
}

/** Refuses a node that RedoxFS cannot have made, so that nobody computes with its numbers. */
function checkNode({ id, kind, recordLevel, recordBytes, size, pointer }: Node): void {
  const sound =
    kind !== undefined && recordLevel <= RECORD_LEVEL && size <= RECORDS_MAX * recordBytes;
  if (!sound) throw corrupt(`node ${id} is malformed`, pointer?.index);
}

/** What a visit to the whole tree finds. Meant for a tree without uncommitted changes. */
export type TreeVisit =
  | { tag: "list"; pointer: BlockPointer }
  | { tag: "damaged"; error: unknown }
  | { tag: "flag"; id: number }
  | { tag: "node"; id: number; pointer: BlockPointer };
