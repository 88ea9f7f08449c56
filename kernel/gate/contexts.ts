/** What handlers are told: a pending request, and more for an open and for operations on paths. */

import { OP_READ, OP_REATTACH } from "../../ipc/opcode.js";
import type { OpenContext, RenameContext, ReplyName, RequestContext } from "../../ipc/scheme.js";
import { SQE_NONBLOCK, type Sqe } from "../../ipc/sqe.js";
import type { Handle, ProviderClient } from "./provider-client.js";

/** A request whose handler has not answered yet. */
export class Pending implements RequestContext {
  readonly client: ProviderClient;
  readonly tag: number;
  readonly opcode: number;
  readonly flags: number;
  readonly nonblocking: boolean;
  readonly handle: Handle | undefined;
  /** Cell that the answer is checked against once more. */
  readonly capability: number;
  /** Extent of the payload; the answer's body goes there too. */
  readonly arenaOffset: number;
  readonly arenaLength: number;
  readonly offset: number;
  readonly reply: ReplyName | undefined;
  /** Most bytes that a transfer may answer with. */
  limit = 0;
  canceled = false;
  deferred = false;
  /** True once a completion has been published; a later answer is dropped. */
  answered = false;
  #cancelers: (() => void)[] | undefined;

  constructor(client: ProviderClient, sqe: Sqe, handle: Handle | undefined, flags?: number) {
    this.client = client;
    this.tag = sqe.tag;
    this.opcode = sqe.opcode;
    this.flags = flags ?? handle?.flags ?? 0;
    this.nonblocking = (sqe.flags & SQE_NONBLOCK) !== 0;
    this.handle = handle;
    this.capability = handle?.capability ?? sqe.capability;
    this.arenaOffset = sqe.arenaOffset;
    this.arenaLength = sqe.arenaLength;
    this.offset = sqe.offset;
    const { slot, sequence } = sqe;
    this.reply = sequence === 0 ? undefined : { session: client.session, slot, sequence };
  }

  get caller(): number {
    return this.client.pid;
  }

  /** Whether it changes the object: what conflicts with everything that overlaps. */
  get changes(): boolean {
    return this.opcode !== OP_READ;
  }

  onCancel(then: () => void): void {
    if (this.canceled) then();
    else if (this.#cancelers === undefined) this.#cancelers = [then];
    else this.#cancelers.push(then);
  }

  defer(): void {
    this.deferred = true;
  }

  /** Tells the handler that nobody waits any more. */
  cancel(): void {
    if (this.canceled) return;
    this.canceled = true;
    const cancelers = this.#cancelers ?? [];
    this.#cancelers = undefined;
    for (const then of cancelers) then();
  }
}

/** The context of an open or dup. */
export class OpenPending extends Pending implements OpenContext {
  readonly rights: number;
  readonly scheme: string;
  readonly root: string;
  readonly reattaches: boolean;

  constructor(
    client: ProviderClient,
    sqe: Sqe,
    open: { rights: number; flags: number; scheme: string; root: string },
  ) {
    super(client, sqe, undefined, open.flags);
    this.rights = open.rights;
    this.scheme = open.scheme;
    this.root = open.root;
    this.reattaches = sqe.opcode === OP_REATTACH;
  }
}

/** The context of an operation on a path. */
export class PathPending extends Pending implements RenameContext {
  readonly root: string;
  readonly replace: boolean;

  constructor(client: ProviderClient, sqe: Sqe, facts: { handle?: Handle; root: string }) {
    super(client, sqe, facts.handle);
    this.root = facts.root;
    this.replace = sqe.arg1 === 1;
  }
}
