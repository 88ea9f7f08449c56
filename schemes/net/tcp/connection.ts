/**
 * A connection as its user sees it (RFC 9293 §3.9.1): send, receive, shut down, close. Nothing here
 * waits: counts say what was possible, and `changed` tells when to look again.
 */

import { ECONNABORTED, ENOTCONN, EPIPE, type Errno } from "../../../ipc/errno.js";
import { arrive } from "./arrive.js";
import { abort, enter, fail } from "./ending.js";
import type { Ends } from "./initial-sequence.js";
import { output, resizePath, sendAck, windowOpened } from "./output.js";
import type { Segment } from "./segment.js";
import { atOrBefore, before } from "./sequence.js";
import { HEADERS_BYTES } from "./settings.js";
import { canReceive } from "./state.js";
import type { Tcb } from "./tcb.js";
import { tick } from "./timers.js";

/** What a connection hands to its layer after everything that may have made it speak. */
export type Flush = (connection: Connection) => void;

/** See the head of the file. */
export class Connection {
  readonly tcb: Tcb;
  readonly #flush: Flush;
  /** Called after every change that its user may be waiting for. */
  changed: () => void = () => {};

  constructor(tcb: Tcb, flush: Flush) {
    this.tcb = tcb;
    this.#flush = flush;
  }

  get ends(): Ends {
    return this.tcb.ends;
  }

  /** Whether the handshake is over, well or not. */
  get settled(): boolean {
    return this.tcb.state !== "syn-sent" && this.tcb.state !== "syn-received";
  }

  /** Why it ended. */
  get error(): Errno | undefined {
    return this.tcb.error;
  }

  /** Bytes that can be received now. */
  get readable(): number {
    return this.tcb.readable;
  }

  /** Whether nothing more can come: the peer has finished, or we don't listen any more. */
  get ended(): boolean {
    const { tcb } = this;
    return tcb.readable === 0 && (tcb.readShut || (this.settled && !canReceive(tcb.state)));
  }

  /** Bytes that can be sent now. */
  get writable(): number {
    const { tcb } = this;
    const open = tcb.state === "established" || tcb.state === "close-wait";
    return open ? tcb.settings.sendBytesMax - tcb.buffered : 0;
  }

  /** Takes what has been received, up to the length of `into`; answers how many bytes. */
  receive(into: Uint8Array, nowMs: number): number {
    const { tcb } = this;
    const count = Math.min(into.length, tcb.readable);
    if (count === 0) return 0;
    tcb.receiveBuffer.peek(0, into.subarray(0, count));
    tcb.receiveBuffer.drop(count);
    tcb.readable -= count;
    if (tcb.readable === 0 && tcb.pieces.ranges.length === 0) tcb.receiveBuffer.release();
    if (canReceive(tcb.state) && windowOpened(tcb)) {
      sendAck(tcb, nowMs);
      this.#flush(this);
    }
    return count;
  }

  /**
   * Takes bytes to send, as many as there is room for; answers how many, 0 when none.
   * @throws ENOTCONN, EPIPE, or why the connection ended
   */
  send(bytes: Uint8Array, nowMs: number): number {
    const { tcb } = this;
    if (tcb.error !== undefined) throw tcb.error;
    if (!this.settled) throw ENOTCONN;
    if (tcb.state !== "established" && tcb.state !== "close-wait") throw EPIPE;
    const count = Math.min(bytes.length, this.writable);
    if (count === 0) return 0;
    const taken = tcb.sendBuffer.write(tcb.buffered, bytes.subarray(0, count), tcb.buffered);
    if (!taken) return 0;
    tcb.buffered += count;
    output(tcb, nowMs);
    this.#flush(this);
    return count;
  }

  /** Ends one or both directions. @throws ENOTCONN */
  shutdown(how: "read" | "write" | "both", nowMs: number): void {
    const { tcb } = this;
    if (!this.settled || tcb.state === "closed") throw tcb.error ?? ENOTCONN;
    if (how !== "write" && !tcb.readShut) {
      tcb.readShut = true;
      tcb.readable = 0;
      tcb.receiveBuffer.release();
      if (canReceive(tcb.state)) sendAck(tcb, nowMs);
    }
    if (how !== "read") this.#finish(nowMs);
    this.#flush(this);
  }

  /** The user is done with it: what was sent still arrives, unless unread data is thrown away. */
  close(nowMs: number): void {
    const { tcb } = this;
    if (tcb.orphan) return;
    tcb.orphan = true;
    tcb.orphanedMs = nowMs;
    // RFC 2525 §2.17: who closes without having read says so with a reset.
    const unread = tcb.readable > 0 && tcb.state !== "time-wait" && tcb.state !== "closed";
    if (unread || tcb.state === "syn-received") abort(tcb, ECONNABORTED, nowMs);
    else if (tcb.state === "syn-sent") fail(tcb, ECONNABORTED);
    else this.#finish(nowMs);
    if (tcb.state === "fin-wait-2") tcb.timers.linger = nowMs + tcb.settings.timeWaitMs;
    tcb.readable = 0;
    if (tcb.pieces.ranges.length === 0) tcb.receiveBuffer.release();
    this.#flush(this);
  }

  /** Ends it at once, with a reset. */
  abort(nowMs: number): void {
    this.tcb.orphan = true;
    abort(this.tcb, ECONNABORTED, nowMs);
    this.#flush(this);
  }

  #finish(nowMs: number): void {
    const { tcb } = this;
    if (tcb.state !== "established" && tcb.state !== "close-wait") return;
    tcb.finQueued = true;
    enter(tcb, "close", nowMs);
    output(tcb, nowMs);
  }

  /** A segment came for it. */
  arrive(segment: Segment, nowMs: number): void {
    arrive(this.tcb, segment, nowMs);
    this.#flush(this);
    this.changed();
  }

  /** Time has passed. */
  tick(nowMs: number): void {
    tick(this.tcb, nowMs);
    this.#flush(this);
    this.changed();
  }

  /** Options have changed that may let something out. */
  reconsider(nowMs: number): void {
    output(this.tcb, nowMs);
    this.#flush(this);
  }

  /**
   * The network says that a packet of ours with this number did not arrive (RFC 5927: it must be
   * one that is on its way). Only a handshake ends by that; an open connection keeps trying.
   */
  undelivered(sequence: number, error: Errno): void {
    if (!this.underWay(sequence)) return;
    if (this.settled) this.tcb.softError = error;
    else fail(this.tcb, error);
    this.#flush(this);
    this.changed();
  }

  /** A packet of ours was too long for the path (RFC 1191, with the check of RFC 5927 §7.2). */
  tooLong(sequence: number, mtu: number, nowMs: number): void {
    if (!this.underWay(sequence) || mtu - HEADERS_BYTES >= this.tcb.pathMss) return;
    resizePath(this.tcb, mtu, nowMs);
    this.#flush(this);
  }

  /** Whether a number is sent and not acknowledged. */
  underWay(sequence: number): boolean {
    return atOrBefore(this.tcb.una, sequence) && before(sequence, this.tcb.max);
  }
}
