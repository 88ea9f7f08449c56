/** An open file with blocking calls, over the gate: what programs use. */

import type { Call, Descriptor, Gate } from "../ipc/abi.js";
import type { DirectoryEntry, Stat, StatVfs } from "../ipc/stat.js";
import { bodyOf, bytesOf, callFor, checked, readCall, setTimeoutOf, writeCalls } from "./answer.js";
import type { BlockingFile } from "./file.js";

/** Bytes that `readAll` asks for at once. */
const CHUNK = 256 * 1024;

/** An open file of this process. */
export class ProgramFile implements BlockingFile {
  readonly #gate: Gate;
  readonly descriptor: Descriptor;
  readonly #timeoutMs: number | undefined;
  #closed = false;

  constructor(gate: Gate, descriptor: Descriptor, timeoutMs?: number) {
    this.#gate = gate;
    this.descriptor = descriptor;
    this.#timeoutMs = timeoutMs;
  }

  get url(): string {
    return this.descriptor.url;
  }

  get position(): number {
    return this.descriptor.position;
  }

  set position(value: number) {
    this.descriptor.position = value;
  }

  #run(call: Call, operation: string): number {
    setTimeoutOf(this.#gate, call, this.#timeoutMs);
    this.#gate.wait(call);
    return checked(call, operation, this.url);
  }

  read(bytes: Uint8Array, offset?: number): number {
    return this.#run(readCall(this.descriptor, bytes, offset), "read");
  }

  write(data: Uint8Array | string, offset?: number): number {
    let written = 0;
    for (const call of writeCalls(this.descriptor, bytesOf(data), offset)) {
      const count = this.#run(call, "write");
      written += count;
      if (count < (call.bytes?.length ?? 0)) break;
    }
    return written;
  }

  readAll(): Buffer {
    const chunks: Buffer[] = [];
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK);
      const count = this.read(chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
    }
  }

  stat(): Stat {
    const call = callFor.stat(this.descriptor);
    this.#run(call, "stat");
    return bodyOf(call) as Stat;
  }

  statVfs(): StatVfs {
    const call = callFor.statVfs(this.descriptor);
    this.#run(call, "statvfs");
    return bodyOf(call) as StatVfs;
  }

  sync(): void {
    this.#run(callFor.sync(this.descriptor), "fsync");
  }

  truncate(size: number): void {
    this.#run(callFor.truncate(this.descriptor, size), "truncate");
  }

  list(): DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (;;) {
      const call = callFor.list(this.descriptor, entries.at(-1)?.next ?? 0);
      this.#run(call, "getdents");
      const more = bodyOf(call) as DirectoryEntry[];
      if (more.length === 0) return entries;
      entries.push(...more);
    }
  }

  call(request: unknown): unknown {
    const call = callFor.call(this.descriptor, request);
    this.#run(call, "call");
    return bodyOf(call);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gate.close(this.descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
