/**
 * The calls that confined code has under way, and its open files, by number. It holds numbers only:
 * requests, sessions, rings and buffers stay here, and payloads are copied in and out.
 */

import type { Call, Descriptor, Gate, NameView, SyscallName } from "../../../ipc/abi.js";
import { decodeBody } from "../../../ipc/codec.js";
import type { CallOutcome, DescriptorFacts } from "../../../ipc/confined.js";
import { EAGAIN, EBADF, EINVAL, EMFILE, EMSGSIZE, EPERM } from "../../../ipc/errno.js";
import { BODY_BYTES_MAX, PATH_BYTES_MAX, PAYLOAD_BYTES_MAX } from "../../../ipc/limits.js";
import {
  OP_CALL,
  OP_FEVENT,
  OP_FSIZE,
  OP_FSTAT,
  OP_FSTATVFS,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_GETDENTS,
  OP_LINK,
  OP_READ,
  OP_READLINK,
  OP_RENAME,
  OP_SYMLINK,
  OP_UNLINK,
  OP_WRITE,
} from "../../../ipc/opcode.js";
import { copyIn, copyOut, isIndex, isText, lengthOf, viewOf } from "./values.js";

/** Calls under way, and open files, of one process at most. */
const CALLS_MAX = 4096;
const DESCRIPTORS_MAX = 4096;

const ON_DESCRIPTOR: ReadonlySet<number> = new Set([
  ...[OP_READ, OP_WRITE, OP_FSIZE, OP_FTRUNCATE, OP_FSYNC, OP_FSTAT, OP_FSTATVFS],
  ...[OP_GETDENTS, OP_LINK, OP_FEVENT, OP_CALL],
]);
const ON_PATH: ReadonlySet<number> = new Set([OP_UNLINK, OP_RENAME, OP_SYMLINK, OP_READLINK]);

/** Those that a process makes on its own behalf. The others are the gate's words to the kernel. */
const SYSCALLS: ReadonlySet<unknown> = new Set<SyscallName>([
  ...(["exit", "spawn", "wait", "kill", "processes", "capabilities", "pipe"] as const),
  ...(["narrow", "grant", "revoke"] as const),
]);

/** One call under way. */
interface Running {
  call: Call;
  /** Set when `opened` knows what came of it. */
  opens: boolean;
}

/** Calls and descriptors of one process. */
export class ConfinedCalls {
  readonly #gate: Gate;
  readonly #running = new Map<number, Running>();
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #done: (call: number) => void;
  #nextCall = 1;
  #nextDescriptor = 1;

  /** @param done - tells the runtime that a call is done; runs in a microtask */
  constructor(gate: Gate, done: (call: number) => void) {
    this.#gate = gate;
    this.#done = done;
  }

  /** Takes a descriptor in. */
  add(descriptor: Descriptor): DescriptorFacts {
    const id = this.#nextDescriptor++;
    this.#descriptors.set(id, descriptor);
    const { url, flags, positioned } = descriptor;
    return Object.freeze({ id, url, flags, positioned });
  }

  descriptor(id: unknown): Descriptor | undefined {
    return this.#descriptors.get(id as number);
  }

