/** A running machine, seen from the program that booted it. */

import { readFileSync } from "node:fs";
import { PL061_PINS } from "../hw/regs/pl061.js";
import type { ToBoardOutside } from "../hw/thread.js";
import type { Gate, NameView, SyscallName } from "../ipc/abi.js";
import { EINVAL, ENOENT, errnoFromNumber } from "../ipc/errno.js";
import { SysError } from "../ipc/sys-error.js";
import type { TraceEvent } from "../ipc/trace-line.js";
import { bodyOf, checked } from "../user/answer.js";
import { asyncSystem } from "../user/async-file.js";
import type { AsyncSystem } from "../user/async-system.js";
import { type Events, openEvents } from "../user/events.js";
import type { File, OpenOptions } from "../user/file.js";
import type {
  CapabilityInfo,
  ExitStatus,
  KillPoint,
  NameGrant,
  ProcessInfo,
} from "../user/system.js";

/** A daemon that `load` has started. */
export interface LoadedDaemon {
  readonly pid: number;
  readonly name: string;
}

/** A view of the system through one narrowed capability. */
export interface NarrowedSystem extends AsyncSystem {
  readonly id: number;
  /** Revokes the capability: resolves when no further request passes. */
  revoke(): Promise<void>;
}

/** What `run` gives a program. */
export interface RunOptions {
  args?: readonly string[];
  /** URL that becomes its standard input, output and error; default `serial:/`. */
  stdio?: string;
  cwd?: string;
  /** What the program may use; default: all of this host's namespace. */
  namespace?: readonly NameGrant[];
  /** Default "thread"; "confined" (docs/daemons.md) for code that is not trusted. */
  isolation?: "thread" | "confined";
}

/** The gate of the host process, wherever the machine runs. */
export interface HostGate extends Gate {
  /** Holds what `settle` is given from now on until `barrier` settles; system calls pass. */
  holdUntil(barrier: Promise<unknown>): void;
}

/** What a machine is reached through: its threads here, or the process that it runs in. */
export interface MachineParts {
  gate: HostGate;
  /** Calls `listener` for each event of the flight recorder from now on. */
  trace(listener: (event: TraceEvent) => void): void;
  /** Does something to the board from outside. */
  outside(message: ToBoardOutside): void;
  /** Stops all processes, flushes the disks, and ends the machine. */
  halt(): Promise<void>;
}

/** A machine that `boot` has started. */
export class Machine implements AsyncSystem, AsyncDisposable {
  readonly #parts: MachineParts;
  readonly #system: AsyncSystem;
  #listeners: ((event: TraceEvent) => void)[] = [];
  #tracing = false;
  #closing: Promise<void> | undefined;

  constructor(parts: MachineParts) {
    this.#parts = parts;
    this.#system = asyncSystem(parts.gate);
  }

