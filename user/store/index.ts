/**
 * `anode-os/store`: memory that outlives a service. The manifest asks for it with
 * `"store": { "bytes": … }`, and declares operations as `dedup` that are then done exactly once,
 * whatever kills the service.
 */

import { currentGate } from "../../ipc/abi.js";
import { assert } from "../../ipc/assert.js";
import { ENODEV } from "../../ipc/errno.js";
import { ADOPTING } from "../../ipc/store-header.js";
import { SysError } from "../../ipc/sys-error.js";
import { checked } from "../answer.js";
import { Store } from "./store.js";
import { StoreMemory } from "./store-memory.js";

/**
 * Opens this service's store; call it once, before `serve`. One that does not hold together is set
 * aside (`sys:/faults`), and an empty one with another `identity` takes its place.
 * @throws SysError ENODEV when the manifest asks for none
 */
export async function openStore(): Promise<Store> {
  const gate = currentGate();
  const memory = gate?.store();
  if (gate === undefined || memory === undefined) {
    const hint = 'the manifest asks for a store with "store": { "bytes": 1048576 }';
    throw new SysError(ENODEV, { operation: "openStore", hint });
  }
  // Until the service serves: `serve` clears it. Two deaths in between, and the store is set aside.
  Atomics.store(new Int32Array(memory), ADOPTING, 1);
  const known = Store.adopt(new StoreMemory(memory), newIdentity());
  if (known !== undefined) return known;
  const replace = gate.syscall("replace-store", {});
  await gate.settle(replace);
  checked(replace, "replace-store");
  const empty = Store.adopt(new StoreMemory(gate.store() as SharedArrayBuffer), newIdentity());
  assert(empty !== undefined, "fresh memory makes a store");
  return empty;
}

function newIdentity(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] as number;
}

export { Store, type Transaction } from "./store.js";
