/**
 * One request of this process: what the caller asked, and where it stands. It holds everything that
 * a replay needs (operation, arguments, the caller's bytes), so that a provider's death takes
 * nothing.
 */

import { AT_POSITION, type Call } from "../../ipc/abi.js";
import type { Flight } from "../../ipc/client-channel.js";
import { EIO, EOWNERDEAD } from "../../ipc/errno.js";
import { OP_READ, OP_WRITE, type OperationClass, operation } from "../../ipc/opcode.js";
import { CQE_BODY_SHIFT, CQE_POSITIONED } from "../../ipc/sqe.js";
import type { Outcome } from "../../ipc/sys-error.js";
import type { Connection } from "./connection.js";
import type { ReplySlot } from "./reply-slots.js";
import type { Session } from "./session.js";

/** Who a request talks to. */
export interface Target {
  connection: Connection;
  /** The open file, for operations on one. */
  session?: Session | undefined;
  /** The capability, for operations that name a path. */
  capability?: number;
}

/** A request from `call()` to its answer. */
export class Request implements Call, Flight {
  readonly opcode: number;
  readonly connection: Connection | undefined;
  readonly session: Session | undefined;
  capability: number;
  bytes: Uint8Array | undefined;
  room = 0;
  offset = AT_POSITION;
  arg0 = 0;
  arg1 = 0;
  arg2 = 0;
  nonblocking = false;
  deadlineMs = 0;
  /** True for the runtime's own reopening of a session. */
  reattaches = false;
  /** True once it was handed over; a call is used once. */
  started = false;

  done = false;
  result = 0;
  body: Uint8Array | undefined;
  outcome: Outcome | undefined;
  incarnation: { old: number; now: number } | undefined;
  /** Whether the handle just opened has explicit offsets. */
  positioned = false;

  arenaOffset = 0;
  arenaLength = 0;
  sqIndex = 0;
  tag = 0;
  /** Deaths that this request was in flight at, and that nobody ordered. */
  deaths = 0;
  /** True when this submission repeats one that a dead incarnation had taken. */
  replays = false;
  /** Where its reply is kept, for a `dedup` request on its way. */
  reply: ReplySlot | undefined;
  /** Runs once, when the answer is there. */
  onDone: ((request: Request) => void) | undefined;

  constructor(opcode: number, target?: Target) {
    this.opcode = opcode;
    this.connection = target?.connection;
    this.session = target?.session;
    this.capability = target?.capability ?? target?.session?.capability ?? 0;
  }

  /** What may be done with it when its provider dies after it was taken. */
  get operationClass(): OperationClass {
    const declared = this.connection?.classes.get(this.opcode);
    if (declared !== undefined) return declared;
    const facts = operation(this.opcode);
    return this.session?.positioned === true ? facts.positioned : facts.stream;
  }

  /** Payload bytes that travel with the request, and room that the answer needs. */
  get sendLength(): number {
    return operation(this.opcode).sends ? (this.bytes?.length ?? 0) : 0;
  }

  get extentLength(): number {
    const receive = this.opcode === OP_READ ? (this.bytes?.length ?? 0) : this.room;
    return Math.max(this.sendLength, receive);
  }

  /** Settles the position that the request works at, once: a replay works at the same. */
  claim(): void {
    if (this.offset !== AT_POSITION || this.session === undefined) return;
    const length = this.opcode === OP_READ || this.opcode === OP_WRITE ? this.bytes?.length : 0;
    this.offset = this.session.claim(length ?? 0, this.opcode === OP_WRITE);
    this.#claimed = true;
  }

  #claimed = false;

  landed(result: number, flags: number): void {
    this.connection?.releaseReply(this);
    this.positioned = (flags & CQE_POSITIONED) !== 0;
    const transfers = this.opcode === OP_READ || this.opcode === OP_WRITE;
    // A provider that claims more than was asked for is broken; nothing is taken from it.
    if (transfers && result > (this.bytes?.length ?? 0)) {
      this.finish(-EIO.errno, "unknown");
      return;
    }
    if (result >= 0) this.#takePayload(result, flags);
    this.finish(result, result === -EOWNERDEAD.errno ? "unknown" : undefined);
  }

  #takePayload(result: number, flags: number): void {
    const arena = this.connection?.arena;
    if (arena === undefined || this.arenaLength === 0) return;
    if (this.opcode === OP_READ) {
      this.bytes?.set(arena.subarray(this.arenaOffset, this.arenaOffset + result));
    } else if (this.room > 0) {
      const length = Math.min(flags >>> CQE_BODY_SHIFT, this.room);
      this.body = arena.slice(this.arenaOffset, this.arenaOffset + length);
    }
  }

  /** Ends the request, once. */
  finish(result: number, outcome?: Outcome): void {
    if (this.done) return;
    this.done = true;
    this.result = result;
    this.outcome = outcome;
    if (this.#claimed && this.session !== undefined) {
      const asked = this.bytes?.length ?? 0;
      this.session.settle(this.offset, asked, Math.max(0, result));
    }
    this.onDone?.(this);
  }
}

/** Stands in the table of requests in flight for one whose caller has gone away. */
export class Abandoned implements Flight {
  arenaOffset = 0;
  arenaLength = 0;
  sqIndex = 0;
  tag = 0;
  reply: ReplySlot | undefined;
  readonly #connection: Connection;
  readonly #late: ((result: number) => void) | undefined;

  /** @param late - what to do with a success that nobody waits for any more */
  constructor(connection: Connection, late?: (result: number) => void) {
    this.#connection = connection;
    this.#late = late;
  }

  /** A late completion: it frees tag, extent and reply slot. */
  landed(result: number): void {
    this.#connection.releaseReply(this);
    if (result >= 0) this.#late?.(result);
  }
}
