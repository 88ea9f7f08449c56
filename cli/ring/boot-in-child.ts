/** `boot({ process: "child" })`: a machine behind the outermost ring, with the face of any. */

import type { ChildProcess } from "node:child_process";
import type { BootOptions } from "../boot.js";
import { BootError } from "../boot-error.js";
import { Machine } from "../machine.js";
import { networkList } from "../network-option.js";
import { MachineProcess } from "./machine-process.js";
import { Ring } from "./ring.js";

/**
 * Boots a machine in a child process. Rejects as `boot` does, and with EINVAL for what is reached
 * through threads of this process.
 * @param ahead - a process that was started ahead of time
 */
export async function bootInChild(options: BootOptions, ahead?: ChildProcess): Promise<Machine> {
  refuseThreadsOnly(options);
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

/** Ports and hubs are between threads; a machine in another process has no way to them. */
function refuseThreadsOnly({ consolePorts = [], network }: BootOptions): void {
  const isPlugged = networkList(network).some((one) => typeof one !== "string");
  const name = consolePorts.length > 0 ? "consolePorts" : isPlugged ? "a NetworkHub" : undefined;
  if (name === undefined) return;
  throw new BootError("EINVAL", `${name} needs a machine in this process, not process: "child"`);
}
