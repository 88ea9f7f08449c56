/**
 * The machine's end of the link: performs what the host's frames ask for at the gate of this
 * process, and answers. It holds descriptors and calls under the numbers that the host gave them.
 */

import type { Call, Descriptor, NameView, SyscallName } from "../../ipc/abi.js";
import { decodeBody } from "../../ipc/codec.js";
import { EBADF, EMFILE, EMSGSIZE, type Errno, ESTALE, errnoOf } from "../../ipc/errno.js";
import { PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import { OP_READ } from "../../ipc/opcode.js";
import type { ProcessGate } from "../../kernel/gate/gate.js";
import { withoutEffects } from "../../kernel/gate/open-reply.js";
import { Session } from "../../kernel/gate/session.js";
import type { Frame, FrameKind, FrameParts } from "./frame.js";
import {
  type AnswerBody,
  type Identity,
  isSameObject,
  type OpenBody,
  type OperateBody,
  type PathBody,
  type ReattachBody,
  type SyscallBody,
  type WatchBody,
} from "./messages.js";

/** Files that the host may have open. */
const FILES_MAX = 4096;

/** Sends one frame. */
export type Send = (kind: FrameKind, parts?: FrameParts) => void;

/** Serves one host. */
export class GateServer {
  readonly #gate: ProcessGate;
  readonly #send: Send;
  readonly #files = new Map<number, Descriptor>();
  readonly #calls = new Map<number, Call>();

  constructor(gate: ProcessGate, send: Send) {
    this.#gate = gate;
    this.#send = send;
  }

  /** Performs a frame that is about a call; others are not for this. */
  receive(frame: Frame): void {
    try {
      this.#perform(frame);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === undefined) throw thrown;
      this.#refuse(frame.call, errno);
    }
  }

  #perform(frame: Frame): void {
    const { call, body, payload } = frame;
    switch (frame.kind) {
      case "open":
        this.#open(call, body as OpenBody, undefined);
        break;
      case "reattach":
        this.#open(call, body as OpenBody, (body as ReattachBody).identity);
        break;
      case "operate":
        this.#operate(call, body as OperateBody, payload);
        break;
      case "path":
        this.#path(call, body as PathBody);
        break;
      case "watch":
        this.#watch(call, body as WatchBody);
        break;
      case "syscall":
        this.#syscall(call, body as SyscallBody, payload);
        break;
      case "cancel":
        this.#cancel(call);
        break;
      case "close":
        this.#close(call);
        break;
      default:
        break;
    }
  }

  #answer(number: number, body: AnswerBody, payload?: Uint8Array): void {
    this.#send("answer", { call: number, body, payload });
  }

  #refuse(number: number, errno: Errno): void {
    this.#answer(number, { result: -errno.errno, outcome: "not-executed" });
  }

  /** Runs a call to its end. Resolves to whether it succeeded; a failure is answered. */
  async #settle(number: number, call: Call): Promise<boolean> {
    this.#calls.set(number, call);
    const settled = this.#gate.settle(call);
    await settled;
    this.#calls.delete(number);
    if (call.result >= 0) return true;
    const { result, outcome, incarnation } = call;
    this.#answer(number, {
      result,
      ...(outcome === undefined ? {} : { outcome }),
      ...(incarnation === undefined ? {} : { incarnation }),
    });
    return false;
  }

  #open(number: number, body: OpenBody, expected: Identity | undefined): void {
    if (this.#files.size >= FILES_MAX) throw EMFILE;
    const flags = expected === undefined ? body.flags : withoutEffects(body.flags);
    const call = this.#gate.open(body.url, flags, viewOf(body.within));
    void this.#settle(number, call).then((opened) => {
      const file = opened ? this.#gate.opened(call) : undefined;
      if (file === undefined) return;
      const identity = identityOf(file);
      if (expected !== undefined && !isSameObject(identity, expected)) {
        this.#gate.close(file);
        this.#refuse(number, ESTALE);
        return;
      }
      this.#files.set(number, file);
      const { url, positioned } = file;
      this.#answer(number, { result: call.result, opened: { url, positioned, identity } });
    });
  }

  #file(number: number): Descriptor {
    const file = this.#files.get(number);
    if (file === undefined) throw EBADF;
    return file;
  }

  #operate(number: number, body: OperateBody, payload: Buffer): void {
    const { opcode, length, room } = body;
    if (length > PAYLOAD_BYTES_MAX || room > PAYLOAD_BYTES_MAX) throw EMSGSIZE;
    const call = this.#file(body.descriptor).call(opcode);
    const reads = opcode === OP_READ;
    call.bytes = reads ? Buffer.allocUnsafeSlow(length) : payload;
    call.offset = body.offset;
    call.arg0 = body.arg0;
    call.arg1 = body.arg1;
    call.arg2 = body.arg2;
    call.room = room;
    call.nonblocking = body.nonblocking;
    void this.#settle(number, call).then((done) => {
      if (!done) return;
      // What a queue of events answers to a read is a body.
      const data = reads ? call.bytes?.subarray(0, call.result) : undefined;
      const brought = call.body ?? data;
      this.#answer(number, { result: call.result }, brought);
    });
  }

  #path(number: number, body: PathBody): void {
    const within = viewOf(body.within);
    const call = this.#gate.path(body.opcode, body.url, {
      ...(typeof body.second === "string" ? { second: body.second } : {}),
      ...(within === undefined ? {} : { within }),
    });
    call.arg1 = body.arg1;
    this.#finish(number, call);
  }

  #watch(number: number, { queue, target, id, mask }: WatchBody): void {
    this.#finish(number, this.#gate.watch(this.#file(queue), this.#file(target), { id, mask }));
  }

  #syscall(number: number, { name, stdio }: SyscallBody, payload: Buffer): void {
    const decoded = decodeBody(payload);
    if ("errno" in decoded) throw decoded.errno;
    const fields = decoded.value as Record<string, unknown>;
    const references = stdio?.map(({ descriptor, position }) => {
      const file = this.#file(descriptor);
      file.position = position;
      return this.#gate.reference(file);
    });
    const body = references === undefined ? fields : { ...fields, stdio: references };
    const call = this.#gate.syscall(name as SyscallName, body);
    const finished = this.#finish(number, call);
    // A fault that is ordered counts for the very next request of this host.
    if (name === "kill") this.#gate.holdUntil(finished);
  }

  /** Runs a call and answers with what it brought. */
  async #finish(number: number, call: Call): Promise<void> {
    if (await this.#settle(number, call)) this.#answer(number, { result: call.result }, call.body);
  }

  #cancel(number: number): void {
    const call = this.#calls.get(number);
    if (call !== undefined) this.#gate.cancel(call);
  }

  #close(number: number): void {
    const file = this.#files.get(number);
    if (file === undefined) return;
    this.#files.delete(number);
    this.#gate.close(file);
  }
}

/** MessagePack has no undefined. */
function viewOf(within: NameView | null | undefined): NameView | undefined {
  return within ?? undefined;
}

function identityOf(file: Descriptor): Identity {
  if (!(file instanceof Session)) return {};
  const { object, generation } = file.identity;
  return {
    ...(object === undefined ? {} : { object }),
    ...(generation === undefined ? {} : { generation }),
  };
}
