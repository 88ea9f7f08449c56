/**
 * Stores: memory that the kernel holds for a service across its deaths and shows to one incarnation
 * at a time. A new incarnation gets it after the old one's worker has exited, so nobody is left who
 * could still write. What does not pass validation, or whose adoption dies twice, is set aside for
 * the fault log, and the service begins with an empty one.
 */

import { ENODEV } from "../ipc/errno.js";
import { ADOPTING } from "../ipc/store-header.js";
import type { FaultLog } from "./fault-log.js";
import type { Process } from "./process.js";

/** A store at which this many incarnations in a row died before they were ready is bad. */
const FAILED_ADOPTIONS_MAX = 2;

/** Stores of all services. */
export class Stores {
  readonly #faults: FaultLog;

  constructor(faults: FaultLog) {
    this.#faults = faults;
  }

  /** The store for a new incarnation; undefined for a process that has none. */
  give(process: Process): SharedArrayBuffer | undefined {
    const { storeBytes } = process.facts;
    if (storeBytes === 0) return undefined;
    const died = process.store !== undefined && isBeingAdopted(process.store);
    if (died && process.failedStarts >= FAILED_ADOPTIONS_MAX) {
      this.#setAside(process, `${process.failedStarts} incarnations died with it at their start`);
    }
    process.store ??= new SharedArrayBuffer(storeBytes);
    return process.store;
  }

  /** The service says that its store does not hold together: gives it an empty one. */
  replace(process: Process): SharedArrayBuffer {
    if (process.facts.storeBytes === 0) throw ENODEV;
    this.#setAside(process, "it does not hold together");
    process.store = new SharedArrayBuffer(process.facts.storeBytes);
    return process.store;
  }

  #setAside(process: Process, reason: string): void {
    const memory = process.store;
    process.store = undefined;
    process.failedStarts = 0;
    if (memory === undefined) return;
    const { name, incarnation } = process;
    this.#faults.add({ subject: name, kind: "store", detail: { incarnation, reason }, memory });
  }
}

/** True when an incarnation ended before it had read its store. */
function isBeingAdopted(memory: SharedArrayBuffer): boolean {
  return Atomics.load(new Int32Array(memory), ADOPTING) === 1;
}
