/**
 * A session: an open file of this process at some provider. It names the object, not the
 * incarnation that serves it: after a restart the runtime reopens it and compares identities.
 */

import type { Call, Descriptor } from "../../ipc/abi.js";
import type { Errno } from "../../ipc/errno.js";
import { O_APPEND } from "../../ipc/open-flags.js";
import type { Connection } from "./connection.js";
import type { EventQueue } from "./event-queue.js";
import { Request } from "./request.js";

/** What an open's answer says about the object. */
export interface OpenReply {
  object?: string;
  generation?: number;
  /** Set by kernel schemes: id of a kernel object that came by mail. */
  local?: number;
}

/** An open file. */
export class Session implements Descriptor {
  readonly connection: Connection;
  readonly url: string;
  readonly path: string;
  readonly flags: number;
  readonly capability: number;
  positioned = false;
  identity: OpenReply = {};
  /** The provider's number for it; changes with the incarnation. */
  handle = -1;
  /** The request that is still making it; operations queue up behind. */
  opening: Request | undefined;
  /** True once it was closed; it stays known until the provider has closed it, too. */
  closing = false;
  /** Set when the session could not be rebuilt: every operation but close answers this. */
  lost: Errno | undefined;
  /** Queue that watches this file, and for which events. */
  queue: EventQueue | undefined;
  watched = 0;
  /** Sticky: something was lost at a restart. */
  reset = false;
  #position = 0;
  #cell: BigInt64Array | undefined;

  constructor(
    connection: Connection,
    facts: { url: string; path: string; flags: number; capability: number },
  ) {
    this.connection = connection;
    this.url = facts.url;
    this.path = facts.path;
    this.flags = facts.flags;
    this.capability = facts.capability;
  }

  get position(): number {
    return this.#cell === undefined ? this.#position : Number(Atomics.load(this.#cell, 0));
  }

  set position(value: number) {
    if (this.#cell === undefined) this.#position = value;
    else Atomics.store(this.#cell, 0, BigInt(value));
  }

  /** From now on the position lies in memory that other processes share. */
  share(cell: SharedArrayBuffer): void {
    const view = new BigInt64Array(cell);
    this.#cell = view;
  }

  /** Takes the position for an operation of `length` bytes and moves it behind them. */
  claim(length: number, writes: boolean): number {
    if (writes && (this.flags & O_APPEND) !== 0) return -1;
    if (this.#cell !== undefined) return Number(Atomics.add(this.#cell, 0, BigInt(length)));
    const at = this.#position;
    this.#position += length;
    return at;
  }

  /** Corrects the position after an operation that moved fewer bytes than it claimed. */
  settle(at: number, asked: number, moved: number): void {
    if (at < 0 || moved === asked) return;
    if (this.#cell !== undefined) {
      const end = BigInt(at + asked);
      // Only if nobody has moved it since: another's claim stands.
      Atomics.compareExchange(this.#cell, 0, end, BigInt(at + moved));
    } else if (this.#position === at + asked) this.#position = at + moved;
  }

  /** What names this session to the kernel, so that it can be passed on. */
  reference(): Record<string, unknown> {
    return {
      provider: this.connection.provider,
      handle: this.handle,
      capability: this.capability,
      url: this.url,
      path: this.path,
      flags: this.flags,
      positioned: this.positioned,
      position: this.position,
    };
  }

  call(opcode: number): Call {
    return new Request(opcode, { connection: this.connection, session: this });
  }
}
