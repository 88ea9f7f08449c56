/**
 * From a file's record number to the pointer of its record. The node itself has 128 pointers to
 * records, then 64 to lists of 256 pointers, then 32 to lists of lists, and so on:
 *
 * | offset in the node's data | size | leads to | records |
 * |---|---|---|---|
 * | 0 | 2048 | 128 records | 128 |
 * | 2048 | 1024 | 64 lists | 64 · 256 |
 * | 3072 | 512 | 32 lists of lists | 32 · 256² |
 * | 3584 | 256 | 16, one step more | 16 · 256³ |
 * | 3840 | 128 | 8, one step more | 8 · 256⁴ |
 *
 * A null pointer is a hole: zeros. A list without pointers is not kept.
 */

import { EFBIG } from "../../ipc/errno.js";
import { BLOCK_BYTES } from "./block-device.js";
import {
  type BlockPointer,
  isNullAt,
  NULL_POINTER,
  POINTER,
  readPointer,
  writePointer,
} from "./block-pointer.js";
import type { BlockStore } from "./block-store.js";
import { NODE_DATA, type Node } from "./node.js";

const LIST_ENTRIES = 256;
/** Pointers in the node for each depth of lists. */
const SLOTS = [128, 64, 32, 16, 8] as const;

/** A run of slots in the node with the same depth. */
interface Zone {
  readonly depth: number;
  readonly slot: number;
  readonly slots: number;
  /** First record, and records beneath each slot. */
  readonly first: number;
  readonly span: number;
}

const ZONES: readonly Zone[] = SLOTS.map((slots, depth) => {
  const before = SLOTS.slice(0, depth);
  return {
    depth,
    slots,
    slot: before.reduce((sum, count) => sum + count, 0),
    first: before.reduce((sum, count, at) => sum + count * LIST_ENTRIES ** at, 0),
    span: LIST_ENTRIES ** depth,
  };
});

/** Records that a file can have. */
export const RECORDS_MAX = ZONES.reduce((sum, { slots, span }) => sum + slots * span, 0);

function zoneOf(record: number): Zone {
  const zone = ZONES.find(({ first, slots, span }) => record < first + slots * span);
  if (zone === undefined) throw EFBIG;
  return zone;
}

function listOffset(place: number): number {
  return place * POINTER.SIZE;
}

function isEmpty(list: Buffer): boolean {
  for (let place = 0; place < LIST_ENTRIES; place++) {
    if (!isNullAt(list, listOffset(place))) return false;
  }
  return true;
}

/** What a walk over a file's pointers finds: records, and the lists on the way. */
export type MapVisit =
  | { tag: "record"; record: number; pointer: BlockPointer }
  | { tag: "list"; pointer: BlockPointer; depth: number };

export class RecordMap {
  readonly #store: BlockStore;

  constructor(store: BlockStore) {
    this.#store = store;
  }

  /** Pointer of a record; null in a hole. @throws EIO, EFBIG */
  async get(node: Node, record: number): Promise<BlockPointer> {
    const { first, span, slot, depth } = zoneOf(record);
    const inZone = record - first;
    const at = NODE_DATA + listOffset(slot + Math.floor(inZone / span));
    let pointer = readPointer(node.bytes, at);
    let rest = inZone % span;
    for (let level = depth - 1; level >= 0 && pointer.index !== 0; level--) {
      const list = await this.#store.readBlock(pointer, `list of node ${node.id}`);
      const below = LIST_ENTRIES ** level;
      pointer = readPointer(list, listOffset(Math.floor(rest / below)));
      rest %= below;
    }
    return pointer;
  }

