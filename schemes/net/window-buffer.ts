/**
 * The bytes of a stream that are on their way: a ring that is read and written at an offset from
 * its first byte, and forgets from the front. The sender keeps what is not acknowledged in it, the
 * receiver what is not read, with the holes of what has not come. It grows when it must, up to its
 * own limit and that of all buffers together, and gives its memory back when it is empty.
 */

/** Memory that buffers share. */
export class Memory {
  #free: number;

  /** @param bytes - what all buffers may have together */
  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** Takes `bytes`, or nothing. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }

  get freeBytes(): number {
    return this.#free;
  }
}

const SMALLEST = 4096;
const NOTHING = new Uint8Array(0);

/** See the head of the file. Offsets and lengths are bytes. */
export class WindowBuffer {
  /** The most that it may hold. */
  readonly limit: number;
  readonly #memory: Memory;
  #ring: Uint8Array = NOTHING;
  #start = 0;

  constructor(limit: number, memory: Memory) {
    this.limit = limit;
    this.#memory = memory;
  }

  /** Bytes of memory that it has. */
  get capacity(): number {
    return this.#ring.length;
  }

  /**
   * Writes `bytes` at `offset`; `used` is how many bytes from the front must survive. False when
   * there is no memory: then nothing was written.
   */
  write(offset: number, bytes: Uint8Array, used: number): boolean {
    const end = offset + bytes.length;
    if (end > this.limit || (end > this.#ring.length && !this.#grow(end, used))) return false;
    const at = (this.#start + offset) % this.#ring.length;
    const first = Math.min(bytes.length, this.#ring.length - at);
    this.#ring.set(bytes.subarray(0, first), at);
    if (first < bytes.length) this.#ring.set(bytes.subarray(first));
    return true;
  }

  /** Copies from `offset` into all of `into`. The caller knows that so much was written. */
  peek(offset: number, into: Uint8Array): void {
    if (into.length === 0) return;
    const at = (this.#start + offset) % this.#ring.length;
    const first = Math.min(into.length, this.#ring.length - at);
    into.set(this.#ring.subarray(at, at + first));
    if (first < into.length) into.set(this.#ring.subarray(0, into.length - first), first);
  }

  /** Forgets `count` bytes from the front. */
  drop(count: number): void {
    if (this.#ring.length > 0) this.#start = (this.#start + count) % this.#ring.length;
  }

  /** Gives all memory back; what was in it is gone. */
  release(): void {
    this.#memory.give(this.#ring.length);
    this.#ring = NOTHING;
    this.#start = 0;
  }

  #grow(needed: number, used: number): boolean {
    let size = Math.max(SMALLEST, this.#ring.length * 2);
    while (size < needed) size *= 2;
    size = Math.min(size, this.limit);
    if (!this.#memory.take(size - this.#ring.length)) return false;
    const ring = new Uint8Array(size);
    this.peek(0, ring.subarray(0, Math.min(used, this.#ring.length)));
    this.#ring = ring;
    this.#start = 0;
    return true;
  }
}
