/**
 * Ballast: weight that makes a thread's garbage collector see shared memory. V8 does not count a
 * SharedArrayBuffer towards any thread's heap, so a thread that only holds and drops channels would
 * never collect them. A private buffer beside each is counted, is never touched, and so takes no
 * memory; both are dropped together.
 */

/** Share of the shared memory that is put on the scales: enough for the collector to notice. */
const WEIGHT_SHARE = 4;

/** Makes weight for `bytes` of shared memory. Keep it exactly as long as that. */
export function ballast(bytes: number): object {
  const weight = Math.ceil(bytes / WEIGHT_SHARE);
  // Resizable: reserved and mapped by pages. An ordinary buffer of this size may come from memory
  // that was used before, and then every byte of it is cleared.
  return new ArrayBuffer(weight, { maxByteLength: weight });
}