  /** Keeps a call and starts it. Returns its number. */
  begin(call: Call, opens = false): number {
    if (this.#running.size >= CALLS_MAX) return -EAGAIN.errno;
    const id = this.#nextCall++;
    this.#running.set(id, { call, opens });
    this.#gate.start(call);
    return id;
  }

  open(url: unknown, flags: unknown, view: unknown, deadlineMs: unknown): number {
    const within = isText(view, BODY_BYTES_MAX) ? viewOf(view) : undefined;
    if (!isText(url, 2 * PATH_BYTES_MAX) || !isIndex(flags) || within === undefined) {
      return -EINVAL.errno;
    }
    if (this.#descriptors.size >= DESCRIPTORS_MAX) return -EMFILE.errno;
    const call = this.#gate.open(url, flags, within === "none" ? undefined : within);
    if (isDeadline(deadlineMs)) call.deadlineMs = deadlineMs;
    return this.begin(call, true);
  }

  path(opcode: unknown, url: unknown, second: unknown, view: unknown, arg1: unknown): number {
    const within = isText(view, BODY_BYTES_MAX) ? viewOf(view) : undefined;
    if (!ON_PATH.has(opcode as number) || !isText(url, 2 * PATH_BYTES_MAX)) return -EINVAL.errno;
    if (second !== undefined && !isText(second, 2 * PATH_BYTES_MAX)) return -EINVAL.errno;
    if (within === undefined || !isIndex(arg1)) return -EINVAL.errno;
    const names: { second?: string; within?: NameView } = {};
    if (second !== undefined) names.second = second;
    if (within !== "none") names.within = within;
    const call = this.#gate.path(opcode as number, url, names);
    call.arg1 = arg1;
    return this.begin(call);
  }

  syscall(name: unknown, body: unknown): number {
    if (!SYSCALLS.has(name)) return -EPERM.errno;
    const bytes = copyIn(body, BODY_BYTES_MAX);
    if (bytes === undefined) return -EINVAL.errno;
    const decoded = decodeBody(bytes);
    if ("errno" in decoded) return -decoded.errno.errno;
    let call: Call;
    try {
      call = this.#gate.syscall(name as SyscallName, decoded.value);
    } catch {
      // Encoded anew it may be longer. Nothing was begun.
      return -EMSGSIZE.errno;
    }
    return this.begin(call);
  }

  /** Makes a call on a descriptor. All fields are checked; bytes are the gate's own. */
  call(
    id: unknown,
    opcode: unknown,
    bytes: unknown,
    room: unknown,
    offset: unknown,
    arg0: unknown,
    arg1: unknown,
    arg2: unknown,
    nonblocking: unknown,
    deadlineMs: unknown,
  ): number {
    const descriptor = this.descriptor(id);
    if (descriptor === undefined) return -EBADF.errno;
    if (!ON_DESCRIPTOR.has(opcode as number)) return -EINVAL.errno;
    const call = descriptor.call(opcode as number);
    if (bytes !== undefined) {
      const length = lengthOf(bytes);
      if (length < 0 || length > PAYLOAD_BYTES_MAX) return -EINVAL.errno;
      call.bytes = opcode === OP_READ ? new Uint8Array(length) : copyIn(bytes, length);
    } else if (opcode === OP_READ || opcode === OP_WRITE) return -EINVAL.errno;
    if (!isIndex(room, BODY_BYTES_MAX)) return -EINVAL.errno;
    if (typeof offset !== "number" || typeof arg0 !== "number") return -EINVAL.errno;
    if (typeof arg1 !== "number" || typeof arg2 !== "number") return -EINVAL.errno;
    if (!Number.isSafeInteger(offset)) return -EINVAL.errno;
    call.room = room;
    call.offset = offset;
    call.arg0 = arg0;
    call.arg1 = arg1;
    call.arg2 = arg2;
    call.nonblocking = nonblocking === true;
    if (isDeadline(deadlineMs)) call.deadlineMs = deadlineMs;
    return this.begin(call);
  }

  watch(queue: unknown, target: unknown, id: unknown, mask: unknown): number {
    const [from, to] = [this.descriptor(queue), this.descriptor(target)];
    if (from === undefined || to === undefined) return -EBADF.errno;
    if (!isIndex(id) || !isIndex(mask, 0xff)) return -EINVAL.errno;
    return this.begin(this.#gate.watch(from, to, { id, mask }));
  }

  notify(id: unknown): void {
    const running = this.#running.get(id as number);
    if (running === undefined) return;
    // The gate counts what is settled, and takes a turn of the event loop for it.
    void this.#gate.settle(running.call).then(() => {
      this.#done(id as number);
    });
  }

  isDone(id: unknown): boolean {
    return this.#running.get(id as number)?.call.done ?? true;
  }

  wait(ids: unknown): void {
    if (!isText(ids, 16 * CALLS_MAX)) return;
    const calls: Call[] = [];
    for (const id of ids.split(",")) {
      const running = this.#running.get(Number(id));
      // What is gone is done.
      if (running === undefined) return;
      calls.push(running.call);
    }
    if (calls.length === 1) this.#gate.wait(calls[0] as Call);
    else this.#gate.waitAny(calls);
  }

  take(id: unknown, into: unknown): CallOutcome | undefined {
    const running = this.#running.get(id as number);
    if (running === undefined || !running.call.done) return undefined;
    this.#running.delete(id as number);
    const { call, opens } = running;
    const { result, outcome, incarnation } = call;
    if (call.opcode === OP_READ && result > 0 && call.bytes !== undefined) {
      copyOut(into, call.bytes.subarray(0, result));
    }
    const opened = opens && result >= 0 ? this.#gate.opened(call) : undefined;
    return Object.freeze({
      result,
      // A copy in memory of its own: what lies beside a body in its buffer is not for others.
      body: call.body === undefined ? undefined : copyIn(call.body, BODY_BYTES_MAX),
      outcome,
      oldIncarnation: incarnation?.old,
      newIncarnation: incarnation?.now,
      descriptor: opened === undefined ? undefined : this.add(opened),
    });
  }

  cancel(id: unknown): void {
    const running = this.#running.get(id as number);
    if (running !== undefined && !running.call.done) this.#gate.cancel(running.call);
  }

  close(id: unknown): void {
    const descriptor = this.descriptor(id);
    if (descriptor === undefined) return;
    this.#descriptors.delete(id as number);
    this.#gate.close(descriptor);
  }

  position(id: unknown): number {
    return this.descriptor(id)?.position ?? 0;
  }

  setPosition(id: unknown, position: unknown): void {
    const descriptor = this.descriptor(id);
    if (descriptor !== undefined && isIndex(position)) descriptor.position = position;
  }

  object(id: unknown): DescriptorFacts | undefined {
    const descriptor = isIndex(id) ? this.#gate.object(id) : undefined;
    return descriptor === undefined ? undefined : this.add(descriptor);
  }

  reference(id: unknown): string | undefined {
    const descriptor = this.descriptor(id);
    return descriptor === undefined ? undefined : JSON.stringify(this.#gate.reference(descriptor));
  }
}

function isDeadline(value: unknown): value is number {
  return typeof value === "number" && value > 0 && Number.isFinite(value);
}
