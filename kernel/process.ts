/**
 * The process table: who exists, under which name and number, and what the kernel knows of each.
 */

import type { LinkedModule } from "../ipc/confined.js";
import type { Doorbell } from "../ipc/doorbell.js";
import { EAGAIN, ENODEV, ENOMEM } from "../ipc/errno.js";
import { PROCESSES_MAX, PROCESSES_PER_PROGRAM_MAX } from "../ipc/limits.js";
import {
  HOST_PID,
  type Inherited,
  KERNEL_PID,
  type Mail,
  type NamespaceEntry,
  type OperationClasses,
} from "../ipc/mail.js";
import type { ChannelMemory } from "../ipc/ring-block.js";
import type { Isolation } from "./manifest.js";
import type { Slot } from "./slot.js";
import { DEFAULT_POLICY, type Supervised, type SupervisorPolicy, UNSTARTED } from "./supervisor.js";

/** Where the kernel reaches a process: a worker, or the host thread. */
export interface Endpoint {
  readonly bell: Doorbell;
  readonly kernelChannel: ChannelMemory;
  mail(mail: Mail): void;
}

/** One channel between a client and a provider. */
export interface Wire {
  readonly client: Process;
  readonly provider: Process;
  /** Number of these dealings: a client that comes back gets another. */
  readonly session: number;
  /** Undefined while the provider is away. */
  memory: ChannelMemory | undefined;
  /** Has the kernel's collector count the memory (ipc/ballast.ts). */
  weight: object | undefined;
}

/** How a process ended, for those who wait for it. */
export interface ExitStatus {
  status: number;
  reason?: string;
}

/** What a process is made of. */
export interface ProcessFacts {
  name: string;
  role: "daemon" | "program" | "host";
  /** Calls go only to smaller numbers. */
  order: number;
  entry: string;
  program: string;
  provides: readonly string[];
  /** Classes of its operations that are not the default. */
  operations: OperationClasses;
  /** Size of the store that it asks for; 0: none. */
  storeBytes: number;
  policy: SupervisorPolicy;
  args: string[];
  cwd: string;
  parent: number;
  isolation: Isolation;
  /** Of a confined process: its modules. */
  code?: readonly LinkedModule[];
}

/** What a program is: its name, its module, and if it is confined, what that was linked to. */
export interface ProgramFacts {
  name: string;
  url: string;
  code?: readonly LinkedModule[];
}

/** One process, across its incarnations. */
export class Process {
  readonly pid: number;
  readonly facts: ProcessFacts;
  supervised: Supervised = UNSTARTED;
  incarnation = 0;
  endpoint: Endpoint | undefined;
  slot: Slot | undefined;
  namespace: NamespaceEntry[] = [];
  stdio: Inherited[] = [];
  /** As provider: its clients. As client: its providers. */
  readonly clients = new Map<number, Wire>();
  readonly providers = new Map<number, Wire>();
  exit: ExitStatus | undefined;
  /** Memory that outlives its incarnations. */
  store: SharedArrayBuffer | undefined;
  /** Deaths in a row before it got ready, nobody having ordered them. */
  failedStarts = 0;
  readonly waiters = new Set<(status: ExitStatus) => void>();
  deaths = 0;
  restarts = 0;
  lastDeath: string | undefined;
  /** A fault that was ordered while it was not running: armed at its next start. */
  orderedFault: (() => void) | undefined;
  /** Status that the process asked to exit with. */
  requestedStatus: number | undefined;

  constructor(pid: number, facts: ProcessFacts) {
    this.pid = pid;
    this.facts = facts;
  }

  get name(): string {
    return this.facts.name;
  }

  mail(mail: Mail): void {
    this.endpoint?.mail(mail);
  }
}

/** All processes. */
export class ProcessTable {
  readonly #byPid = new Map<number, Process>();
  #nextPid = HOST_PID + 1;

  /**
   * Adds a process.
   * @throws ENOMEM when there are too many; EAGAIN when there are too many below one program or
   *   daemon that the host has started, which gets all of them charged
   */
  add(facts: ProcessFacts, pid?: number): Process {
    if (this.#byPid.size >= PROCESSES_MAX) throw ENOMEM;
    const charged = this.#topOf(facts.parent);
    if (charged !== undefined) {
      let below = 0;
      for (const other of this.#byPid.values()) {
        if (this.#topOf(other.facts.parent) === charged) below++;
      }
      if (below >= PROCESSES_PER_PROGRAM_MAX) throw EAGAIN;
    }
    const process = new Process(pid ?? this.#nextPid++, facts);
    this.#byPid.set(process.pid, process);
    return process;
  }

  /** The ancestor (or itself) that the host has started; undefined for the host's own. */
  #topOf(pid: number): Process | undefined {
    let process = this.#byPid.get(pid);
    if (process === undefined || pid === HOST_PID || pid === KERNEL_PID) return undefined;
    for (;;) {
      const { parent } = process.facts;
      const above = this.#byPid.get(parent);
      if (above === undefined || parent === HOST_PID || parent === KERNEL_PID) return process;
      process = above;
    }
  }

  remove(process: Process): void {
    this.#byPid.delete(process.pid);
  }

  get(pid: number): Process | undefined {
    return this.#byPid.get(pid);
  }

  /** Finds by number or name. Of several with one name (programs), the newest. */
  find(target: string | number): Process | undefined {
    if (typeof target === "number") return this.#byPid.get(target);
    let found: Process | undefined;
    for (const process of this.#byPid.values()) if (process.name === target) found = process;
    return found ?? (/^\d+$/.test(target) ? this.#byPid.get(Number(target)) : undefined);
  }

  /** Finds the provider of a scheme. @throws ENODEV */
  provider(scheme: string): Process {
    for (const process of this.#byPid.values()) {
      if (process.facts.provides.includes(scheme)) return process;
    }
    throw ENODEV;
  }

  all(): Process[] {
    return [...this.#byPid.values()];
  }
}

/** Supervision of programs: they end once. */
export const PROGRAM_POLICY: SupervisorPolicy = { ...DEFAULT_POLICY, restart: "temporary" };
