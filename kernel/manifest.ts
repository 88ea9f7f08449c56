/** Manifests: what a daemon is, what it provides and needs, and how it is to be supervised. */

import { EDEADLK, Errno } from "../ipc/errno.js";
import { declarable, type OperationClass } from "../ipc/opcode.js";
import { SysError } from "../ipc/sys-error.js";
import { parseUrl } from "../ipc/url.js";
import type { SupervisorPolicy } from "./supervisor.js";

/** How a process is kept from the rest of the world. `thread`: by trust. `confined`: by SES. */
export type Isolation = "thread" | "confined";

/** A daemon's `anode.json`. */
export interface Manifest {
  name: string;
  version: string;
  /** Range of ABI versions that it works with. */
  abi: string;
  /** Module to run, relative to the manifest. */
  entry: string;
  /** Schemes that it serves. */
  provides: string[];
  /** URL prefixes and the rights on them: `{ "tcp:/10.0.2.2:80": "read write" }`. */
  needs?: Record<string, string>;
  /** Devices that it drives, by `compatible` (and `#id` of a virtio device). */
  drives?: string[];
  /** Classes of operations where they differ from the default: `{ "call": "dedup" }`. */
  operations?: Record<string, OperationClass>;
  /** Memory that outlives its incarnations. */
  store?: { bytes: number };
  isolation?: Isolation | "wasm";
  restart?: SupervisorPolicy["restart"];
  /**
   * Modules that warm spares load beforehand, relative to the manifest; they must not act on
   * import.
   */
  preload?: string[];
  /** When to start: with the machine, or when somebody first connects. */
  start?: "boot" | "demand";
  args?: string[];
  supervision?: Partial<Omit<SupervisorPolicy, "restart">>;
}

/** A manifest and where its files are. */
export interface Package {
  manifest: Manifest;
  /** URL of the folder with the compiled entry; ends with `/`. */
  base: string;
}

/** The declared classes by opcode. */
export function operationClasses(manifest: Manifest): Map<number, OperationClass> {
  const classes = new Map<number, OperationClass>();
  for (const [name, declared] of Object.entries(manifest.operations ?? {})) {
    const opcode = declarable(name);
    if (opcode !== undefined) classes.set(opcode, declared);
  }
  return classes;
}

/**
 * Checks that packages which are loaded one after the other need only what earlier ones provide.
 * What nobody provides is not looked at here.
 * @throws SysError EDEADLK that names both ends of an upward edge
 */
export function checkOrder(packages: readonly Package[]): void {
  for (const [at, { manifest }] of packages.entries()) {
    for (const url of Object.keys(manifest.needs ?? {})) {
      const parsed = parseUrl(url);
      if (parsed instanceof Errno) continue;
      const provides = ({ manifest: other }: Package): boolean =>
        other.provides.includes(parsed.scheme);
      const above = packages.slice(at).find(provides);
      if (above === undefined || packages.slice(0, at).some(provides)) continue;
      const hint = `${manifest.name} needs what ${above.manifest.name} provides, after it`;
      throw new SysError(EDEADLK, { operation: "boot", url, hint });
    }
  }
}
