/**
 * The interface between the gate (the kernel's code in a worker) and what a process links. `user/`
 * builds files and system calls of it; the gate leaves it under one symbol of the global object, so
 * that a daemon which brings its own copy of this package still meets the one gate.
 */

import type { Errno } from "./errno.js";
import type { Scheme } from "./scheme.js";
import type { Outcome } from "./sys-error.js";

/** Version of this interface; a manifest's `abi` is a range of it. */
export const ABI_VERSION = "1.0.0";

/** The offset that means "the handle's own position, which then moves". */
export const AT_POSITION = -2;

/** One operation on its way. Fill it, hand it to `wait` or `settle`, read the answer. */
export interface Call {
  readonly opcode: number;
  /** Bytes to send, or to fill. Leave them alone until the answer is there. */
  bytes: Uint8Array | undefined;
  /** How much room the answer's body may take, for operations that return one. */
  room: number;
  offset: number;
  arg0: number;
  arg1: number;
  arg2: number;
  nonblocking: boolean;
  /** Moment on the machine's clock; 0: none. */
  deadlineMs: number;
  readonly done: boolean;
  /** `>= 0`, or `-errno`. */
  readonly result: number;
  /** Returned body, a private copy. */
  readonly body: Uint8Array | undefined;
  readonly outcome: Outcome | undefined;
  readonly incarnation: { old: number; now: number } | undefined;
}

/** An open file of this process. */
export interface Descriptor {
  readonly url: string;
  readonly flags: number;
  readonly positioned: boolean;
  position: number;
  /** Makes a call on this descriptor. */
  call(opcode: number): Call;
}

/** A part of the namespace: what the kernel answered to `narrow`. Opaque to the process. */
export type NameView = readonly {
  scheme: string;
  root: string;
  rights: number;
  capability: number;
  provider: number;
}[];

/** What a process is told about itself. */
export interface SelfInfo {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly incarnation: number;
  /** URL of the module that a runtime is to load; empty for daemons. */
  readonly program: string;
  readonly provides: readonly string[];
}

/** System calls, by name. Bodies are small plain values, checked by the kernel. */
export type SyscallName =
  | "connect"
  | "disconnect"
  | "ready"
  | "exit"
  | "spawn"
  | "wait"
  | "kill"
  | "processes"
  | "capabilities"
  | "pipe"
  | "close-object"
  | "drained"
  | "resumed"
  | "narrow"
  | "grant"
  | "revoke"
  | "load"
  | "log"
  | "poisoned"
  | "replace-store";

/** Numbers of the system calls in a request's `arg1`. */
export const SYSCALLS: readonly SyscallName[] = [
  "connect",
  "disconnect",
  "ready",
  "exit",
  "spawn",
  "wait",
  "kill",
  "processes",
  "capabilities",
  "pipe",
  "close-object",
  "drained",
  "resumed",
  "narrow",
  "grant",
  "revoke",
  "load",
  "log",
  "poisoned",
  "replace-store",
];

/** A driver's hardware, behind an open handle. */
export interface Window {
  readonly size: number;
  /** Reads a register of 1, 2 or 4 bytes; waits for the board. */
  read(offset: number, bytes: 1 | 2 | 4): number;
  /** Writes a register; posted, in order. */
  write(offset: number, bytes: 1 | 2 | 4, value: number): void;
}

/** Memory that a device reaches too. */
export interface DmaRegion {
  /** Bus address of byte 0. */
  readonly address: number;
  readonly memory: SharedArrayBuffer;
}

/** The gate, as the process sees it. Nothing here throws but for misuse. */
export interface Gate {
  readonly abi: string;
  readonly self: SelfInfo;
  readonly stdio: readonly Descriptor[];
  /** Scheme names of the namespace. */
  schemes(): string[];
  /**
   * Begins to open; the answer's descriptor is `opened(call)`. `within` narrows the names to one
   * view.
   */
  open(url: string, flags: number, within?: NameView): Call;
  opened(call: Call): Descriptor | undefined;
  /** Makes a call that names a path: unlink, rename, symlink, readlink. */
  path(opcode: number, url: string, names: { second?: string; within?: NameView }): Call;
  /** Has the event queue `queue` watch `target` under the number `id`. A mask of 0 ends that. */
  watch(queue: Descriptor, target: Descriptor, watch: { id: number; mask: number }): Call;
  syscall(name: SyscallName, body: unknown): Call;
  /** Blocks until the call is done. Programs only. */
  wait(call: Call): number;
  /** Blocks until one of the calls is done. */
  waitAny(calls: readonly Call[]): void;
  /** Starts the call and resolves when it is done, with its result. */
  settle(call: Call): Promise<number>;
  /** Starts the call without waiting. */
  start(call: Call): void;
  cancel(call: Call): void;
  close(descriptor: Descriptor): void;
  /** Blocks for a time. */
  sleep(milliseconds: number): void;
  now(): number;
  window(descriptor: Descriptor): Window | Errno;
  dma(descriptor: Descriptor): DmaRegion | Errno;
  /** Resolves to the count of interrupts when it differs from `seen`. */
  irq(descriptor: Descriptor, seen: number): Promise<number>;
  irqAck(descriptor: Descriptor): void;
  /** The descriptor of a kernel object that a system call has just made. */
  object(id: number): Descriptor | undefined;
  /** Kernel-object id, provider and handle of a descriptor, to pass it on. */
  reference(descriptor: Descriptor): unknown;
  /**
   * Serves `scheme` from now on. @param sleeper - whether the doorbell is its only source of work
   */
  serve(scheme: Scheme, sleeper: boolean): Promise<void>;
  /** Memory that the kernel holds for this service across its deaths, if its manifest asks. */
  store(): SharedArrayBuffer | undefined;
  log(line: string): void;
}

const GATE: unique symbol = Symbol.for("anode.gate.1") as never;

/** Leaves the gate where `currentGate` finds it. Called once, before any daemon code. */
export function installGate(gate: Gate): void {
  Object.defineProperty(globalThis, GATE, { value: gate });
}

/** The gate of this worker; undefined outside of Anode. */
export function currentGate(): Gate | undefined {
  return (globalThis as unknown as Record<symbol, Gate | undefined>)[GATE];
}
