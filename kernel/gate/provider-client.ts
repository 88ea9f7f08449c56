/**
 * What a provider's gate knows of one client: its channel, its handles, its requests in progress.
 */

import { EMFILE } from "../../ipc/errno.js";
import { HANDLES_PER_CHANNEL_MAX } from "../../ipc/limits.js";
import type { ProviderChannel } from "../../ipc/provider-channel.js";
import type { Identity, Scheme } from "../../ipc/scheme.js";
import type { Pending } from "./contexts.js";

/** An object that a scheme opened, shared by all handles that were duplicated from it. */
export interface Description {
  readonly scheme: Scheme;
  readonly handle: unknown;
  readonly positioned: boolean;
  readonly identity: Identity | undefined;
  references: number;
}

/** A handle of a client. */
export interface Handle {
  readonly number: number;
  readonly description: Description;
  /** Rights with which it was opened. */
  readonly rights: number;
  /** Cell that is looked at for each request. */
  readonly capability: number;
  readonly flags: number;
}

const INDEX_BITS = Math.log2(HANDLES_PER_CHANNEL_MAX);
/** Generations per index: numbers stay positive in 31 bits. */
const GENERATIONS = 2 ** (31 - INDEX_BITS);

/** Handles of one client by number. A closed number does not come back soon. */
export class HandleTable {
  readonly #entries: (Handle | undefined)[] = [];
  /** Numbers whose capability was revoked: the client has not closed them yet. */
  readonly #revoked = new Set<number>();
  readonly #generations: number[] = [];
  readonly #free: number[] = [];

  /** Adds a handle and returns it. @throws EMFILE */
  add(make: (number: number) => Handle): Handle {
    const index = this.#free.pop() ?? this.#entries.length;
    if (index >= HANDLES_PER_CHANNEL_MAX) throw EMFILE;
    const generation = ((this.#generations[index] ?? 0) + 1) % GENERATIONS;
    this.#generations[index] = generation;
    const handle = make(index + generation * HANDLES_PER_CHANNEL_MAX);
    this.#entries[index] = handle;
    return handle;
  }

  /** Finds a handle; a forged, closed or foreign number is none. */
  get(number: number): Handle | undefined {
    const handle = this.#entries[number & (HANDLES_PER_CHANNEL_MAX - 1)];
    return handle?.number === number ? handle : undefined;
  }

  remove(handle: Handle): void {
    const index = handle.number & (HANDLES_PER_CHANNEL_MAX - 1);
    this.#entries[index] = undefined;
    this.#free.push(index);
  }

  /** Takes a handle's object away. Its number stays taken, and refused, until it is closed. */
  revoke(handle: Handle): void {
    this.#entries[handle.number & (HANDLES_PER_CHANNEL_MAX - 1)] = undefined;
    this.#revoked.add(handle.number);
  }

  /** True for a number that stood for something until it was revoked. */
  wasRevoked(number: number): boolean {
    return this.#revoked.has(number);
  }

  /** The client closes a number that was revoked. */
  forget(number: number): void {
    if (this.#revoked.delete(number)) this.#free.push(number & (HANDLES_PER_CHANNEL_MAX - 1));
  }

  all(): Handle[] {
    return this.#entries.filter((entry) => entry !== undefined);
  }
}

/** One client of this provider. */
export class ProviderClient {
  readonly pid: number;
  /** Number of its dealings with this provider, which outlives this incarnation. */
  readonly session: number;
  readonly channel: ProviderChannel;
  readonly handles = new HandleTable();
  readonly pending = new Map<number, Pending>();
  /** True until its replays are in, in a recovering incarnation. */
  replaying: boolean;
  /** Repetitions that it has called suspect so far. */
  suspects = 0;
  /** Set when the client is gone: number to answer `drained` with, once nothing is pending. */
  drain: number | undefined;
  gone = false;
  /** True while requests of this client are being taken: it is woken once, at the end. */
  inTurn = false;
  #view: Uint8Array | undefined;

  constructor(facts: {
    pid: number;
    session: number;
    channel: ProviderChannel;
    replaying: boolean;
  }) {
    this.pid = facts.pid;
    this.session = facts.session;
    this.channel = facts.channel;
    this.replaying = facts.replaying;
  }

  /** The payload of a request. The last view is kept: a client's hot extent is mostly the same. */
  view(offset: number, length: number): Uint8Array {
    const last = this.#view;
    if (last !== undefined && last.byteOffset === offset && last.length === length) return last;
    this.#view = new Uint8Array(this.channel.arena, offset, length);
    return this.#view;
  }
}
