/**
 * The interrupt vector: which driver a line wakes. The kernel fills it, the board looks it up. One
 * counter per line in shared memory; the doorbells come to the board by message.
 */

/** Interrupt ids that the vector has places for (GICv2 on `virt`: 288). */
export const VECTOR_LINES = 288;

/** Allocates the counters of all lines. */
export function allocateVector(): SharedArrayBuffer {
  return new SharedArrayBuffer(VECTOR_LINES * 4);
}

/** The counters: raised by the board for each interrupt, read by the driver's gate. */
export function vectorCounts(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory);
}
