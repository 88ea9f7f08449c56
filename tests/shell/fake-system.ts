/**
 * A system for tests of programs and of the shell: `ram:`, `zero:`, `null:` and `file:` (another
 * ram) behind the direct adapter, pipes without bounds, and children that run to their end inside
 * `spawn`. So a pipeline runs from left to right, which is all that finite commands need.
 */

import { assert } from "../../ipc/assert.js";
import { EBADF, EINTR, ENOENT, EPIPE, type Errno, ESRCH } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import { parseUrl } from "../../ipc/url.js";
import { ramScheme } from "../../schemes/ram/ram.js";
import { zeroScheme } from "../../schemes/zero/zero.js";
import type { BlockingFile } from "../../user/file.js";
import type {
  CapabilityInfo,
  Child,
  ExitStatus,
  KillPoint,
  ProcessInfo,
  Program,
  SpawnOptions,
  System,
} from "../../user/system.js";
import { DirectSystem } from "../conformance/direct.js";

/** A stream in memory: what is written to it can be read from it. */
export class MemoryStream {
  readonly url = "console:/";
  readonly kind: "pipe" | "device";
  #bytes: Buffer = Buffer.alloc(0);
  /** Thrown by the next reads, in order, before any bytes. */
  failures: Errno[] = [];
  /** The same for writes. */
  writeFailures: Errno[] = [];
  /** Modes that a terminal was set to. */
  modes: string[] = [];
  readers = 1;

  constructor(kind: "pipe" | "device" = "pipe", text = "") {
    this.kind = kind;
    this.#bytes = Buffer.from(text);
  }

  text(): string {
    return this.#bytes.toString();
  }

  /** Returns the text so far and empties the stream. */
  take(): string {
    const text = this.text();
    this.#bytes = Buffer.alloc(0);
    return text;
  }

  push(bytes: Uint8Array | string): void {
    const failure = this.writeFailures.shift();
    if (failure !== undefined) throw new SysError(failure, { operation: "write", url: this.url });
    this.#bytes = Buffer.concat([this.#bytes, Buffer.from(bytes)]);
  }

  pull(bytes: Uint8Array): number {
    const failure = this.failures.shift();
    if (failure !== undefined) throw new SysError(failure, { operation: "read", url: this.url });
    const count = this.#bytes.copy(bytes);
    this.#bytes = this.#bytes.subarray(count);
    return count;
  }
}

/** An end of a `MemoryStream`. */
class StreamFile implements BlockingFile {
  readonly url = "pipe:/";
  position = 0;
  readonly #stream: MemoryStream;
  readonly #closed: () => void;
  #open = true;

  constructor(stream: MemoryStream, closed: () => void) {
    this.#stream = stream;
    this.#closed = closed;
  }

  read(bytes: Uint8Array): number {
    this.#check("read");
    return this.#stream.pull(bytes);
  }

