/**
 * The allocator: free blocks as buddies. A free piece of level n has 2^n blocks and starts at a
 * multiple of that; two neighbours that make up a piece of the next level are always joined. What
 * is nearest to the start of the disk is given out first, as RedoxFS does.
 */

import { assert } from "../../ipc/assert.js";
import type { Extent } from "./extent-set.js";

const LEVELS_MAX = 48;

/** The free pieces of one level: a set, and a heap that finds the lowest. */
class Pieces {
  readonly set = new Set<number>();
  /** May hold numbers that have left the set; they are dropped when they come up. */
  #heap: number[] = [];

  add(index: number): void {
    this.set.add(index);
    if (this.#heap.length > 1024 + 4 * this.set.size) {
      this.#heap = [...this.set].sort((a, b) => a - b);
      return;
    }
    const heap = this.#heap;
    let place = heap.push(index) - 1;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if ((heap[parent] as number) <= index) break;
      heap[place] = heap[parent] as number;
      place = parent;
    }
    heap[place] = index;
  }

  get lowest(): number | undefined {
    for (;;) {
      const index = this.#heap[0];
      if (index === undefined || this.set.has(index)) return index;
      this.#pop();
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as number;
    if (heap.length === 0) return;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1] ?? Infinity) < (heap[child] as number)) child += 1;
      if ((heap[child] as number) >= last) break;
      heap[place] = heap[child] as number;
      place = child;
    }
    heap[place] = last;
  }
}

export class Buddy {
  readonly #levels: Pieces[] = Array.from({ length: LEVELS_MAX }, () => new Pieces());
  #free = 0;

  /** Makes an allocator in which only `free` is free. */
  constructor(free: Iterable<Extent>) {
    for (const { index, count } of free) this.giveRange(index, count);
  }

  /** Free blocks. */
  get free(): number {
    return this.#free;
  }

  /** Takes a piece of `level`, the lowest there is; undefined when there is none. */
  allocate(level: number): number | undefined {
    let best: { index: number; level: number } | undefined;
    for (let at = level; at < LEVELS_MAX; at++) {
      const index = this.#level(at).lowest;
      if (index !== undefined && (best === undefined || index < best.index)) {
        best = { index, level: at };
      }
    }
    if (best === undefined) return undefined;
    this.take(best.index, level);
    return best.index;
  }

  /** True if any of this piece is free. */
  isFree(index: number, level: number): boolean {
    for (let at = level; at < LEVELS_MAX; at++) {
      if (this.#level(at).set.has(index - (index % 2 ** at))) return true;
    }
    for (let at = 0; at < level; at++) {
      for (let part = index; part < index + 2 ** level; part += 2 ** at) {
        if (this.#level(at).set.has(part)) return true;
      }
    }
    return false;
  }

  /** Takes this very piece, which must be free. */
  take(index: number, level: number): void {
    let at = level;
    let start = index;
    while (at < LEVELS_MAX && !this.#level(at).set.has(start)) {
      at += 1;
      start = index - (index % 2 ** at);
    }
    assert(at < LEVELS_MAX, `block ${index} is taken although it is not free`);
    this.#level(at).set.delete(start);
    while (at > level) {
      at -= 1;
      const half = 2 ** at;
      if (index >= start + half) {
        this.#level(at).add(start);
        start += half;
      } else this.#level(at).add(start + half);
    }
    this.#free -= 2 ** level;
  }

  /** Gives a piece back. */
  give(index: number, level: number): void {
    let at = level;
    let start = index;
    for (; at < LEVELS_MAX - 1; at++) {
      assert(!this.#level(at).set.has(start), `block ${index} is freed although it is free`);
      const size = 2 ** at;
      const buddy = start % (2 * size) === 0 ? start + size : start - size;
      if (!this.#level(at).set.delete(buddy)) break;
      start = Math.min(start, buddy);
    }
    this.#level(at).add(start);
    this.#free += 2 ** level;
  }

  /** Gives any range back, in the largest pieces that it is made of. */
  giveRange(index: number, count: number): void {
    const end = index + count;
    let at = index;
    while (at < end) {
      let level = 0;
      while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level += 1;
      this.give(at, level);
      at += 2 ** level;
    }
  }

  /** How many pieces there are. */
  get pieceCount(): number {
    return this.#levels.reduce((sum, { set }) => sum + set.size, 0);
  }

  /** All free pieces, in no order. */
  *pieces(): Generator<Extent> {
    for (const [level, { set }] of this.#levels.entries()) {
      for (const index of set) yield { index, count: 2 ** level };
    }
  }

  #level(level: number): Pieces {
    return this.#levels[level] as Pieces;
  }
}
