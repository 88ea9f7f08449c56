/**
 * Mail: what the kernel tells a process over its private port. Only the gate reads it. Order holds:
 * a capability arrives before the first request that uses it can.
 */

import type { LinkedModule } from "./confined.js";
import type { OperationClass } from "./opcode.js";
import type { ChannelMemory } from "./ring-block.js";

/** Process ids that are always the same. */
export const KERNEL_PID = 0;
export const BOARD_PID = 1;
export const HOST_PID = 2;

/** A name in a process's namespace: which capability stands behind which part of a scheme. */
export interface NamespaceEntry {
  scheme: string;
  /** Canonical path; the capability reaches what lies beneath. */
  root: string;
  rights: number;
  capability: number;
  /** Process that provides it; 0 is the kernel. */
  provider: number;
}

/** A handle that a parent passes on: a session of its own provider, or a kernel object. */
export type Inherited =
  | {
      kind: "session";
      provider: number;
      capability: number;
      url: string;
      path: string;
      flags: number;
      positioned: boolean;
      cell: SharedArrayBuffer;
    }
  | { kind: "object"; object: ObjectMail };

/** Classes of operations by opcode, where they differ from the default. */
export type OperationClasses = ReadonlyMap<number, OperationClass>;

/** What a fresh or spare worker is to become. */
export interface StartMail {
  kind: "start";
  pid: number;
  name: string;
  incarnation: number;
  args: string[];
  cwd: string;
  role: "daemon" | "program";
  /** URL of the module to run. */
  entry: string;
  /** URL of the program that a runtime loads when it is the entry. */
  program: string;
  provides: string[];
  namespace: NamespaceEntry[];
  stdio: Inherited[];
  /** Rights cells of the capabilities that others hold on this process. */
  cells: SharedArrayBuffer;
  /** Memory that outlives this incarnation, for a service whose manifest asks for it. */
  store: SharedArrayBuffer | undefined;
  /** True when this incarnation follows a death: admit replays first. */
  recovering: boolean;
  /** Of a confined process: its modules, ready to run. */
  code?: readonly LinkedModule[];
}

/** One ring of a pipe as its holders see it. */
export interface PipeMail {
  id: number;
  end: "read" | "write";
  rings: SharedArrayBuffer[];
  /** Doorbells of the processes at the other end. */
  peers: SharedArrayBuffer[];
}

/**
 * A kernel object that a process holds: its memory comes by mail, its data path needs no kernel.
 */
export type ObjectMail =
  | ({ object: "pipe" } & PipeMail)
  | { object: "irq"; id: number; line: number; vector: SharedArrayBuffer; index: number }
  | { object: "window"; id: number; window: number; size: number; name: string }
  | { object: "dma"; id: number; address: number; memory: SharedArrayBuffer };

/** All mail. */
export type Mail =
  | StartMail
  /** As provider: a client is connected (again). */
  | {
      kind: "client";
      client: number;
      /** Number of this client's dealings with this provider: a new one for each that begins. */
      session: number;
      memory: ChannelMemory;
      bell: SharedArrayBuffer;
      /** It may have requests to replay: wait for its RESUME before anything new. */
      replays: boolean;
    }
  /** As provider: `client` holds capability `index` on `root` of `scheme`. */
  | { kind: "capability"; index: number; client: number; scheme: string; root: string }
  /**
   * As provider: `to` may take over a copy of `from`'s handle with capability `index`, which was
   * derived from `parent`, under which the handle was opened.
   */
  | {
      kind: "grant";
      index: number;
      parent: number;
      from: number;
      handle: number;
      to: number;
      rights: number;
    }
  /** As provider: these cells were cleared; end what is parked under them. */
  | { kind: "revoked"; indices: number[] }
  /** As provider: a client died; answer `drained` when none of its requests can take effect. */
  | { kind: "client-died"; client: number; drain: number }
  /** As client: a channel to `provider` (again). */
  | {
      kind: "connect";
      provider: number;
      name: string;
      incarnation: number;
      memory: ChannelMemory;
      bell: SharedArrayBuffer;
      /** Classes that the provider's manifest declares, by opcode. */
      classes: OperationClasses;
    }
  /** As client: the provider died; hold what is new. */
  | { kind: "fenced"; provider: number }
  /** As client: it is gone for certain; classify. `ordered`: the death was not its own fault. */
  | { kind: "died"; provider: number; ordered: boolean }
  /** As client: it will not come back. */
  | { kind: "given-up"; provider: number }
  | { kind: "namespace"; entries: NamespaceEntry[] }
  | { kind: "object"; object: ObjectMail }
  /** The store was replaced by an empty one. */
  | { kind: "store"; memory: SharedArrayBuffer }
  /** A pipe's rings or peers have changed. */
  | { kind: "pipe"; pipe: PipeMail }
  /** The offset of handle `handle` at `provider` is shared from now on. */
  | { kind: "cell"; provider: number; handle: number; cell: SharedArrayBuffer };
