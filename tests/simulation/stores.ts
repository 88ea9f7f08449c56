/**
 * Two daemons for the simulated machine: `kv:`, cells on storage that outlives it, and `relay:`,
 * which has nothing of its own and asks `kv:` for everything.
 */

import { opened, type Scheme } from "../../ipc/scheme.js";
import { asyncSystem } from "../../user/async-file.js";
import type { File } from "../../user/file.js";
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
