/** Open files and names with promises: what daemons and host programs use. */

import type { Call, Descriptor, Gate, NameView } from "../ipc/abi.js";
import { ENOENT } from "../ipc/errno.js";
import { OP_READLINK, OP_RENAME, OP_SYMLINK, OP_UNLINK } from "../ipc/opcode.js";
import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_STAT, openFlags } from "../ipc/open-flags.js";
import type { DirectoryEntry, Stat, StatVfs } from "../ipc/stat.js";
import { SysError } from "../ipc/sys-error.js";
import {
  bodyOf,
  bytesOf,
  callFor,
  checked,
  readCall,
  setTimeoutOf,
  targetPath,
  writeCalls,
} from "./answer.js";
import type { AsyncSystem } from "./async-system.js";
import type { File, OpenOptions } from "./file.js";

/** Bytes that `readAll` asks for at once. */
const CHUNK = 256 * 1024;

/** An open file over the gate. */
class GateFile implements File {
  readonly #gate: Gate;
  readonly #descriptor: Descriptor;
  readonly #timeoutMs: number | undefined;
  #closed = false;

  constructor(gate: Gate, descriptor: Descriptor, timeoutMs: number | undefined) {
    this.#gate = gate;
    this.#descriptor = descriptor;
    this.#timeoutMs = timeoutMs;
  }

  get descriptor(): Descriptor {
    return this.#descriptor;
  }

  get url(): string {
    return this.#descriptor.url;
  }

  get position(): number {
    return this.#descriptor.position;
  }

  set position(value: number) {
    this.#descriptor.position = value;
  }

  async #run(call: Call, operation: string): Promise<number> {
    setTimeoutOf(this.#gate, call, this.#timeoutMs);
    await this.#gate.settle(call);
    return checked(call, operation, this.url);
  }

  async read(bytes: Uint8Array, offset?: number): Promise<number> {
    return await this.#run(readCall(this.#descriptor, bytes, offset), "read");
  }

  async write(data: Uint8Array | string, offset?: number): Promise<number> {
    let written = 0;
    for (const call of writeCalls(this.#descriptor, bytesOf(data), offset)) {
      const count = await this.#run(call, "write");
      written += count;
      if (count < (call.bytes?.length ?? 0)) break;
    }
    return written;
  }

  async readAll(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const count = await this.read(chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
    }
  }

  async stat(): Promise<Stat> {
    const call = callFor.stat(this.#descriptor);
    await this.#run(call, "stat");
    return bodyOf(call) as Stat;
  }

  async statVfs(): Promise<StatVfs> {
    const call = callFor.statVfs(this.#descriptor);
    await this.#run(call, "statvfs");
    return bodyOf(call) as StatVfs;
  }

  async sync(): Promise<void> {
    await this.#run(callFor.sync(this.#descriptor), "fsync");
  }

  async truncate(size: number): Promise<void> {
    await this.#run(callFor.truncate(this.#descriptor, size), "truncate");
  }

  async list(): Promise<DirectoryEntry[]> {
    const entries: DirectoryEntry[] = [];
    for (;;) {
      const call = callFor.list(this.#descriptor, entries.at(-1)?.next ?? 0);
      await this.#run(call, "getdents");
      const more = bodyOf(call) as DirectoryEntry[];
      if (more.length === 0) return entries;
      entries.push(...more);
    }
  }

  async call(request: unknown): Promise<unknown> {
    const call = callFor.call(this.#descriptor, request);
    await this.#run(call, "call");
    return bodyOf(call);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.close(this.#descriptor);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The descriptor behind a file that this module made. */
export function descriptorOf(file: File): Descriptor | undefined {
  return file instanceof GateFile ? file.descriptor : undefined;
}

/** Makes the promise face of the system over a gate. */
export function asyncSystem(gate: Gate, within?: NameView): AsyncSystem {
  const view = within === undefined ? {} : { within };
  const onPath = async (operation: string, call: Call, url: string, arg1 = 0): Promise<unknown> => {
    call.arg1 = arg1;
    await gate.settle(call);
    checked(call, operation, url);
    return bodyOf(call);
  };
  const open = async (url: string, options: OpenOptions = {}): Promise<File> => {
    const call = gate.open(url, openFlags(options.mode ?? "read"), within);
    setTimeoutOf(gate, call, options.timeoutMs);
    await gate.settle(call);
    checked(call, "open", url);
    const descriptor = gate.opened(call);
    if (descriptor === undefined) throw new SysError(ENOENT, { operation: "open", url });
    return new GateFile(gate, descriptor, options.timeoutMs);
  };
  return {
    open,
    async stat(url) {
      await using file = await open(url, { mode: O_STAT });
      return await file.stat();
    },
    async mkdir(url) {
      const file = await open(url, { mode: O_CREATE | O_EXCLUSIVE | O_DIRECTORY });
      await file.close();
    },
    async unlink(url) {
      await onPath("unlink", gate.path(OP_UNLINK, url, view), url, 0);
    },
    async rmdir(url) {
      await onPath("rmdir", gate.path(OP_UNLINK, url, view), url, 1);
    },
    async rename(from, to, options) {
      const replace = options?.replace === false ? 0 : 1;
      const target = targetPath("rename", from, to);
      await onPath(
        "rename",
        gate.path(OP_RENAME, from, { second: target, ...view }),
        from,
        replace,
      );
    },
    async link(existing, name) {
      const target = targetPath("link", existing, name);
      const call = gate.open(existing, O_STAT, within);
      await gate.settle(call);
      checked(call, "open", existing);
      const descriptor = gate.opened(call) as Descriptor;
      try {
        const link = callFor.link(descriptor, target);
        await gate.settle(link);
        checked(link, "link", name);
      } finally {
        gate.close(descriptor);
      }
    },
    async symlink(url, target) {
      await onPath("symlink", gate.path(OP_SYMLINK, url, { second: target, ...view }), url);
    },
    async readlink(url) {
      return (await onPath("readlink", gate.path(OP_READLINK, url, view), url)) as string;
    },
  };
}
