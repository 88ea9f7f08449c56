/**
 * What a scheme daemon links: `serve`, the errno constants, and the types of a scheme. A daemon is
 * a module that calls `serve` once with its table of operations.
 */

import { currentGate } from "../ipc/abi.js";
import { ENODEV } from "../ipc/errno.js";
import type { Scheme } from "../ipc/scheme.js";
import { ADOPTING } from "../ipc/store-header.js";
import { SysError } from "../ipc/sys-error.js";
import { asyncSystem } from "./async-file.js";
import type { AsyncSystem } from "./async-system.js";

/** How a daemon runs. */
export interface ServeOptions {
  /**
   * "loop" (default): the daemon may use timers and other sources of work. "doorbell": requests are
   * its only source of work, so it may sleep deeper and answer faster.
   */
  wakesBy?: "loop" | "doorbell";
}

/**
 * Serves `scheme` under the names that the manifest provides. Resolves when requests can come.
 * @throws SysError ENODEV outside of Anode
 */
export async function serve<Handle>(
  scheme: Scheme<Handle>,
  options: ServeOptions = {},
): Promise<void> {
  const gate = currentGate();
  if (gate === undefined) throw outside("serve");
  await gate.serve(scheme as Scheme, options.wakesBy === "doorbell");
  const store = gate.store();
  // Whatever it took over from its predecessor has not killed it.
  if (store !== undefined) Atomics.store(new Int32Array(store), ADOPTING, 0);
}

/** Name of this process in its manifest. */
export function processName(): string {
  return currentGate()?.self.name ?? "";
}

/** Arguments of this process, from its manifest. */
export function processArgs(): readonly string[] {
  return currentGate()?.self.args ?? [];
}

/** Number of this incarnation: 1 at first, one more after each death. 0 outside of Anode. */
export function incarnation(): number {
  return currentGate()?.self.incarnation ?? 0;
}

/** Files and names, with the capabilities that the manifest needs. */
export function system(): AsyncSystem {
  const gate = currentGate();
  if (gate === undefined) throw outside("system");
  return asyncSystem(gate);
}

/** Writes one line to the system's log. */
export function log(line: string): void {
  currentGate()?.log(line);
}

/** Copies what `source` has at `offset` into `bytes`; returns the count, 0 at the end. */
export function copyAt(source: string | Uint8Array, bytes: Uint8Array, offset: number): number {
  const data = typeof source === "string" ? Buffer.from(source) : source;
  if (offset >= data.length) return 0;
  const piece = data.subarray(offset, offset + bytes.length);
  bytes.set(piece);
  return piece.length;
}

function outside(operation: string): SysError {
  const hint = "this module runs inside Anode: load it with os.load() or anode boot --load";
  return new SysError(ENODEV, { operation, hint });
}

export * from "../ipc/errno.js";
export {
  EVENT_ERROR,
  EVENT_HANGUP,
  EVENT_READ,
  EVENT_RESET,
  EVENT_WRITE,
  type Identity,
  type OpenContext,
  type Opened,
  opened,
  type RequestContext,
  type Scheme,
} from "../ipc/scheme.js";
export type { DirectoryEntry, Stat, StatVfs } from "../ipc/stat.js";
