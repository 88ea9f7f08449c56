/**
 * A process's place to run, as the kernel sees it: mail goes in, the end comes out. The loader
 * makes them of worker threads; a simulation runs them all in one.
 */

import type { LinkedModule } from "../ipc/confined.js";
import type { Isolation } from "./manifest.js";
import type { Endpoint } from "./process.js";

/** How a process's thread ended. */
export interface SlotExit {
  code: number;
  /** In words: death record, error message or exit code. */
  reason: string;
}

/** One thread of a process. */
export interface Slot extends Endpoint {
  /** The process block and its words. */
  readonly block: SharedArrayBuffer;
  readonly words: Int32Array;
  /** Resolves when nothing of the thread runs any more. */
  readonly exited: Promise<SlotExit>;
  /** True once `end` was called. */
  readonly ending: boolean;
  /** Ends the thread. `stuck` runs if it is still there after a second. */
  end(stuck: () => void): void;
}

/** Where slots come from. */
export interface Slots {
  /** A slot for a new incarnation: a warm spare, if there is one. */
  take(isolation: Isolation): Slot;
  /**
   * Prepares the modules of confined code, in the order of the entries. Rejects with a SysError
   * ENOEXEC that says which file cannot be, and why.
   */
  link(entries: readonly string[]): Promise<(readonly LinkedModule[])[]>;
  /** Has spares load these modules from now on, so that a restart finds them in memory. */
  preload(urls: readonly string[]): void;
  /** Brings the number of spares up to what is wanted. */
  warm(): void;
  /** Number of warm spares. */
  readonly spares: number;
  /** Ends all spares. */
  close(): Promise<unknown>;
}