  /** Sets the pointer of a record, in a node that was touched. @throws EIO, ENOSPC, EFBIG */
  async set(node: Node, record: number, pointer: BlockPointer): Promise<void> {
    const { first, span, slot, depth } = zoneOf(record);
    const inZone = record - first;
    const at = NODE_DATA + listOffset(slot + Math.floor(inZone / span));
    const path = { depth, rest: inZone % span };
    const top = readPointer(node.bytes, at);
    writePointer(node.bytes, at, await this.#setBelow(node, top, { ...path, pointer }));
  }

  async #setBelow(
    node: Node,
    top: BlockPointer,
    to: { depth: number; rest: number; pointer: BlockPointer },
  ): Promise<BlockPointer> {
    if (to.depth === 0) return to.pointer;
    const list = await this.#copyOf(node, top);
    const below = LIST_ENTRIES ** (to.depth - 1);
    const at = listOffset(Math.floor(to.rest / below));
    const next = { depth: to.depth - 1, rest: to.rest % below, pointer: to.pointer };
    writePointer(list, at, await this.#setBelow(node, readPointer(list, at), next));
    return this.#storeList(node, top, list);
  }

  /** Frees all records from `from` on, and the lists that get empty. @throws EIO, ENOSPC */
  async dropFrom(node: Node, from: number): Promise<void> {
    for (const { depth, first, slots, slot, span } of ZONES) {
      const start = Math.max(0, Math.floor((from - first) / span));
      for (let place = start; place < slots; place++) {
        const at = NODE_DATA + listOffset(slot + place);
        if (isNullAt(node.bytes, at)) continue;
        const pointer = readPointer(node.bytes, at);
        const keep = Math.max(0, from - first - place * span);
        const left = await this.#dropBelow(node, pointer, { depth, keep });
        writePointer(node.bytes, at, left);
      }
    }
  }

  /** Frees what is beneath `top` but for the first `keep` records; returns what is left of it. */
  async #dropBelow(
    node: Node,
    top: BlockPointer,
    { depth, keep }: { depth: number; keep: number },
  ): Promise<BlockPointer> {
    const span = LIST_ENTRIES ** depth;
    if (keep >= span) return top;
    if (depth === 0) {
      this.#store.release(top, node);
      return NULL_POINTER;
    }
    const list = await this.#copyOf(node, top);
    const below = span / LIST_ENTRIES;
    for (let place = Math.floor(keep / below); place < LIST_ENTRIES; place++) {
      const at = listOffset(place);
      if (isNullAt(list, at)) continue;
      const rest = { depth: depth - 1, keep: Math.max(0, keep - place * below) };
      writePointer(list, at, await this.#dropBelow(node, readPointer(list, at), rest));
    }
    return this.#storeList(node, top, list);
  }

  /** Drops every pointer that `isGood` refuses, without freeing what it leads to: for repairs. */
  async keep(
    node: Node,
    isGood: (pointer: BlockPointer, depth: number, record: number) => Promise<boolean>,
  ): Promise<void> {
    const below = async (
      pointer: BlockPointer,
      depth: number,
      record: number,
    ): Promise<BlockPointer> => {
      if (!(await isGood(pointer, depth, record))) return NULL_POINTER;
      if (depth === 0) return pointer;
      const list = await this.#copyOf(node, pointer);
      for (let place = 0; place < LIST_ENTRIES; place++) {
        const at = listOffset(place);
        if (isNullAt(list, at)) continue;
        const first = record + place * LIST_ENTRIES ** (depth - 1);
        writePointer(list, at, await below(readPointer(list, at), depth - 1, first));
      }
      return this.#storeList(node, pointer, list);
    };
    for (const { depth, first, slots, slot, span } of ZONES) {
      for (let place = 0; place < slots; place++) {
        const at = NODE_DATA + listOffset(slot + place);
        if (isNullAt(node.bytes, at)) continue;
        const left = await below(readPointer(node.bytes, at), depth, first + place * span);
        writePointer(node.bytes, at, left);
      }
    }
  }

  /** All lists and records of a file, in order; a list comes before what it leads to. */
  async *visit(node: Node): AsyncGenerator<MapVisit> {
    for (const { depth, first, slots, slot, span } of ZONES) {
      for (let place = 0; place < slots; place++) {
        const at = NODE_DATA + listOffset(slot + place);
        if (isNullAt(node.bytes, at)) continue;
        const pointer = readPointer(node.bytes, at);
        yield* this.#visitBelow(node, pointer, { depth, record: first + place * span });
      }
    }
  }

  async *#visitBelow(
    node: Node,
    pointer: BlockPointer,
    { depth, record }: { depth: number; record: number },
  ): AsyncGenerator<MapVisit> {
    if (depth === 0) {
      yield { tag: "record", record, pointer };
      return;
    }
    yield { tag: "list", pointer, depth };
    const list = await this.#store.readBlock(pointer, `list of node ${node.id}`);
    for (let place = 0; place < LIST_ENTRIES; place++) {
      const at = listOffset(place);
      if (isNullAt(list, at)) continue;
      const below = record + place * LIST_ENTRIES ** (depth - 1);
      yield* this.#visitBelow(node, readPointer(list, at), { depth: depth - 1, record: below });
    }
  }

  async #copyOf(node: Node, pointer: BlockPointer): Promise<Buffer> {
    if (pointer.index === 0) return Buffer.alloc(BLOCK_BYTES);
    return Buffer.from(await this.#store.readBlock(pointer, `list of node ${node.id}`));
  }

  #storeList(node: Node, before: BlockPointer, list: Buffer): BlockPointer {
    const old = before.index === 0 ? undefined : before;
    if (!isEmpty(list)) return this.#store.rewrite(old, list, node);
    if (old !== undefined) this.#store.release(old, node);
    return NULL_POINTER;
  }
}
