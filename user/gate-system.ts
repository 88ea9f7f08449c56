/** The blocking face of the system over the gate: what a program gets as `os`. */

import type { Call, Gate, SyscallName } from "../ipc/abi.js";
import { EINTR, ENOENT, Errno } from "../ipc/errno.js";
import { OP_READLINK, OP_RENAME, OP_SYMLINK, OP_UNLINK } from "../ipc/opcode.js";
import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_STAT, openFlags } from "../ipc/open-flags.js";
import type { Stat } from "../ipc/stat.js";
import { SysError } from "../ipc/sys-error.js";
import { formatUrl, parseUrl } from "../ipc/url.js";
import { bodyOf, callFor, checked, setTimeoutOf, targetPath } from "./answer.js";
import { ProgramFile } from "./blocking-file.js";
import type { BlockingFile, OpenOptions } from "./file.js";
import type {
  CapabilityInfo,
  Child,
  ExitStatus,
  KillPoint,
  ProcessInfo,
  SpawnOptions,
  System,
} from "./system.js";

/** A program's system. */
export class GateSystem implements System {
  readonly #gate: Gate;
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  cwd: string;
  readonly stdin: BlockingFile;
  readonly stdout: BlockingFile;
  readonly stderr: BlockingFile;
  #terminal: ProgramFile | undefined;
  #interrupt: Call | undefined;

  constructor(gate: Gate) {
    this.#gate = gate;
    const { pid, name, args, cwd } = gate.self;
    this.pid = pid;
    this.name = name;
    this.args = args;
    this.cwd = cwd;
    const [stdin, stdout, stderr] = gate.stdio.map((handle) => new ProgramFile(gate, handle));
    this.stdin = stdin ?? this.#nowhere();
    this.stdout = stdout ?? this.#nowhere();
    this.stderr = stderr ?? this.#nowhere();
  }

