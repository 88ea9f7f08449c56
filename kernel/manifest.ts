/** Manifests: what a daemon is, what it provides and needs, and how it is to be supervised. */

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
