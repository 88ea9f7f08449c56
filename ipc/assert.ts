/**
 * Assertions, always on. One that fails is a bug: the thread dies, and its supervisor restarts it.
 */

/** A bug was found. Never caught outside the outermost loop of a thread. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** Ends the thread with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}
