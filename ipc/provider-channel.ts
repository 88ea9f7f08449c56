/**
 * The provider's end of a channel: takes requests, publishes completions, posts readiness. It never
 * trusts an index, never takes more requests than completions fit, and so never waits to publish.
 */

import { ballast } from "./ballast.js";
import type { Doorbell } from "./doorbell.js";
import { HANDLES_PER_CHANNEL_MAX, RING_SLOTS } from "./limits.js";
import {
  type ChannelMemory,
  CLIENT_SLEEPS,
  CLOSED,
  CQ_HEAD,
  CQ_TAIL,
  CQES,
  EVENTS,
  EVENTS_PENDING,
  PROVIDER_SLEEPS,
  SLOT_MASK,
  SQ_HEAD,
  SQ_TAIL,
  SQES,
} from "./ring-block.js";
import { CQE, readSqe, SQE, SQE_ONEWAY, type Sqe } from "./sqe.js";

/** One channel, seen by its provider. */
export class ProviderChannel {
  readonly arena: SharedArrayBuffer;
  /** Has the collector of this thread count the arena. */
  readonly weight: object;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #peer: Doorbell;
  #sqHead = 0;
  #cqTail = 0;
  #taken = 0;
  /** True once the client broke the protocol or the kernel closed the channel. */
  broken = false;

  /**
   * @param start - first index, as the memory's index words have it; tests begin before the wrap
   */
  constructor(memory: ChannelMemory, peer: Doorbell, start = 0) {
    this.weight = ballast(memory.arena.byteLength);
    this.#sqHead = start | 0;
    this.#cqTail = start | 0;
    this.#words = new Int32Array(memory.ring);
    this.#doubles = new Float64Array(memory.ring);
    this.arena = memory.arena;
    this.#peer = peer;
  }

  /** Requests taken and not completed yet. */
  get taken(): number {
    return this.#taken;
  }

  /** A hint that a request waits, for polling. The last look before a sleep is `available`. */
  ready(): boolean {
    return this.#words[SQ_TAIL] !== this.#sqHead && !this.broken;
  }

  get closed(): boolean {
    return Atomics.load(this.#words, CLOSED) !== 0;
  }

  /** True when a request can be taken now: one waits, and its completion has a place. */
  available(): boolean {
    if (this.broken) return false;
    const waiting = (Atomics.load(this.#words, SQ_TAIL) - this.#sqHead) | 0;
    if (waiting === 0) return false;
    // Written by the client: a wild value closes the channel, never the process.
    const unread = (this.#cqTail - Atomics.load(this.#words, CQ_HEAD)) | 0;
    if (waiting < 0 || waiting > RING_SLOTS || unread < 0 || unread > RING_SLOTS) {
      this.broken = true;
      return false;
    }
    // A one-way message needs no place: else 64 parked requests would keep out their own cancels.
    return unread + this.#taken < RING_SLOTS || this.#nextIsOneWay();
  }

  /** A hint, from shared memory: `take` checks the copy. */
  #nextIsOneWay(): boolean {
    const at = SQES + (this.#sqHead & SLOT_MASK) * SQE.SIZE;
    const packed = this.#words[(at >> 2) + SQE.opcode.word] as number;
    return ((packed >>> 8) & SQE_ONEWAY) !== 0;
  }

  /**
   * Copies the next request into `sqe`, then takes it out of the ring. Call after `available`.
   * A death before the last line leaves the request in the ring, untouched.
   */
  take(sqe: Sqe): void {
    const at = SQES + (this.#sqHead & SLOT_MASK) * SQE.SIZE;
    readSqe(this.#words, this.#doubles, at, sqe);
    if ((sqe.flags & SQE_ONEWAY) === 0) this.#admit(sqe);
    this.#sqHead = (this.#sqHead + 1) | 0;
    // Partner: ClientChannel.wasDequeued, #hasSpace.
    Atomics.store(this.#words, SQ_HEAD, this.#sqHead);
  }

  /** Gives a request its place among the completions. */
  #admit(sqe: Sqe): void {
    const unread = (this.#cqTail - Atomics.load(this.#words, CQ_HEAD)) | 0;
    if (unread >= 0 && unread + this.#taken < RING_SLOTS) this.#taken++;
    else {
      // The client changed the entry (or an index) since `available` looked: nothing is done for
      // it.
      this.broken = true;
      sqe.opcode = 0;
      sqe.flags = SQE_ONEWAY;
    }
  }

  /** Publishes a completion. The caller wakes the client. Partner: ClientChannel.poll. */
  complete(tag: number, result: number, flags: number): void {
    const at = CQES + (this.#cqTail & SLOT_MASK) * CQE.SIZE;
    this.#words[(at >> 2) + CQE.tag.word] = tag;
    this.#words[(at >> 2) + CQE.flags.word] = flags;
    this.#doubles[(at >> 3) + CQE.result.double] = result;
    this.#cqTail = (this.#cqTail + 1) | 0;
    this.#taken--;
    Atomics.store(this.#words, CQ_TAIL, this.#cqTail);
  }

  /** Wakes the client if it sleeps. Partner: ClientChannel.setSleeping. */
  wake(): boolean {
    if (Atomics.load(this.#words, CLIENT_SLEEPS) === 0) return false;
    if (Atomics.exchange(this.#words, CLIENT_SLEEPS, 0) === 0) return false;
    this.#peer.ring();
    return true;
  }

  /** Announces (or takes back) that this side sleeps. Partner: ClientChannel.wake. */
  setSleeping(sleeping: boolean): void {
    Atomics.store(this.#words, PROVIDER_SLEEPS, sleeping ? 1 : 0);
  }

  /** Adds readiness bits of a handle; they coalesce until the client takes them. */
  post(handle: number, events: number): void {
    const index = handle % HANDLES_PER_CHANNEL_MAX;
    Atomics.or(this.#words, (EVENTS >> 2) + index, events);
    Atomics.store(this.#words, EVENTS_PENDING, 1);
    this.wake();
  }

  /** True when `offset` and `length` lie within the arena. */
  inArena(offset: number, length: number): boolean {
    return offset + length <= this.arena.byteLength;
  }
}
