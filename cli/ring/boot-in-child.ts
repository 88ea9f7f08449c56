/** `boot({ process: "child" })`: a machine behind the outermost ring, with the face of any. */

import type { ChildProcess } from "node:child_process";
import type { BootOptions } from "../boot.js";
import { Machine } from "../machine.js";
import { MachineProcess } from "./machine-process.js";
import { Ring } from "./ring.js";

/**
 * Boots a machine in a child process. Rejects as `boot` does.
 * @param ahead - a process that was started ahead of time
 */
export async function bootInChild(options: BootOptions, ahead?: ChildProcess): Promise<Machine> {
  const ring = new Ring(options, ahead === undefined ? undefined : new MachineProcess(ahead));
  await ring.boot();
  return new Machine({
    gate: ring.gate,
    trace: (listener) => {
      ring.trace(listener);
    },
    outside: (message) => {
      ring.outside(message);
    },
    halt: () => ring.halt(),
  });
}
