/**
 * An event queue of the host. The queue itself is in the machine and dies with it; what it watches
 * is known here, so that the next machine gets one like it, and whoever reads it hears which files
 * did not survive.
 */

import { encodeBody } from "../../ipc/codec.js";
import { EVENT_ERROR, EVENT_RESET } from "../../ipc/scheme.js";
import { type RemoteCall, RemoteFile } from "./remote-call.js";

/** Where queues are opened. */
export const EVENT_URL = "event:/";

/** What is watched: the caller's number for it, and which events matter. */
interface Watch {
  id: number;
  mask: number;
}

/** One queue. */
export class QueueFile extends RemoteFile {
  readonly watches = new Map<RemoteFile, Watch>();
  readonly #resets = new Map<number, number>();

  /** Watches `target`; a mask of 0 ends that. */
  watch(target: RemoteFile, watch: Watch): void {
    if (watch.mask !== 0) this.watches.set(target, watch);
    else {
      this.watches.delete(target);
      this.#resets.delete(watch.id);
    }
  }

  /** The machine was rebooted: every file that is watched has seen an error, some a loss. */
  noteResets(): void {
    for (const [target, { id }] of this.watches) {
      const reset = target.lost !== undefined || target.unsure;
      this.#resets.set(id, reset ? EVENT_ERROR | EVENT_RESET : EVENT_ERROR);
    }
  }

  /** Answers a read of the queue with what the reboot did; false when there is nothing to say. */
  takeResets(call: RemoteCall): boolean {
    if (this.#resets.size === 0) return false;
    call.body = encodeBody([...this.#resets]);
    const count = this.#resets.size;
    this.#resets.clear();
    call.finish(count);
    return true;
  }
}
