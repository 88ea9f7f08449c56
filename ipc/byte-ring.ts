/**
 * A ring of bytes from one writer to its readers, without locks: `tail` is written by the writer
 * only, `head` is moved by compare-and-exchange, so a reader that dies in between has taken
 * nothing. Pipes and logs are made of it.
 */

/*
 * WORD MEANING                       WRITTEN BY
 *  0   tail: bytes written           writer
 * 16   head: bytes read              readers, by compare-and-exchange
 * 32   bits: who is gone             kernel, either side on its own behalf
 * 33   a reader sleeps               reader, writer
 * 34   a writer sleeps               writer, reader
 * 35   bytes dropped (logs)          writer
 */
const TAIL = 0;
const HEAD = 16;
const GONE = 32;
const READER_SLEEPS = 33;
const WRITER_SLEEPS = 34;
const DROPPED = 35;
const HEAD_BYTES = 48 * 4;

/** Bits of `gone`. */
export const WRITER_GONE = 1;
export const READERS_GONE = 2;

/** Allocates a ring for `capacity` bytes, a power of two. */
export function allocateByteRing(capacity: number): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + capacity);
}

/** Either side's view of a ring. */
export class ByteRing {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #capacity: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, HEAD_BYTES / 4);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
    this.#capacity = this.#bytes.length;
  }

  /** Bytes that wait, 0 to capacity whatever a peer wrote into the indices. */
  get filled(): number {
    const filled = (Atomics.load(this.#words, TAIL) - Atomics.load(this.#words, HEAD)) >>> 0;
    return Math.min(filled, this.#capacity);
  }

  get free(): number {
    return this.#capacity - this.filled;
  }

  get gone(): number {
    return Atomics.load(this.#words, GONE);
  }

  /** Says that a side is gone for good. */
  setGone(bits: number): void {
    Atomics.or(this.#words, GONE, bits);
  }

  /** Writes as much of `bytes` as fits. Returns how much. */
  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.free);
    const tail = Atomics.load(this.#words, TAIL);
    const at = (tail >>> 0) % this.#capacity;
    const first = Math.min(count, this.#capacity - at);
    this.#bytes.set(bytes.subarray(0, first), at);
    if (first < count) this.#bytes.set(bytes.subarray(first, count), 0);
    Atomics.store(this.#words, TAIL, (tail + count) | 0);
    return count;
  }

  /** Writes all of `bytes` or counts them as dropped. */
  writeOrDrop(bytes: Uint8Array): boolean {
    if (this.free >= bytes.length) {
      this.write(bytes);
      return true;
    }
    Atomics.add(this.#words, DROPPED, 1);
    return false;
  }

  /** Takes the number of dropped writes since the last call. */
  takeDropped(): number {
    return Atomics.exchange(this.#words, DROPPED, 0);
  }

  /** Reads into `bytes`. Returns how many; 0 when nothing waits. */
  read(bytes: Uint8Array): number {
    for (;;) {
      const head = Atomics.load(this.#words, HEAD);
      const filled = (Atomics.load(this.#words, TAIL) - head) >>> 0;
      const count = Math.min(bytes.length, filled, this.#capacity);
      if (count === 0) return 0;
      const at = (head >>> 0) % this.#capacity;
      const first = Math.min(count, this.#capacity - at);
      bytes.set(this.#bytes.subarray(at, at + first));
      if (first < count) bytes.set(this.#bytes.subarray(0, count - first), first);
      // Another reader may have been here: then what was copied was not ours.
      const seen = Atomics.compareExchange(this.#words, HEAD, head, (head + count) | 0);
      if (seen === head) return count;
    }
  }

  /**
   * Announces that a side sleeps. Partner: `takeSleeper` of the other side, after its publication.
   */
  setSleeping(side: "reader" | "writer", sleeping: boolean): void {
    Atomics.store(this.#words, side === "reader" ? READER_SLEEPS : WRITER_SLEEPS, sleeping ? 1 : 0);
  }

  /** True once if that side sleeps: the caller rings its bells. */
  takeSleeper(side: "reader" | "writer"): boolean {
    const word = side === "reader" ? READER_SLEEPS : WRITER_SLEEPS;
    return Atomics.load(this.#words, word) !== 0 && Atomics.exchange(this.#words, word, 0) !== 0;
  }
}
