/**
 * Reply slots of one connection, as in NFS 4.1: each `dedup` request names a slot and a sequence
 * number of its own. A service with a store keeps the last reply of each slot, so that a repetition
 * finds it. A slot is used again when its reply has been taken.
 */

import { REPLY_SLOTS } from "../../ipc/limits.js";

/** What a request has while it is on its way. */
export interface ReplySlot {
  readonly slot: number;
  /** Never 0: that means none. */
  readonly sequence: number;
}

/** Gives out slots. */
export class ReplySlots {
  readonly #free = Array.from({ length: REPLY_SLOTS }, (_, at) => REPLY_SLOTS - 1 - at);
  #sequence = 0;

  /** A slot with a fresh sequence number; undefined when all are on their way. */
  take(): ReplySlot | undefined {
    const slot = this.#free.pop();
    if (slot === undefined) return undefined;
    this.#sequence = (this.#sequence + 1) >>> 0 || 1;
    return { slot, sequence: this.#sequence };
  }

  /** The reply was taken, or will never come. */
  release({ slot }: ReplySlot): void {
    this.#free.push(slot);
  }
}