  /** A program started without standard files reads and writes `null:`. */
  #nowhere(): BlockingFile {
    return this.open("null:/", { mode: "read-write" });
  }

  resolve(path: string): string {
    const colon = path.indexOf(":");
    const slash = path.indexOf("/");
    const absolute = slash === 0 || (colon > 0 && (slash < 0 || colon < slash));
    const parsed = parseUrl(absolute ? path : `${this.cwd.replace(/\/$/, "")}/${path}`);
    if (parsed instanceof Errno) throw new SysError(parsed, { operation: "resolve", url: path });
    return formatUrl(parsed);
  }

  #url(path: string): string {
    return this.resolve(path);
  }

  open(path: string, options: OpenOptions = {}): BlockingFile {
    const url = this.#url(path);
    const call = this.#gate.open(url, openFlags(options.mode ?? "read"));
    setTimeoutOf(this.#gate, call, options.timeoutMs);
    this.#gate.wait(call);
    checked(call, "open", url);
    const descriptor = this.#gate.opened(call);
    if (descriptor === undefined) throw new SysError(ENOENT, { operation: "open", url });
    return new ProgramFile(this.#gate, descriptor, options.timeoutMs);
  }

  stat(path: string): Stat {
    using file = this.open(path, { mode: O_STAT });
    return file.stat();
  }

  mkdir(path: string): void {
    this.open(path, { mode: O_CREATE | O_EXCLUSIVE | O_DIRECTORY }).close();
  }

  #path(opcode: number, facts: { path: string; second?: string; arg1?: number }): unknown {
    const url = this.#url(facts.path);
    const call = this.#gate.path(
      opcode,
      url,
      facts.second === undefined ? {} : { second: facts.second },
    );
    call.arg1 = facts.arg1 ?? 0;
    this.#gate.wait(call);
    checked(call, OPERATION_NAMES[opcode] ?? "path", url);
    return bodyOf(call);
  }

  unlink(path: string): void {
    this.#path(OP_UNLINK, { path });
  }

  rmdir(path: string): void {
    this.#path(OP_UNLINK, { path, arg1: 1 });
  }

  rename(from: string, to: string, options?: { replace?: boolean }): void {
    const second = targetPath("rename", this.#url(from), this.#url(to));
    this.#path(OP_RENAME, { path: from, second, arg1: options?.replace === false ? 0 : 1 });
  }

  link(existing: string, name: string): void {
    const url = this.#url(name);
    const target = targetPath("link", this.#url(existing), url);
    using file = this.open(existing, { mode: O_STAT }) as ProgramFile;
    const call = callFor.link(file.descriptor, target);
    this.#gate.wait(call);
    checked(call, "link", url);
  }

  symlink(path: string, target: string): void {
    this.#path(OP_SYMLINK, { path, second: target });
  }

  readlink(path: string): string {
    return this.#path(OP_READLINK, { path }) as string;
  }

  #syscall(name: SyscallName, body: unknown): unknown {
    const call = this.#gate.syscall(name, body);
    this.#gate.wait(call);
    checked(call, name);
    return bodyOf(call);
  }

  pipe(): [BlockingFile, BlockingFile] {
    const made = this.#syscall("pipe", {}) as { read: number; write: number };
    return [this.#object(made.read), this.#object(made.write)];
  }

  #object(id: number): BlockingFile {
    const descriptor = this.#gate.object(id);
    if (descriptor === undefined) throw new SysError(ENOENT, { operation: "pipe" });
    return new ProgramFile(this.#gate, descriptor);
  }

  spawn(options: SpawnOptions): Child {
    const stdio = options.stdio ?? [this.stdin, this.stdout, this.stderr];
    const body = {
      program: options.program,
      args: [...options.args],
      cwd: options.cwd ?? this.cwd,
      stdio: stdio.map((file) => this.#gate.reference((file as ProgramFile).descriptor)),
      ...(options.namespace === undefined ? {} : { namespace: [...options.namespace] }),
      ...(options.isolation === undefined ? {} : { isolation: options.isolation }),
    };
    const call = this.#gate.syscall("spawn", body);
    this.#gate.wait(call);
    checked(call, "spawn", options.program);
    return this.#child((bodyOf(call) as { pid: number }).pid);
  }

  #child(pid: number): Child {
    let exit: ExitStatus | undefined;
    let waiting: Call | undefined;
    return {
      pid,
      wait: () => {
        if (exit !== undefined) return exit;
        waiting ??= this.#gate.syscall("wait", { pid });
        this.#waitOrInterrupt(waiting);
        checked(waiting, "wait");
        exit = bodyOf(waiting) as ExitStatus;
        return exit;
      },
      poll: () => {
        exit ??= (this.#syscall("wait", { pid, poll: true }) as ExitStatus | null) ?? undefined;
        return exit;
      },
      kill: () => {
        this.kill(pid);
      },
    };
  }

  /** Waits for `call`, or throws EINTR when the terminal's interrupt comes first. */
  #waitOrInterrupt(call: Call): void {
    const terminal = this.#terminal;
    if (terminal === undefined) {
      this.#gate.wait(call);
      return;
    }
    const interrupt = this.#arm(terminal);
    this.#gate.waitAny([call, interrupt]);
    if (!interrupt.done) return;
    const { result } = interrupt;
    this.#interrupt = undefined;
    if (call.done) return;
    if (result >= 0) throw new SysError(EINTR, { operation: "wait" });
    // The terminal's driver died or has no such call: try again, or do without.
    if (result !== -130) this.#terminal = undefined;
    this.#waitOrInterrupt(call);
  }

  kill(target: string | number, options?: { at?: KillPoint; nth?: number }): void {
    const call = this.#gate.syscall("kill", { target, ...options });
    this.#gate.wait(call);
    checked(call, "kill", String(target));
  }

  processes(): ProcessInfo[] {
    return this.#syscall("processes", {}) as ProcessInfo[];
  }

  capabilities(): CapabilityInfo[] {
    return this.#syscall("capabilities", {}) as CapabilityInfo[];
  }

  schemes(): string[] {
    return this.#gate.schemes();
  }

  sleep(milliseconds: number): void {
    this.#gate.sleep(milliseconds);
  }

  now(): number {
    return this.#gate.now();
  }

  interruptOn(terminal: BlockingFile): void {
    this.#terminal = terminal as ProgramFile;
    // One that was typed before is not meant for what is waited for from now on.
    if (this.#interrupt?.done === true) this.#interrupt = undefined;
    this.#gate.start(this.#arm(this.#terminal));
  }

  /** Asks the terminal for its next interrupt, if that is not under way. */
  #arm(terminal: ProgramFile): Call {
    // The mode goes along: a terminal that died and came back has forgotten it.
    const request = { wait: "interrupt", mode: "cooked" };
    this.#interrupt ??= callFor.call(terminal.descriptor, request);
    return this.#interrupt;
  }
}

const OPERATION_NAMES: Readonly<Record<number, string>> = {
  [OP_UNLINK]: "unlink",
  [OP_RENAME]: "rename",
  [OP_SYMLINK]: "symlink",
  [OP_READLINK]: "readlink",
};