  write(bytes: Uint8Array | string): number {
    this.#check("write");
    if (this.#stream.readers === 0) throw new SysError(EPIPE, { operation: "write" });
    this.#stream.push(bytes);
    return Buffer.byteLength(bytes);
  }

  readAll(): Buffer {
    return Buffer.from(this.#stream.take());
  }

  stat() {
    return { kind: this.#stream.kind, size: 0, mode: 0o600 };
  }

  statVfs(): never {
    return this.#refuse("fstatvfs");
  }

  sync(): void {}

  truncate(): never {
    return this.#refuse("ftruncate");
  }

  list(): never {
    return this.#refuse("getdents");
  }

  call(request: unknown): unknown {
    if (this.#stream.kind !== "device") return this.#refuse("call");
    const { mode } = request as { mode: string };
    this.#stream.modes.push(mode);
    return { mode };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#closed();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(operation: string): void {
    if (!this.#open) this.#refuse(operation);
  }

  #refuse(operation: string): never {
    throw new SysError(EBADF, { operation, url: this.url });
  }
}

/** A child as a test scripts it: how often `wait` is interrupted before it ends, and with what. */
export interface ScriptedChild {
  interrupts?: number;
  /** False: `poll` says that it still runs, until it is killed or waited for. */
  ended?: boolean;
  status?: ExitStatus;
  /** How often it was killed: what the test looks at. */
  killed?: number;
}

/** What is the same for every process of one fake machine. */
export class FakeMachine {
  readonly direct: DirectSystem;
  readonly programs = new Map<string, Program>();
  readonly scripted = new Map<string, ScriptedChild>();
  readonly spawned: SpawnOptions[] = [];
  readonly killed: { target: string | number; at?: KillPoint; nth?: number }[] = [];
  processes: ProcessInfo[] = [];
  capabilities: CapabilityInfo[] = [];
  openPipes = 0;
  nowMs = 0;
  slept: number[] = [];

  constructor() {
    this.direct = new DirectSystem({
      file: ramScheme({ now: () => 1_700_000_000_000 }),
      ram: ramScheme({ now: () => 1_700_000_000_000, generation: 1 }),
      zero: zeroScheme("zero"),
      null: zeroScheme("null"),
    });
  }
}

/** One process of a fake machine. */
export class FakeSystem implements System {
  readonly machine: FakeMachine;
  readonly pid: number;
  readonly name: string;
  readonly args: readonly string[];
  cwd = "file:/";
  readonly stdin: BlockingFile;
  readonly stdout: BlockingFile;
  readonly stderr: BlockingFile;
  interruptible = false;

  constructor(
    machine: FakeMachine,
    facts: {
      name: string;
      args: readonly string[];
      stdio: readonly [BlockingFile, BlockingFile, BlockingFile];
      cwd?: string | undefined;
    },
  ) {
    this.machine = machine;
    this.pid = 100 + machine.spawned.length;
    this.name = facts.name;
    this.args = facts.args;
    [this.stdin, this.stdout, this.stderr] = facts.stdio;
    this.cwd = facts.cwd ?? "file:/";
  }

  resolve(path: string): string {
    const absolute = path.startsWith("/") || /^[a-z][a-z0-9._@-]*:/.test(path);
    const parsed = parseUrl(absolute ? path : `${this.cwd}/${path}`);
    if (!("path" in parsed)) throw new SysError(parsed, { operation: "resolve", url: path });
    return `${parsed.scheme}:${parsed.path}`;
  }

  open(...args: Parameters<System["open"]>): BlockingFile {
    return this.machine.direct.open(...args);
  }

  stat(url: string) {
    return this.machine.direct.stat(url);
  }

  mkdir(url: string): void {
    this.machine.direct.mkdir(url);
  }

  unlink(url: string): void {
    this.machine.direct.unlink(url);
  }

  rmdir(url: string): void {
    this.machine.direct.rmdir(url);
  }

  rename(...args: Parameters<System["rename"]>): void {
    this.machine.direct.rename(...args);
  }

  link(existing: string, name: string): void {
    this.machine.direct.link(existing, name);
  }

  symlink(url: string, target: string): void {
    this.machine.direct.symlink(url, target);
  }

  readlink(url: string): string {
    return this.machine.direct.readlink(url);
  }

  pipe(): [BlockingFile, BlockingFile] {
    const stream = new MemoryStream();
    const closed = () => {
      this.machine.openPipes -= 1;
    };
    this.machine.openPipes += 2;
    const reader = new StreamFile(stream, () => {
      stream.readers -= 1;
      closed();
    });
    return [reader, new StreamFile(stream, closed)];
  }

  spawn(options: SpawnOptions): Child {
    const { machine } = this;
    machine.spawned.push(options);
    const pid = 100 + machine.spawned.length;
    const script = machine.scripted.get(options.program);
    if (script !== undefined) return scriptedChild(pid, script);
    const program = machine.programs.get(options.program);
    if (program === undefined) {
      throw new SysError(ENOENT, { operation: "spawn", url: options.program });
    }
    const child = new FakeSystem(machine, {
      name: options.program,
      args: options.args,
      stdio: options.stdio ?? [this.stdin, this.stdout, this.stderr],
      cwd: options.cwd ?? this.cwd,
    });
    const ended: ExitStatus = { status: statusOf(program(child)) };
    return { pid, wait: () => ended, poll: () => ended, kill() {} };
  }

  kill(target: string | number, options: { at?: KillPoint; nth?: number } = {}): void {
    const known = this.machine.processes.some(({ name, pid }) => name === target || pid === target);
    if (!known) throw new SysError(ESRCH, { operation: "kill", url: String(target) });
    this.machine.killed.push({ target, ...options });
  }

  processes(): ProcessInfo[] {
    return [...this.machine.processes];
  }

  capabilities(): CapabilityInfo[] {
    return [...this.machine.capabilities];
  }

  schemes(): string[] {
    return [...this.machine.direct.schemes.keys()];
  }

  sleep(milliseconds: number): void {
    this.machine.slept.push(milliseconds);
    this.machine.nowMs += milliseconds;
  }

  now(): number {
    this.machine.nowMs += 1;
    return this.machine.nowMs;
  }

  interruptOn(): void {
    this.interruptible = true;
  }
}

/** The status of a program that ran to its end; the programs of `user/bin` make no promises. */
export function statusOf(ended: ReturnType<Program>): number {
  assert(!(ended instanceof Promise), "a program answered with a promise");
  return (ended as number | undefined) ?? 0;
}

function scriptedChild(pid: number, script: ScriptedChild): Child {
  let interrupts = script.interrupts ?? 0;
  let running = script.ended === false || interrupts > 0;
  const ended = script.status ?? { status: 0 };
  return {
    pid,
    wait() {
      if (interrupts > 0) {
        interrupts -= 1;
        throw new SysError(EINTR, { operation: "wait" });
      }
      running = false;
      return ended;
    },
    poll: () => (running ? undefined : ended),
    kill() {
      assert(running, "an ended child was killed");
      running = false;
      script.killed = (script.killed ?? 0) + 1;
      ended.status = 137;
      ended.reason = "killed";
    },
  };
}

/** A stream as a program's standard input or output. */
export function streamFile(stream: MemoryStream): BlockingFile {
  return new StreamFile(stream, () => {});
}
