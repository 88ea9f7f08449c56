/**
 * Kernel objects of this process whose data path needs no kernel: pipe ends, interrupt lines,
 * device windows, DMA regions. They come by mail when the kernel has checked the open.
 */

import type { Call, Descriptor } from "../../ipc/abi.js";
import { ByteRing, READERS_GONE, WRITER_GONE } from "../../ipc/byte-ring.js";
import { encodeBody } from "../../ipc/codec.js";
import { Doorbell } from "../../ipc/doorbell.js";
import { EAGAIN, EBADF, EOPNOTSUPP, EPIPE } from "../../ipc/errno.js";
import type { ObjectMail, PipeMail } from "../../ipc/mail.js";
import { OP_CLOSE, OP_FSTAT, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { EVENT_HANGUP, EVENT_READ, EVENT_WRITE } from "../../ipc/scheme.js";
import { Request } from "./request.js";

/** A descriptor that is served here, not by a provider. */
export abstract class LocalObject implements Descriptor {
  abstract readonly id: number;
  abstract readonly url: string;
  abstract readonly flags: number;
  readonly positioned = false;
  position = 0;

  call(opcode: number): Call {
    return new LocalRequest(opcode, this);
  }

  /** Tries to serve the request; false: it waits. */
  abstract attempt(request: LocalRequest): boolean;

  /** Announces that this process sleeps, or no longer does. */
  abstract setSleeping(sleeping: boolean): void;

  /** Events that hold now. */
  readiness(): number {
    return EVENT_READ | EVENT_WRITE;
  }
}

/** A request on a local object. */
export class LocalRequest extends Request {
  readonly object: LocalObject;

  constructor(opcode: number, object: LocalObject) {
    super(opcode);
    this.object = object;
  }
}

/** One end of a pipe: a ring from each writer; readers look at all of them. */
export class PipeEnd extends LocalObject {
  readonly id: number;
  readonly url = "pipe:/";
  readonly flags: number;
  readonly #reads: boolean;
  #rings: ByteRing[] = [];
  #peers: Doorbell[] = [];
  readonly #mailWaits: () => boolean;

  constructor(mail: PipeMail, mailWaits: () => boolean) {
    super();
    this.#mailWaits = mailWaits;
    this.id = mail.id;
    this.#reads = mail.end === "read";
    this.flags = this.#reads ? O_READ : O_WRITE;
    this.update(mail);
  }

  /** Rings or peers have changed. */
  update(mail: PipeMail): void {
    this.#rings = mail.rings.map((memory) => new ByteRing(memory));
    this.#peers = mail.peers.map((memory) => new Doorbell(memory));
  }

  attempt(request: LocalRequest): boolean {
    switch (request.opcode) {
      case OP_READ:
        return this.#reads ? this.#read(request) : refuse(request);
      case OP_WRITE:
        return this.#reads ? refuse(request) : this.#write(request);
      case OP_FSTAT:
        request.body = encodeBody({ kind: "pipe", size: 0, mode: 0o600 });
        request.finish(0);
        return true;
      case OP_CLOSE:
        request.finish(0);
        return true;
      default:
        request.finish(-EOPNOTSUPP.errno);
        return true;
    }
  }

  #read(request: LocalRequest): boolean {
    const bytes = request.bytes as Uint8Array;
    // Looked at before the data: a writer publishes, then says that it is gone.
    const over = this.#writersGone();
    for (const ring of this.#rings) {
      const count = ring.read(bytes);
      if (count === 0) continue;
      if (ring.takeSleeper("writer")) this.#ringPeers();
      request.finish(count);
      return true;
    }
    // Unread mail may name one more writer.
    if (bytes.length === 0 || (over && !this.#mailWaits())) request.finish(0);
    else if (request.nonblocking) request.finish(-EAGAIN.errno);
    return request.done;
  }

  /** A named pipe may be read before anybody has come to write. */
  #writersGone(): boolean {
    if (this.#rings.length === 0) return false;
    return this.#rings.every((ring) => (ring.gone & WRITER_GONE) !== 0);
  }

  #write(request: LocalRequest): boolean {
    const ring = this.#rings[0] as ByteRing;
    const bytes = request.bytes as Uint8Array;
    if ((ring.gone & READERS_GONE) !== 0) {
      request.finish(-EPIPE.errno);
      return true;
    }
    // `arg0` counts what is written already, across several attempts.
    request.arg0 += ring.write(bytes.subarray(request.arg0));
    if (ring.takeSleeper("reader")) this.#ringPeers();
    if (request.arg0 === bytes.length) request.finish(bytes.length);
    else if (request.nonblocking) {
      request.finish(request.arg0 > 0 ? request.arg0 : -EAGAIN.errno);
    }
    return request.done;
  }

  override readiness(): number {
    if (!this.#reads) {
      const [ring] = this.#rings;
      if (ring === undefined || (ring.gone & READERS_GONE) !== 0) return EVENT_HANGUP | EVENT_WRITE;
      return ring.free > 0 ? EVENT_WRITE : 0;
    }
    if (this.#rings.some((ring) => ring.filled > 0)) return EVENT_READ;
    const over = this.#writersGone();
    return over && !this.#mailWaits() ? EVENT_READ | EVENT_HANGUP : 0;
  }

  #ringPeers(): void {
    for (const peer of this.#peers) peer.ring();
  }

  setSleeping(sleeping: boolean): void {
    // Never taken back: another reader of the same ring may sleep on it. A wake too many is
    // harmless.
    if (!sleeping) return;
    for (const ring of this.#rings) ring.setSleeping(this.#reads ? "reader" : "writer", true);
  }
}

/** An interrupt line, a device window, a DMA region: facts that the driver kit works with. */
export class HardwareObject extends LocalObject {
  readonly id: number;
  readonly url: string;
  readonly flags = O_READ | O_WRITE;
  readonly mail: ObjectMail & { object: "irq" | "window" | "dma" };

  constructor(mail: ObjectMail & { object: "irq" | "window" | "dma" }) {
    super();
    this.id = mail.id;
    this.url = mail.object === "irq" ? `irq:/${mail.line}` : `memory:/${mail.object}`;
    this.mail = mail;
  }

  attempt(request: LocalRequest): boolean {
    request.finish(request.opcode === OP_CLOSE ? 0 : -EOPNOTSUPP.errno);
    return true;
  }

  setSleeping(): void {
    // The board rings the doorbell for every interrupt; there is no flag to set.
  }
}

function refuse(request: LocalRequest): boolean {
  request.finish(-EBADF.errno);
  return true;
}
