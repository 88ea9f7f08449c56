/**
 * The contents of one file: chunks that exist only where something was written, everything else
 * reads as zeros. Memory is taken from a budget that all files of the scheme share, and is given
 * back.
 */

import { EFBIG, ENOSPC } from "../../ipc/errno.js";

/** Size of a whole chunk; small files have a shorter one that grows. */
export const CHUNK_BYTES = 64 * 1024;
const CHUNK_BYTES_MIN = 512;
/** Largest size of a file: offsets are exact integers up to here. */
export const FILE_BYTES_MAX = Number.MAX_SAFE_INTEGER;

/** Memory that may be used, and what is used of it. */
export class Budget {
  readonly bytesMax: number;
  usedBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  /** Takes `bytes` if there are so many left. */
  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.bytesMax) return false;
    this.usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.usedBytes -= bytes;
  }

  get freeBytes(): number {
    return this.bytesMax - this.usedBytes;
  }
}

/** A sparse array of bytes. */
export class SparseBytes {
  readonly #budget: Budget;
  /** Chunk number → bytes; one that is shorter than a whole chunk goes on with zeros. */
  readonly #chunks = new Map<number, Uint8Array>();
  #size = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get size(): number {
    return this.#size;
  }

  /** Fills `bytes` from `offset`; returns how many bytes there were. */
  read(bytes: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(bytes.length, this.#size - offset));
    for (let done = 0; done < count; ) {
      const { index, within, length } = extent(offset + done, count - done);
      const part = bytes.subarray(done, done + length);
      const chunk = this.#chunks.get(index);
      const stored = chunk?.subarray(within, within + length);
      if (stored === undefined) part.fill(0);
      else {
        part.set(stored);
        if (stored.length < length) part.fill(0, stored.length);
      }
      done += length;
    }
    return count;
  }

  /**
   * Writes `bytes` at `offset` and returns how many there was room for.
   * @throws EFBIG beyond the largest size; ENOSPC when there was room for none.
   */
  write(bytes: Uint8Array, offset: number): number {
    if (offset > FILE_BYTES_MAX - bytes.length) throw EFBIG;
    let done = 0;
    while (done < bytes.length) {
      const { index, within, length } = extent(offset + done, bytes.length - done);
      const chunk = this.#reserve(index, within + length);
      if (chunk === undefined) break;
      chunk.set(bytes.subarray(done, done + length), within);
      done += length;
    }
    if (done === 0 && bytes.length > 0) throw ENOSPC;
    if (done > 0) this.#size = Math.max(this.#size, offset + done);
    return done;
  }

  /** Sets the size; what is cut off reads as zeros should the file grow again. */
  truncate(size: number): void {
    if (size < this.#size) this.#cut(size);
    this.#size = size;
  }

  /** Gives all memory back. */
  release(): void {
    this.truncate(0);
  }

  #cut(size: number): void {
    const { index: last, within } = extent(size, 0);
    for (const [index, chunk] of this.#chunks) {
      if (index < last) continue;
      if (index === last && within > 0) {
        if (within < chunk.length) chunk.fill(0, within);
        continue;
      }
      this.#chunks.delete(index);
      this.#budget.give(chunk.length);
    }
  }

  /** Returns the chunk with room for `length` bytes, or undefined when the budget is spent. */
  #reserve(index: number, length: number): Uint8Array | undefined {
    const chunk = this.#chunks.get(index);
    if (chunk !== undefined && chunk.length >= length) return chunk;
    let capacity = Math.max(CHUNK_BYTES_MIN, chunk?.length ?? 0);
    while (capacity < length) capacity *= 2;
    if (!this.#budget.take(capacity - (chunk?.length ?? 0))) return undefined;
    const grown = new Uint8Array(capacity);
    if (chunk !== undefined) grown.set(chunk);
    this.#chunks.set(index, grown);
    return grown;
  }
}

/** Where byte `offset` lies, and how many of `count` bytes are in the same chunk. */
function extent(offset: number, count: number): { index: number; within: number; length: number } {
  const index = Math.floor(offset / CHUNK_BYTES);
  const within = offset % CHUNK_BYTES;
  return { index, within, length: Math.min(count, CHUNK_BYTES - within) };
}
