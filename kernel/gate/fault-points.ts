/**
 * Deaths to order: the named points of a request's life at which a test can have the thread stand
 * still for ever, so that the kernel ends it exactly there. Costs one comparison when nothing is
 * armed.
 */

import type { Doorbell } from "../../ipc/doorbell.js";
import { FAULT_COUNT, FAULT_POINT, FAULT_POINTS, FAULT_REACHED } from "../../ipc/process-block.js";

/** The points of one thread. */
export class FaultPoints {
  readonly #words: Int32Array;
  readonly #kernel: Doorbell;
  /** Code of the armed point, 0: none. */
  armed = 0;

  constructor(words: Int32Array, kernel: Doorbell) {
    this.#words = words;
    this.#kernel = kernel;
  }

  /** Looks whether the kernel has armed a point. */
  refresh(): void {
    this.armed = Atomics.load(this.#words, FAULT_POINT);
  }

  /** Passes a point: the n-th time at the armed one is the last thing that this thread does. */
  pass(point: number): void {
    const hangs = this.armed === FAULT_POINTS.hang && point === FAULT_POINTS.dequeued;
    if (point !== this.armed && !hangs) return;
    if (Atomics.sub(this.#words, FAULT_COUNT, 1) > 1) return;
    if (hangs) for (;;) Atomics.load(this.#words, FAULT_POINT);
    Atomics.store(this.#words, FAULT_REACHED, 1);
    this.#kernel.ring();
    for (;;) Atomics.wait(this.#words, FAULT_REACHED, 1);
  }
}
