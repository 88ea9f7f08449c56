/**
 * Trials: a repeated request that was in the provider's hands at a death is alone there until it is
 * answered, says that it waits for the world, or has lived for long enough. If the provider dies
 * again, the cause is found, and nobody innocent is taken for it.
 */

import { TRIAL_MS } from "../../ipc/limits.js";
import type { Pending } from "./contexts.js";
import type { ProviderClient } from "./provider-client.js";

/** The one trial that may go on. */
export class Trial {
  #suspect: Pending | undefined;
  #client: ProviderClient | undefined;
  #sinceMs = 0;

  /** A suspect was taken. If its handler has not answered at once, it is on trial. */
  begin(client: ProviderClient, tag: number, nowMs: number): void {
    this.#suspect = client.pending.get(tag);
    this.#client = client;
    this.#sinceMs = nowMs;
  }

  /** Whether a trial goes on; nothing else is taken then. */
  goesOn(nowMs: number): boolean {
    const suspect = this.#suspect;
    if (suspect === undefined) return false;
    const alive = this.#client?.pending.get(suspect.tag) === suspect;
    if (alive && !suspect.deferred && nowMs - this.#sinceMs < TRIAL_MS) return true;
    this.#suspect = undefined;
    return false;
  }

  /** Milliseconds until the trial that goes on is over at the latest. */
  leftMs(nowMs: number): number {
    return this.#suspect === undefined
      ? Number.POSITIVE_INFINITY
      : Math.max(0, this.#sinceMs + TRIAL_MS - nowMs);
  }

  /** When the last one began. */
  get sinceMs(): number {
    return this.#sinceMs;
  }
}
