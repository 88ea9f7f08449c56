/** A store's memory whose writer ends at a chosen step, or in the middle of it. */

import { StoreMemory } from "../../user/store/store-memory.js";

/** Thrown where the writer's thread would have ended. */
export class WriterDied extends Error {}

/** Counts the steps that change memory, and ends the writer at one of them. */
export class DyingMemory extends StoreMemory {
  steps = 0;
  readonly #diesAt: number;
  readonly #half: boolean;

  /** @param dies - step that is not made any more; `half`: its first half is */
  constructor(memory: SharedArrayBuffer, dies?: { at: number; half: boolean }) {
    super(memory);
    this.#diesAt = dies?.at ?? Number.POSITIVE_INFINITY;
    this.#half = dies?.half ?? false;
  }

  /** True when the step is to be made. */
  #step(): void {
    if (this.steps++ >= this.#diesAt) throw new WriterDied();
  }

  override write(offset: number, bytes: Uint8Array): void {
    const last = this.steps === this.#diesAt;
    if (last && this.#half) super.write(offset, bytes.subarray(0, bytes.length >> 1));
    this.#step();
    super.write(offset, bytes);
  }

  override writeWord(offset: number, value: number): void {
    this.#step();
    super.writeWord(offset, value);
  }

  override publish(root: number): void {
    this.#step();
    super.publish(root);
  }
}
