/**
 * The allocation log in memory: which blocks it takes, and what the next commit adds to it. A
 * commit writes its changes into a new copy of the newest block; when the chain has grown long, and
 * at unmount, the whole log is written anew from what is free.
 */

import {
  ALLOC_LIST_ENTRIES,
  type AllocEntry,
  decodeAllocList,
  encodeAllocList,
} from "./alloc-list.js";
import { type BlockPointer, NULL_POINTER } from "./block-pointer.js";
import type { BlockStore } from "./block-store.js";
import { corrupt } from "./corruption.js";
import { ExtentSet } from "./extent-set.js";

/** The chain is written anew when it is longer than this, and than twice what it would take. */
const CHAIN_BLOCKS_MAX = 32;

/** A block of the chain, with what it takes to write it anew. */
interface Link {
  readonly pointer: BlockPointer;
  readonly entries: readonly AllocEntry[];
}

export class AllocLog {
  /** From the oldest block to the newest. */
  #chain: readonly Link[] = [];
  #next: readonly Link[] = [];

  /**
   * Reads the chain and returns what is free.
   * @throws EIO when a block is damaged, or the entries contradict one another
   */
  async read(store: BlockStore, newest: BlockPointer): Promise<ExtentSet> {
    const chain: Link[] = [];
    let pointer = newest;
    while (pointer.index !== 0) {
      if (chain.length > store.blocks) throw corrupt("the allocation log has no end");
      const bytes = await store.readBlock(pointer, "allocation log");
      const { previous, entries } = decodeAllocList(bytes);
      chain.unshift({ pointer, entries });
      pointer = previous;
    }
    this.#chain = chain;
    this.#next = chain;
    return replay(store, chain);
  }

  /** Blocks of the log on the disk. */
  get blocks(): readonly BlockPointer[] {
    return this.#chain.map(({ pointer }) => pointer);
  }

  get newest(): BlockPointer {
    return this.#next.at(-1)?.pointer ?? NULL_POINTER;
  }

  /** Blocks that a commit takes for the log at most, if it changes `pieces` pieces. */
  reserve(pieces: number): number {
    return 2 + Math.ceil((pieces + 2 * ALLOC_LIST_ENTRIES) / (ALLOC_LIST_ENTRIES - 2));
  }

  /**
   * Writes what has become used and free since the last commit; the last step of a commit before
   * its blocks go to the disk. @throws ENOSPC
   */
  store(store: BlockStore, squash: boolean): void {
    const pieces = store.allocator.pieceCount + store.freed.extents;
    const whole = 1 + Math.ceil(pieces / ALLOC_LIST_ENTRIES);
    const long = this.#chain.length > Math.max(CHAIN_BLOCKS_MAX, 2 * whole);
    const room = store.allocator.free > 2 * whole + this.#chain.length;
    if (this.#chain.length === 0 || ((squash || long) && room)) this.#storeWhole(store);
    else this.#append(store);
  }

  /** The commit is on the disk. */
  committed(): void {
    this.#chain = this.#next;
  }

  #append(store: BlockStore): void {
    const last = this.#chain.at(-1) as Link;
    store.release(last.pointer);
    const blocks: number[] = [];
    let entries: AllocEntry[] = [];
    // Each block that the log takes is itself a change that the log must hold.
    do {
      takeBlocks(store, blocks, entries.length);
      entries = [...last.entries, ...changes(store)];
    } while (blocks.length * ALLOC_LIST_ENTRIES < entries.length);
    const kept = this.#chain.slice(0, -1);
    this.#next = [...kept, ...write(store, { blocks, entries, after: kept.at(-1)?.pointer })];
  }

  #storeWhole(store: BlockStore): void {
    for (const { pointer } of this.#chain) store.release(pointer);
    const blocks: number[] = [];
    let entries: AllocEntry[] = [];
    do {
      takeBlocks(store, blocks, entries.length);
      entries = freeExtents(store);
    } while (blocks.length * ALLOC_LIST_ENTRIES < entries.length);
    this.#next = write(store, { blocks, entries, after: undefined });
  }
}

/** Takes blocks for so many entries, and at least one more than before. */
function takeBlocks(store: BlockStore, blocks: number[], entries: number): void {
  const wanted = Math.max(blocks.length + 1, Math.ceil(entries / ALLOC_LIST_ENTRIES));
  while (blocks.length < wanted) blocks.push(store.allocateReserved(0));
}

function write(
  store: BlockStore,
  what: { blocks: number[]; entries: AllocEntry[]; after: BlockPointer | undefined },
): Link[] {
  let previous = what.after ?? NULL_POINTER;
  return what.blocks.map((block, place) => {
    const start = place * ALLOC_LIST_ENTRIES;
    const entries = what.entries.slice(start, start + ALLOC_LIST_ENTRIES);
    const pointer = store.put(block, encodeAllocList(previous, entries));
    previous = pointer;
    return { pointer, entries };
  });
}

/** What this transaction changes, in few entries: first what it takes, then what it gives back. */
function changes(store: BlockStore): AllocEntry[] {
  const taken = new ExtentSet();
  for (const [index, level] of store.fresh) taken.add(index, 2 ** level);
  const used = [...taken].map(({ index, count }) => ({ index, count: -count }));
  return [...used, ...store.freed];
}

/** Everything that is free after this transaction. */
function freeExtents(store: BlockStore): AllocEntry[] {
  const free = new ExtentSet();
  const pieces = [...store.allocator.pieces(), ...store.freed];
  for (const { index, count } of pieces.sort((a, b) => a.index - b.index)) free.add(index, count);
  return [...free];
}

function replay(store: BlockStore, chain: readonly Link[]): ExtentSet {
  const free = new ExtentSet();
  for (const { pointer, entries } of chain) {
    for (const { index, count } of entries) {
      const size = Math.abs(count);
      if (!(index >= 0 && index + size <= store.blocks)) {
        throw corrupt("the allocation log names blocks that do not exist", pointer.index);
      }
      const done = count > 0 ? free.add(index, size) : free.remove(index, size);
      if (!done) throw corrupt("the allocation log contradicts itself", pointer.index);
    }
  }
  return free;
}
