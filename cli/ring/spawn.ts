/**
 * Starts the operating-system process of a machine. It imports nothing else, so that the command
 * can start it before it has loaded itself.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Descriptor of the link to the host in the machine's process. */
export const LINK_FD = 3;
/** Descriptor that tells the machine's process, by its end, that the host is gone. */
export const LIFE_FD = 4;

/**
 * Starts a process that waits for its `boot` frame. In a session of its own: what is typed or hung
 * up at the terminal is the host's business.
 */
export function spawnMachine(): ChildProcess {
  return spawn(process.execPath, [fileURLToPath(new URL("./child.js", import.meta.url))], {
    stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
    detached: true,
  });
}
