/**
 * The kernel's tick, as those who watch the kernel see it: two words of shared memory that only the
 * kernel thread writes. A tick that stands still while its thread runs is a kernel that is stuck.
 */

import { layout } from "./layout.js";

/*
 * WORD     MEANING                                              WRITTEN BY
 * count    goes up with every turn of the kernel's event loop   kernel
 *          that a timer starts; wraps
 * thread   the kernel thread's id at the host, 0: unknown       kernel
 */
const TICK = layout("Tick", 8, { count: [0, "i32"], thread: [4, "i32"] });

/** Allocates a tick, all zero. */
export function allocateTick(): SharedArrayBuffer {
  return new SharedArrayBuffer(TICK.SIZE);
}

/** The kernel is alive: moves the count. Partner: `readTick`. */
export function tick(memory: SharedArrayBuffer, thread: number): void {
  const words = new Int32Array(memory);
  Atomics.store(words, TICK.thread.word, thread);
  Atomics.add(words, TICK.count.word, 1);
}

/** The count, and the kernel thread's id at the host. Partner: `tick`. */
export function readTick(memory: SharedArrayBuffer): { count: number; thread: number } {
  const words = new Int32Array(memory);
  return {
    count: Atomics.load(words, TICK.count.word),
    thread: Atomics.load(words, TICK.thread.word),
  };
}
