/** Makes the calls of a process: resolves names and turns what was asked into requests. */

import {
  type Call,
  type Descriptor,
  type NameView,
  SYSCALLS,
  type SyscallName,
} from "../../ipc/abi.js";
import { encodeBody } from "../../ipc/codec.js";
import { EBADF, Errno } from "../../ipc/errno.js";
import { BODY_BYTES_MAX } from "../../ipc/limits.js";
import { OP_FEVENT, OP_OPEN, OP_SYSCALL } from "../../ipc/opcode.js";
import type { Connection } from "./connection.js";
import { EventQueue } from "./event-queue.js";
import { adopt } from "./inheritance.js";
import type { Resolved } from "./namespace.js";
import { OPEN_ROOM, parseOpenReply } from "./open-reply.js";
import { Request } from "./request.js";
import { Session } from "./session.js";

/** Room for what `readlink` answers. */
const PATH_ROOM = 8192;

/** What the maker needs of the gate. */
export interface CallsHost {
  readonly kernel: Connection;
  resolve(text: string, within: NameView | undefined): Resolved | Errno;
  /** The connection to a provider; asks the kernel for it the first time. */
  connect(provider: number): Connection;
  /** A kernel object that has come by mail. */
  object(id: number): Descriptor | undefined;
}

/** An open on its way. */
class OpenRequest extends Request {
  descriptor: Descriptor | undefined;
}

/** Makes calls. */
export class Calls {
  readonly #host: CallsHost;
  /** Event queues have negative numbers: the kernel knows nothing of them. */
  #nextQueue = -1;

  constructor(host: CallsHost) {
    this.#host = host;
  }

  open(text: string, flags: number, within: NameView | undefined): Call {
    const found = this.#host.resolve(text, within);
    if (found instanceof Errno) return failed(OP_OPEN, found);
    const { entry, path } = found;
    if (entry.scheme === "event") return this.#openQueue();
    const { capability } = entry;
    const connection = this.#host.connect(entry.provider);
    const request = new OpenRequest(OP_OPEN, { connection, capability });
    request.bytes = Buffer.from(path);
    request.room = OPEN_ROOM;
    request.arg1 = flags;
    request.offset = 0;
    request.onDone = () => {
      if (request.result < 0) return;
      const { local } = parseOpenReply(request.body);
      request.descriptor = local === undefined ? undefined : this.#host.object(local);
      if (request.descriptor !== undefined) return;
      const url = `${entry.scheme}:${path}`;
      const session = new Session(connection, { url, path, flags, capability });
      adopt(connection, session, request);
      request.descriptor = session;
    };
    return request;
  }

  /** An event queue is this process's own: the kernel is asked nothing but the name. */
  #openQueue(): Call {
    const request = new OpenRequest(OP_OPEN);
    request.descriptor = new EventQueue(this.#nextQueue--);
    request.started = true;
    request.finish(0);
    return request;
  }

  opened(call: Call): Descriptor | undefined {
    return call instanceof OpenRequest ? call.descriptor : undefined;
  }

  watch(queue: Descriptor, target: Descriptor, watch: { id: number; mask: number }): Call {
    if (!(queue instanceof EventQueue)) return failed(OP_FEVENT, EBADF);
    queue.watch(target, watch);
    const request = target.call(OP_FEVENT) as Request;
    request.arg1 = watch.mask;
    request.offset = 0;
    if (target instanceof Session) {
      target.queue = watch.mask === 0 ? undefined : queue;
      target.watched = watch.mask;
      request.onDone = () => {
        if (request.result > 0) queue.post(target, request.result);
      };
    } else request.finish(0);
    return request;
  }

  path(opcode: number, text: string, names: { second?: string; within?: NameView }): Call {
    const { second, within } = names;
    const found = this.#host.resolve(text, within);
    if (found instanceof Errno) return failed(opcode, found);
    const { entry, path } = found;
    const connection = this.#host.connect(entry.provider);
    const request = new Request(opcode, { connection, capability: entry.capability });
    request.bytes = encodeBody(second === undefined ? [path] : [path, second]);
    request.room = PATH_ROOM;
    request.offset = 0;
    return request;
  }

  syscall(name: SyscallName, body: unknown): Request {
    const request = new Request(OP_SYSCALL, { connection: this.#host.kernel });
    request.arg1 = SYSCALLS.indexOf(name);
    request.bytes = encodeBody(body);
    request.room = BODY_BYTES_MAX;
    request.offset = 0;
    return request;
  }
}

/** A call that is answered before it was sent. */
function failed(opcode: number, errno: Errno): Request {
  const request = new Request(opcode);
  request.started = true;
  request.finish(-errno.errno, "not-executed");
  return request;
}
