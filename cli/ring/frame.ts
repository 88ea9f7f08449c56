/**
 * Frames: what travels between the host process and the process of its machine. A fixed head, a
 * small MessagePack body, a raw payload; every length has a bound that is checked before anything
 * is allocated. A peer that sends anything else has gone mad, and is treated as dead.
 */

import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { layout } from "../../ipc/layout.js";
import { BODY_BYTES_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";

/*
 * Little-endian. BODY and PAYLOAD follow the head, in this order.
 * OFFSET SIZE FIELD    MEANING
 *  0      4   kind     what it is: a number of KINDS
 *  4      4   call     the call that it belongs to; 0: none
 *  8      4   body     bytes of MessagePack, at most 64 KiB; 0: no body
 * 12      4   payload  bytes of data, at most 4 MiB
 */
const HEAD = layout("Frame", 16, {
  kind: [0, "u32"],
  call: [4, "u32"],
  body: [8, "u32"],
  payload: [12, "u32"],
});

/** Kinds of frames; what each carries is in messages.ts. A kind's number is its place. */
const KINDS = [
  // Host to machine.
  "boot",
  "halt",
  "trace",
  "input",
  "taken",
  "open",
  "reattach",
  "operate",
  "path",
  "watch",
  "syscall",
  "cancel",
  "close",
  "outside",
  // Machine to host.
  "booted",
  "failed",
  "halted",
  "event",
  "output",
  "answer",
  "beat",
  "words",
] as const;

export type FrameKind = (typeof KINDS)[number];

/** One frame as it was received. */
export interface Frame {
  kind: FrameKind;
  call: number;
  /** Decoded; undefined without a body. */
  body: unknown;
  /** Private memory. */
  payload: Buffer;
}

/** What goes into a frame beside its kind. */
export interface FrameParts {
  call?: number;
  body?: unknown;
  payload?: Uint8Array | undefined;
}

/** Encodes one frame; the payload is copied. @throws EMSGSIZE when the body is over 64 KiB */
export function encodeFrame(kind: FrameKind, parts: FrameParts = {}): Buffer {
  const body = parts.body === undefined ? undefined : encodeBody(parts.body);
  const bodyLength = body?.length ?? 0;
  const payloadLength = parts.payload?.length ?? 0;
  const frame = Buffer.allocUnsafe(HEAD.SIZE + bodyLength + payloadLength);
  frame.writeUInt32LE(KINDS.indexOf(kind), HEAD.kind.offset);
  frame.writeUInt32LE(parts.call ?? 0, HEAD.call.offset);
  frame.writeUInt32LE(bodyLength, HEAD.body.offset);
  frame.writeUInt32LE(payloadLength, HEAD.payload.offset);
  if (body !== undefined) frame.set(body, HEAD.SIZE);
  if (parts.payload !== undefined) frame.set(parts.payload, HEAD.SIZE + bodyLength);
  return frame;
}

interface Head {
  kind: FrameKind;
  call: number;
  bodyLength: number;
  length: number;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  readonly #head = Buffer.alloc(HEAD.SIZE);
  #filled = 0;
  #frame: Head | undefined;
  #rest: Buffer = Buffer.alloc(0);
  /** What is wrong with what came; nothing is read any more after that. */
  broken: string | undefined;

  /** Takes the next bytes and returns the frames that are complete. Never throws. */
  push(bytes: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (this.broken === undefined) {
      const target = this.#frame === undefined ? this.#head : this.#rest;
      const count = Math.min(target.length - this.#filled, bytes.length - at);
      target.set(bytes.subarray(at, at + count), this.#filled);
      at += count;
      this.#filled += count;
      if (this.#filled < target.length) break;
      this.#filled = 0;
      if (this.#frame === undefined) this.#begin();
      else this.#complete(this.#frame, frames);
      if (at === bytes.length && this.#frame === undefined) break;
    }
    return frames;
  }

  #begin(): void {
    const head = this.#head;
    const number = head.readUInt32LE(HEAD.kind.offset);
    const kind = KINDS[number];
    const bodyLength = head.readUInt32LE(HEAD.body.offset);
    const payloadLength = head.readUInt32LE(HEAD.payload.offset);
    if (kind === undefined) this.broken = `frame of kind ${number}`;
    else if (bodyLength > BODY_BYTES_MAX) this.broken = `${kind}: body of ${bodyLength} bytes`;
    else if (payloadLength > PAYLOAD_BYTES_MAX) {
      this.broken = `${kind}: payload of ${payloadLength} bytes`;
    } else {
      const call = head.readUInt32LE(HEAD.call.offset);
      const length = bodyLength + payloadLength;
      this.#frame = { kind, call, bodyLength, length };
      this.#rest = Buffer.allocUnsafeSlow(length);
    }
  }

  #complete({ kind, call, bodyLength }: Head, frames: Frame[]): void {
    const bytes = this.#rest;
    this.#frame = undefined;
    const decoded = bodyLength === 0 ? undefined : decodeBody(bytes.subarray(0, bodyLength));
    if (decoded !== undefined && "errno" in decoded) {
      this.broken = `${kind}: body that cannot be decoded`;
      return;
    }
    frames.push({ kind, call, body: decoded?.value, payload: bytes.subarray(bodyLength) });
  }
}
