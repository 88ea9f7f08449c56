/**
 * The process block: a few words that the kernel shares with the gate of one worker. The gate
 * writes progress and the death record; the kernel reads them as hints, and writes the fault to
 * inject.
 */

import { LAST_WORDS_BYTES } from "./limits.js";

/*
 * WORD MEANING                                                   WRITTEN BY
 *  0   progress: requests dispatched                             gate
 *  1   a dispatch has been entered and not left                  gate
 *  2   fault to inject: code of a point, 0: none                 kernel
 *  3   how many more times the point must be passed              kernel, gate
 *  4   the point was reached; the thread stands still there      gate
 *  5   death record: 0 none, 1 written                           gate
 *  6   length of the last words                                  gate
 *  7   thread id at the host, 0: unknown                         gate
 */
export const PROGRESS = 0;
export const DISPATCHING = 1;
export const FAULT_POINT = 2;
export const FAULT_COUNT = 3;
export const FAULT_REACHED = 4;
export const DEATH_WRITTEN = 5;
const DEATH_LENGTH = 6;
export const THREAD_ID = 7;
const HEAD_WORDS = 16;
const HEAD_BYTES = HEAD_WORDS * 4;

/** Named points of a request's life at which a death can be ordered. */
export const FAULT_POINTS = {
  submitted: 1,
  dequeued: 2,
  handled: 3,
  completed: 4,
  hang: 5,
} as const;

/** Allocates a block, all zero. */
export function allocateProcessBlock(): SharedArrayBuffer {
  return new SharedArrayBuffer(HEAD_BYTES + LAST_WORDS_BYTES);
}

/** Writes why this thread is about to die. A later one does not overwrite the first. */
export function writeDeathRecord(memory: SharedArrayBuffer, words: string): void {
  const head = new Int32Array(memory, 0, HEAD_WORDS);
  if (Atomics.load(head, DEATH_WRITTEN) !== 0) return;
  const bytes = Buffer.from(words).subarray(0, LAST_WORDS_BYTES);
  new Uint8Array(memory, HEAD_BYTES).set(bytes);
  head[DEATH_LENGTH] = bytes.length;
  Atomics.store(head, DEATH_WRITTEN, 1);
}

/**
 * Reads the death record, if there is one. Its text is a stranger's: for people, never for
 * decisions.
 */
export function readDeathRecord(memory: SharedArrayBuffer): string | undefined {
  const head = new Int32Array(memory, 0, HEAD_WORDS);
  if (Atomics.load(head, DEATH_WRITTEN) === 0) return undefined;
  const length = Math.min((head[DEATH_LENGTH] as number) >>> 0, LAST_WORDS_BYTES);
  return Buffer.from(new Uint8Array(memory, HEAD_BYTES, length).slice()).toString();
}

/** The block's words, for either side. */
export function processWords(memory: SharedArrayBuffer): Int32Array {
  return new Int32Array(memory, 0, HEAD_WORDS);
}
