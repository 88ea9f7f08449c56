/** System calls as a program sees them: blocking, on the namespace that its parent passed on. */

import type { Stat } from "../ipc/stat.js";
import type { BlockingFile, OpenOptions } from "./file.js";

/**
 * How a process ended: `status` 0 is success; `reason` says why it was ended, if it did not exit.
 */
export interface ExitStatus {
  status: number;
  reason?: string;
}

/**
 * A part of a namespace: a URL prefix and rights on it, `{ url: "ram:/tmp", rights: "read write"
 * }`.
 */
export interface NameGrant {
  url: string;
  rights: string;
}

/** What a child is given. */
export interface SpawnOptions {
  /** Name of a program in `user/bin` ("ls") or a file URL of a compiled module. */
  program: string;
  args: readonly string[];
  /** Standard input, output and error. Default: the parent's. They stay open in the parent. */
  stdio?: readonly [BlockingFile, BlockingFile, BlockingFile];
  /** What the child may use, out of the parent's namespace; default: all of it. */
  namespace?: readonly NameGrant[];
  /** Directory against which relative paths are resolved; default: the parent's. */
  cwd?: string;
  /** "confined" for code that is not trusted. A confined parent's children always are. */
  isolation?: "thread" | "confined";
}

/** A child process. */
export interface Child {
  readonly pid: number;
  /** Waits until it has ended. Throws EINTR when `interrupt` (below) fired first. */
  wait(): ExitStatus;
  /** Returns its status if it has ended. */
  poll(): ExitStatus | undefined;
  kill(): void;
}

/** One process as `ps` shows it. */
export interface ProcessInfo {
  pid: number;
  name: string;
  state: string;
  incarnation: number;
  restarts: number;
  /** How it is kept apart, if not by its thread alone. */
  isolation?: "confined";
  /** Why its last incarnation ended, in words. */
  lastDeath?: string;
}

/** One capability as `caps` shows it. */
export interface CapabilityInfo {
  id: number;
  /** What it was derived from; none at the root. */
  parent?: number;
  holder: string;
  scheme: string;
  root: string;
  rights: string;
}

/** Where a fault can be injected with `kill --at`. */
export type KillPoint = "submitted" | "dequeued" | "handled" | "completed" | "random";

/** The system as one process sees it. Every call throws `SysError`. */
export interface System {
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  cwd: string;
  readonly stdin: BlockingFile;
  readonly stdout: BlockingFile;
  readonly stderr: BlockingFile;
  /** Resolves a relative path against `cwd` and returns the canonical URL (`file:/a/b`). */
  resolve(path: string): string;
  open(url: string, options?: OpenOptions): BlockingFile;
  stat(url: string): Stat;
  mkdir(url: string): void;
  unlink(url: string): void;
  rmdir(url: string): void;
  rename(from: string, to: string, options?: { replace?: boolean }): void;
  /** Gives what `existing` leads to another name in the same scheme. */
  link(existing: string, name: string): void;
  symlink(url: string, target: string): void;
  readlink(url: string): string;
  /** A pipe: what is written to the second comes out of the first. */
  pipe(): [BlockingFile, BlockingFile];
  spawn(options: SpawnOptions): Child;
  /** Ends a process or daemon by name or pid, at once or at a named point of its next requests. */
  kill(target: string | number, options?: { at?: KillPoint; nth?: number }): void;
  processes(): ProcessInfo[];
  capabilities(): CapabilityInfo[];
  /** Scheme names in this process's namespace. */
  schemes(): string[];
  sleep(milliseconds: number): void;
  /** Milliseconds on the machine's clock. */
  now(): number;
  /**
   * From now on, a Ctrl-C typed at `terminal` makes a blocked `Child.wait` throw EINTR.
   */
  interruptOn(terminal: BlockingFile): void;
}

/** The default export of a program: returns its exit status (default 0). */
export type Program = (os: System) => number | void | Promise<number | void>;
