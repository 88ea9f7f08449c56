/**
 * Ballast: weight that makes a thread's garbage collector see shared memory. V8 does not count a
 * SharedArrayBuffer towards any thread's heap, so a thread that only holds and drops channels would
 * never collect them. An ordinary buffer of the same size beside each is counted, is never touched,
 * and so takes no memory; both are dropped together.
 */

/** Makes weight for `bytes` of shared memory. Keep it exactly as long as that. */
export function ballast(bytes: number): object {
  return new ArrayBuffer(bytes);
}
