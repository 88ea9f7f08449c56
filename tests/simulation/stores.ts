/**
 * Daemons for the simulated machine: `kv:`, cells on storage that outlives it; `relay:`, which has
 * nothing of its own and asks `kv:` for everything; `sum:`, a counter in a store.
 */

import { opened, type Scheme } from "../../ipc/scheme.js";
import { asyncSystem } from "../../user/async-file.js";
import type { File } from "../../user/file.js";
import { Store } from "../../user/store/store.js";
import { StoreMemory } from "../../user/store/store-memory.js";
import type { SimDaemon } from "./sim-machine.js";
import type { World } from "./world.js";

/** Handlers wait up to this long before and after they take effect, in milliseconds. */
const WORK_MS_MAX = 2;

/** What a disk would hold. */
export class Storage {
  /** Cells of one file. */
  readonly cells = Buffer.alloc(64);
  /** Numbers of the calls that took effect, in order. */
  readonly calls: number[] = [];
}

/** `kv:`: reads and writes at offsets, and a call that must not happen twice. */
export function keyValueDaemon(world: World, storage: Storage): SimDaemon {
  return {
    manifest: { name: "kv", provides: ["kv"], restart: "permanent" },
    async code(gate, thread) {
      const work = (): Promise<void> => world.delay(thread, WORK_MS_MAX);
      const scheme: Scheme<string> = {
        open: (path) =>
          opened(path, { positioned: true, identity: { object: path, generation: 1 } }),
        async read(_path, bytes, offset) {
          await work();
          const count = storage.cells.copy(bytes, 0, offset, offset + bytes.length);
          await work();
          return count;
        },
        async write(_path, bytes, offset) {
          // The payload is the client's until the answer; a daemon that waits takes its own copy.
          const copy = Buffer.from(bytes);
          await work();
          storage.cells.set(copy, offset);
          await work();
          return copy.length;
        },
        async call(_path, request) {
          await work();
          storage.calls.push(request as number);
          await work();
          return request;
        },
      };
      await world.delay(thread, WORK_MS_MAX);
      await gate.serve(scheme as Scheme, true);
    },
  };
}

/** `relay:`: the same cells through one more daemon. */
export function relayDaemon(): SimDaemon {
  return {
    manifest: {
      name: "relay",
      provides: ["relay"],
      restart: "permanent",
      needs: { "kv:": "read write call" },
    },
    async code(gate) {
      const system = asyncSystem(gate);
      const scheme: Scheme<File> = {
        async open(path) {
          const file = await system.open(`kv:${path}`, { mode: "read-write" });
          return opened(file, { positioned: true, identity: { object: path, generation: 1 } });
        },
        read: (file, bytes, offset) => file.read(bytes, offset),
        write: (file, bytes, offset) => file.write(Buffer.from(bytes), offset),
        close: (file) => void file.close(),
      };
      await gate.serve(scheme as Scheme, true);
    },
  };
}

const SUM = "sum";

/** `sum:`: each call adds its number, exactly once, and answers the new sum. */
export function sumDaemon(world: World): SimDaemon {
  return {
    manifest: {
      name: "sum",
      provides: ["sum"],
      restart: "permanent",
      operations: { call: "dedup" },
      store: { bytes: 64 * 1024 },
    },
    async code(gate, thread) {
      const store = storeOf(gate.store());
      const scheme: Scheme<string> = {
        open: (path) => opened(path, { identity: { object: path, generation: store.identity } }),
        async call(_path, request, context) {
          await world.delay(thread, WORK_MS_MAX);
          const sum = store.once(context, (change) => {
            const next = numberOf(change.get(SUM)) + (request as number);
            change.put(SUM, Buffer.from(String(next)));
            return next;
          });
          await world.delay(thread, WORK_MS_MAX);
          return sum;
        },
        retain: (sessions) => {
          store.retain(sessions);
        },
      };
      await gate.serve(scheme as Scheme, true);
    },
  };
}

/** What a store of `sum:` holds. */
export function sumIn(memory: SharedArrayBuffer | undefined): number {
  return memory === undefined ? 0 : numberOf(storeOf(memory).get(SUM));
}

function storeOf(memory: SharedArrayBuffer | undefined): Store {
  const store = memory && Store.adopt(new StoreMemory(memory), 1);
  if (store === undefined) throw new RangeError("the store does not hold together");
  return store;
}

function numberOf(bytes: Uint8Array | undefined): number {
  return Number(Buffer.from(bytes ?? "0").toString());
}
