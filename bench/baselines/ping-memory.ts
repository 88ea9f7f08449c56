/**
 * Memory of the bare ping-pong: what two threads can do with shared memory alone. Each word
 * stands in a cache line of its own, as in a real channel.
 */

const LINE_WORDS = 16;
/** Counts requests. Written by the caller. */
export const REQUEST = 0;
/** Counts replies. Written by the echo. */
export const REPLY = LINE_WORDS;
/** First of the entries of the bare ring; an entry has as many words as a request has bytes / 4. */
export const ENTRIES = 2 * LINE_WORDS;
export const ENTRY_WORDS = 16;
export const RING_DEPTH = 64;
/** A request that ends the echo. */
export const END = -1;

/** Allocates the memory. */
export function allocatePing(): SharedArrayBuffer {
  return new SharedArrayBuffer((ENTRIES + RING_DEPTH * ENTRY_WORDS) * 4);
}
