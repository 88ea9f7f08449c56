/**
 * The arena's allocator: which bytes of a channel's payload memory belong to which request. It is
 * the client's private book; nothing of it lies in shared memory, so neither a peer nor a death can
 * tear it. Power-of-two extents from per-size stacks; free ones merge only when an allocation would
 * fail.
 */

import { assert } from "./assert.js";

/** Smallest extent in bytes, as a power of two. */
const MIN_SHIFT = 6;

/** The book of one arena. */
export class ArenaBook {
  readonly size: number;
  /** Free extents' offsets, by size class (class 0: 64 bytes). */
  readonly #free: number[][] = [];
  readonly #classes: number;

  /** @param size - bytes, a power of two */
  constructor(size: number) {
    assert(size >= 1 << MIN_SHIFT && (size & (size - 1)) === 0, "arena size is no power of two");
    this.size = size;
    this.#classes = Math.log2(size) - MIN_SHIFT + 1;
    for (let i = 0; i < this.#classes; i++) this.#free.push([]);
    this.#stack(this.#classes - 1).push(0);
  }

  #stack(sizeClass: number): number[] {
    return this.#free[sizeClass] as number[];
  }

  /** Size class that holds `length` bytes. */
  static classOf(length: number): number {
    return length <= 1 << MIN_SHIFT ? 0 : 32 - Math.clz32(length - 1) - MIN_SHIFT;
  }

  /** Takes an extent for `length` bytes and returns its offset, or -1 when none is free. */
  allocate(length: number): number {
    const sizeClass = ArenaBook.classOf(length);
    if (sizeClass >= this.#classes) return -1;
    const stack = this.#stack(sizeClass);
    const exact = stack.pop();
    if (exact !== undefined) return exact;
    const split = this.#split(sizeClass);
    if (split >= 0) return split;
    this.#merge();
    return this.#stack(sizeClass).pop() ?? this.#split(sizeClass);
  }

  /** Gives back what `allocate(length)` returned. */
  free(offset: number, length: number): void {
    this.#stack(ArenaBook.classOf(length)).push(offset);
  }

  /** Bytes that are free, in any extents. */
  freeBytes(): number {
    return this.#free.reduce((sum, stack, i) => sum + stack.length * 2 ** (i + MIN_SHIFT), 0);
  }

  #split(sizeClass: number): number {
    for (let larger = sizeClass + 1; larger < this.#classes; larger++) {
      const offset = this.#stack(larger).pop();
      if (offset === undefined) continue;
      for (let half = larger - 1; half >= sizeClass; half--) {
        this.#stack(half).push(offset + 2 ** (half + MIN_SHIFT));
      }
      return offset;
    }
    return -1;
  }

  /** Joins free neighbours, smallest first. */
  #merge(): void {
    for (let sizeClass = 0; sizeClass < this.#classes - 1; sizeClass++) {
      const size = 2 ** (sizeClass + MIN_SHIFT);
      const offsets = new Set(this.#stack(sizeClass));
      const kept: number[] = [];
      for (const offset of offsets) {
        const lower = offset % (2 * size) === 0;
        const buddy = lower ? offset + size : offset - size;
        if (!offsets.has(buddy)) kept.push(offset);
        else if (lower) this.#stack(sizeClass + 1).push(offset);
      }
      this.#free[sizeClass] = kept;
    }
  }
}