  async #syscall(name: SyscallName, body: unknown, what?: string): Promise<unknown> {
    const call = this.#parts.gate.syscall(name, body);
    await this.#parts.gate.settle(call);
    checked(call, name, what);
    return bodyOf(call);
  }

  /** Opens a file. Rejects with a `SysError`. */
  open(url: string, options?: OpenOptions): Promise<File> {
    return this.#system.open(url, options);
  }

  stat: AsyncSystem["stat"] = (url) => this.#system.stat(url);
  mkdir: AsyncSystem["mkdir"] = (url) => this.#system.mkdir(url);
  unlink: AsyncSystem["unlink"] = (url) => this.#system.unlink(url);
  rmdir: AsyncSystem["rmdir"] = (url) => this.#system.rmdir(url);
  rename: AsyncSystem["rename"] = (from, to, options) => this.#system.rename(from, to, options);
  link: AsyncSystem["link"] = (existing, name) => this.#system.link(existing, name);
  symlink: AsyncSystem["symlink"] = (url, target) => this.#system.symlink(url, target);
  readlink: AsyncSystem["readlink"] = (url) => this.#system.readlink(url);

  /**
   * Loads a daemon: `folder` holds its `anode.json` and compiled code. Resolves when it is ready.
   * Rejects with a `SysError` whose message names the field of the manifest that is wrong.
   */
  async load(folder: URL): Promise<LoadedDaemon> {
    const base = folder.href.endsWith("/") ? folder : new URL(`${folder.href}/`);
    const manifest = readManifest(base);
    const answer = (await this.#syscall("load", { manifest, base: base.href })) as {
      pid?: number;
      errno?: number;
      failure?: string;
    };
    if (answer.pid === undefined) {
      const hint = answer.failure;
      const operation = "load";
      throw new SysError(errnoFromNumber(answer.errno ?? 0), { operation, url: base.href, hint });
    }
    const { name } = manifest as { name: string };
    return { pid: answer.pid, name };
  }

  /** Ends a process or daemon. A supervised daemon comes back by itself. */
  async kill(
    target: string | number,
    options: { at?: KillPoint | "hang"; nth?: number; seed?: number } = {},
  ): Promise<void> {
    const killed = this.#syscall("kill", { target, ...options }, String(target));
    // A fault that is ordered counts for the very next request of this host.
    this.#parts.gate.holdUntil(killed);
    await killed;
  }

  /**
   * Runs a program and resolves to how it ended. `program`: a name like "ls", or a module's URL.
   */
  async run(program: string | URL, options: RunOptions = {}): Promise<ExitStatus> {
    const { gate } = this.#parts;
    const call = gate.open(options.stdio ?? "serial:/", 3);
    await gate.settle(call);
    checked(call, "open", options.stdio ?? "serial:/");
    const descriptor = gate.opened(call);
    if (descriptor === undefined) throw new SysError(ENOENT, { operation: "run" });
    const reference = gate.reference(descriptor);
    const body = {
      program: String(program),
      args: [...(options.args ?? [])],
      cwd: options.cwd ?? "file:/",
      stdio: [reference, reference, reference],
      ...(options.namespace === undefined ? {} : { namespace: [...options.namespace] }),
      ...(options.isolation === undefined ? {} : { isolation: options.isolation }),
    };
    const { pid } = (await this.#syscall("spawn", body, String(program))) as { pid: number };
    const status = (await this.#syscall("wait", { pid })) as ExitStatus;
    gate.close(descriptor);
    return status;
  }

  /** All processes. */
  async processes(): Promise<ProcessInfo[]> {
    return (await this.#syscall("processes", {})) as ProcessInfo[];
  }

  /** All capabilities, with what each was derived from. */
  async capabilities(): Promise<CapabilityInfo[]> {
    return (await this.#syscall("capabilities", {})) as CapabilityInfo[];
  }

  /**
   * Derives a capability with fewer rights on a deeper root, and resolves to a system that sees
   * only that. `rights` as in a manifest: "read write".
   */
  async narrow(url: string, rights: string): Promise<NarrowedSystem> {
    const made = (await this.#syscall("narrow", { url, rights }, url)) as {
      id: number;
      entry: NameView[number];
    };
    const narrowed = asyncSystem(this.#parts.gate, [made.entry]);
    return Object.assign(narrowed, { id: made.id, revoke: () => this.revoke(made.id) });
  }

  /** Gives a process a capability derived from this host's; resolves to its number. */
  async grant(to: string | number, url: string, rights: string): Promise<number> {
    return ((await this.#syscall("grant", { to, url, rights }, url)) as { id: number }).id;
  }

  /** Opens an event queue. */
  events(): Promise<Events> {
    return openEvents(this.#parts.gate);
  }

  /**
   * Revokes a capability with everything derived from it. Resolves when no cell stands any more.
   */
  async revoke(id: number): Promise<void> {
    await this.#syscall("revoke", { id }, String(id));
  }

  /** Calls `listener` for each event of the flight recorder from now on. Returns how to stop. */
  trace(listener: (event: TraceEvent) => void): () => void {
    if (!this.#tracing) {
      this.#tracing = true;
      this.#parts.trace((event) => {
        for (const told of [...this.#listeners]) told(event);
      });
    }
    this.#listeners.push(listener);
    return () => {
      this.#listeners = this.#listeners.filter((other) => other !== listener);
    };
  }

  /**
   * Puts a level on a pin of the board's GPIO from outside (`gpio:`).
   * @throws SysError EINVAL for a pin that is not 0 to 7, or a level that is not 0 or 1
   */
  setPin(pin: number, level: 0 | 1): void {
    const isPin = Number.isInteger(pin) && pin >= 0 && pin < PL061_PINS;
    const hint = `pins are 0 to ${PL061_PINS - 1}, levels 0 and 1`;
    if (!isPin || (level !== 0 && level !== 1))
      throw new SysError(EINVAL, { operation: "setPin", hint });
    this.#outside({ kind: "pin", pin, level });
  }

  /** Presses the board's power key: GPIO pin 3 is high for 100 ms. */
  pressPowerKey(): void {
    this.#outside({ kind: "power-key" });
  }

  #outside(message: ToBoardOutside): void {
    this.#parts.outside(message);
  }

  /** Stops all processes, flushes the disks, and ends the machine. */
  close(): Promise<void> {
    this.#closing ??= this.#parts.halt();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function readManifest(base: URL): unknown {
  const file = new URL("anode.json", base);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    const hint = "the folder needs an anode.json; 'anode new scheme NAME' makes one";
    throw new SysError(ENOENT, { operation: "load", url: file.href, hint });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const hint = `anode.json is not JSON: ${(error as Error).message}`;
    throw new SysError(EINVAL, { operation: "load", url: file.href, hint });
  }
}
