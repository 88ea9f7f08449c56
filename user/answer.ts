/** What both faces of the system share: checking answers, bodies in and out, splitting payloads. */

import type { Call, Descriptor, Gate } from "../ipc/abi.js";
import { decodeBody, encodeBody } from "../ipc/codec.js";
import { EBADMSG, EINVAL, Errno, EXDEV } from "../ipc/errno.js";
import { PAYLOAD_BYTES_MAX } from "../ipc/limits.js";
import {
  OP_CALL,
  OP_FSTAT,
  OP_FSTATVFS,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_GETDENTS,
  OP_LINK,
  OP_READ,
  OP_WRITE,
} from "../ipc/opcode.js";
import { SysError } from "../ipc/sys-error.js";
import { parseUrl } from "../ipc/url.js";

/** Room for a stat or a directory listing. */
const STAT_ROOM = 1024;
const BODY_ROOM = 65536;
/** Longer writes are split, so that the arena has room for several in flight. */
const WRITE_BYTES_MAX = PAYLOAD_BYTES_MAX / 4;

/** Throws the caller's error if the call failed; returns its result. */
export function checked(call: Call, operation: string, url?: string): number {
  if (call.result >= 0) return call.result;
  const { outcome, incarnation } = call;
  throw SysError.fromResult(call.result, { operation, url, outcome, incarnation });
}

/** The body of an answered call; undefined when the answer is a number alone. */
export function bodyOf(call: Call): unknown {
  if (call.body === undefined || call.body.length === 0) return undefined;
  const decoded = decodeBody(call.body);
  if ("errno" in decoded) throw new SysError(EBADMSG, { operation: "decode" });
  return decoded.value;
}

/** Bytes of a string or the bytes themselves. */
export function bytesOf(data: Uint8Array | string): Uint8Array {
  return typeof data === "string" ? Buffer.from(data) : data;
}

/** The path of a second name, which must lie in the scheme of the first. @throws EXDEV, EINVAL … */
export function targetPath(operation: string, from: string, to: string): string {
  const source = parseUrl(from);
  const target = parseUrl(to);
  if (source instanceof Errno) throw new SysError(source, { operation, url: from });
  if (target instanceof Errno) throw new SysError(target, { operation, url: to });
  if (source.scheme !== target.scheme) throw new SysError(EXDEV, { operation, url: to });
  return target.path;
}

/** Refuses offsets that no file has. */
function place(call: Call, offset: number | undefined, url: string): Call {
  if (offset === undefined) return call;
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new SysError(EINVAL, { operation: "seek", url, hint: `offset ${offset} is not valid` });
  }
  call.offset = offset;
  return call;
}

/** A read of at most 4 MiB; more comes with the next. */
export function readCall(
  descriptor: Descriptor,
  bytes: Uint8Array,
  offset: number | undefined,
): Call {
  const call = place(descriptor.call(OP_READ), offset, descriptor.url);
  call.bytes = bytes.length > PAYLOAD_BYTES_MAX ? bytes.subarray(0, PAYLOAD_BYTES_MAX) : bytes;
  return call;
}

/** A write, in pieces that fit. */
export function* writeCalls(
  descriptor: Descriptor,
  bytes: Uint8Array,
  offset: number | undefined,
): Generator<Call, void, void> {
  let at = 0;
  do {
    const piece = bytes.subarray(at, at + WRITE_BYTES_MAX);
    const start = offset === undefined ? undefined : offset + at;
    const call = place(descriptor.call(OP_WRITE), start, descriptor.url);
    call.bytes = piece;
    yield call;
    at += piece.length;
  } while (at < bytes.length);
}

/** The calls of the other operations. */
export const callFor = {
  stat(descriptor: Descriptor): Call {
    return roomy(descriptor.call(OP_FSTAT), STAT_ROOM);
  },
  statVfs(descriptor: Descriptor): Call {
    return roomy(descriptor.call(OP_FSTATVFS), STAT_ROOM);
  },
  sync(descriptor: Descriptor): Call {
    return roomy(descriptor.call(OP_FSYNC), 0);
  },
  truncate(descriptor: Descriptor, size: number): Call {
    if (!Number.isSafeInteger(size) || size < 0) {
      const hint = `size ${size} is not valid`;
      throw new SysError(EINVAL, { operation: "truncate", url: descriptor.url, hint });
    }
    const call = roomy(descriptor.call(OP_FTRUNCATE), 0);
    call.arg0 = size;
    return call;
  },
  list(descriptor: Descriptor, cursor: number): Call {
    const call = roomy(descriptor.call(OP_GETDENTS), BODY_ROOM);
    call.arg0 = cursor;
    return call;
  },
  link(descriptor: Descriptor, path: string): Call {
    const call = roomy(descriptor.call(OP_LINK), 0);
    call.bytes = Buffer.from(path);
    return call;
  },
  call(descriptor: Descriptor, request: unknown): Call {
    const call = roomy(descriptor.call(OP_CALL), BODY_ROOM);
    call.bytes = encodeBody(request ?? null);
    return call;
  },
};

function roomy(call: Call, room: number): Call {
  call.room = room;
  call.offset = 0;
  return call;
}

/** A deadline for a call, from a time-out. */
export function setTimeoutOf(gate: Gate, call: Call, timeoutMs: number | undefined): void {
  if (timeoutMs !== undefined) call.deadlineMs = gate.now() + timeoutMs;
}
