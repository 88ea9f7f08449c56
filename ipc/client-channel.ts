/**
 * The client's end of a channel: publishes requests, collects completions, owns the arena's book
 * and the table of requests in flight. The table is private; what the ring says is a stranger's
 * hint: a completion counts only if its tag names a slot in flight, with the right generation.
 */

import { ArenaBook } from "./arena.js";
import { ballast } from "./ballast.js";
import type { Doorbell } from "./doorbell.js";
import { RING_SLOTS } from "./limits.js";
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
  RESUMED,
  SLOT_MASK,
  SQ_HEAD,
  SQ_TAIL,
  SQES,
} from "./ring-block.js";
import { CQE, emptySqe, SQE, type Sqe, writeSqe } from "./sqe.js";

const SLOT_BITS = Math.log2(RING_SLOTS);

/** What the channel needs to know of a request that it carries. */
export interface Flight {
  /** Called once, when a valid completion arrived. The payload is still in the arena. */
  landed(result: number, flags: number): void;
  /** Payload extent; `arenaLength` 0 when there is none. */
  arenaOffset: number;
  arenaLength: number;
  /** Position in the submission ring, set when published. */
  sqIndex: number;
  tag: number;
}

/** What `submit` found: published, or a reason to wait. */
export type Submitted = "published" | "full";

/** One channel, seen by its client. */
export class ClientChannel {
  readonly arena: Uint8Array;
  readonly book: ArenaBook;
  /** Has the collector of this thread count the arena. */
  readonly weight: object;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #peer: Doorbell;
  readonly #flights: (Flight | undefined)[] = new Array(RING_SLOTS).fill(undefined);
  readonly #generations = new Uint32Array(RING_SLOTS);
  readonly #freeSlots: number[] = [];
  readonly #sqe: Sqe = emptySqe();
  #sqTail = 0;
  #cqHead = 0;
  /** True once the peer broke the protocol or the kernel closed the channel. */
  broken = false;
  /** Completions that named no request in flight. */
  strays = 0;
  /** Whether the last submission found the provider asleep and woke it. */
  wokePeer = false;

  /**
   * @param start - first index, as the memory's index words have it; tests begin before the wrap
   */
  constructor(memory: ChannelMemory, peer: Doorbell, start = 0) {
    this.weight = ballast(memory.arena.byteLength);
    this.#sqTail = start | 0;
    this.#cqHead = start | 0;
    this.#words = new Int32Array(memory.ring);
    this.#doubles = new Float64Array(memory.ring);
    this.arena = new Uint8Array(memory.arena);
    this.book = new ArenaBook(memory.arena.byteLength);
    this.#peer = peer;
    for (let slot = RING_SLOTS - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
  }

  /** Requests in flight, abandoned ones included. */
  get inFlight(): number {
    return RING_SLOTS - this.#freeSlots.length;
  }

  /** The entry to fill before `submit`; `tag` is the channel's own. */
  get sqe(): Sqe {
    return this.#sqe;
  }

  /** Publishes `sqe` for `flight`. Full: nothing happened. Partner: ProviderChannel.next. */
  submit(flight: Flight): Submitted {
    const slot = this.#freeSlots.pop();
    if (slot === undefined) return "full";
    if (!this.#hasSpace()) {
      this.#freeSlots.push(slot);
      return "full";
    }
    const generation = ((this.#generations[slot] as number) + 1) >>> 0;
    this.#generations[slot] = generation;
    flight.tag = slot | (generation << SLOT_BITS) | 0;
    this.#flights[slot] = flight;
    this.#sqe.tag = flight.tag;
    flight.sqIndex = this.#sqTail;
    this.#publish();
    return "published";
  }

  /** Notes that RESUME was sent: a hint for the kernel, should the provider die again. */
  noteResumed(): void {
    Atomics.store(this.#words, RESUMED, 1);
  }

  /** Publishes `sqe` as a one-way message. False: the ring is full. */
  submitOneWay(): boolean {
    if (!this.#hasSpace()) return false;
    this.#sqe.tag = 0;
    this.#publish();
    return true;
  }

  #hasSpace(): boolean {
    // Written by the provider: a wild value closes the channel, never the process.
    const used = (this.#sqTail - Atomics.load(this.#words, SQ_HEAD)) | 0;
    if (used < 0 || used > RING_SLOTS) this.broken = true;
    return used < RING_SLOTS && !this.broken;
  }

  #publish(): void {
    const at = SQES + (this.#sqTail & SLOT_MASK) * SQE.SIZE;
    writeSqe(this.#words, this.#doubles, at, this.#sqe);
    this.#sqTail = (this.#sqTail + 1) | 0;
    // Partner: ProviderChannel.next loads the tail, then copies the entry.
    Atomics.store(this.#words, SQ_TAIL, this.#sqTail);
    this.wokePeer = this.wake();
  }

  /** Wakes the provider if it sleeps. Partner: ProviderChannel.setSleeping. */
  wake(): boolean {
    if (Atomics.load(this.#words, PROVIDER_SLEEPS) === 0) return false;
    if (Atomics.exchange(this.#words, PROVIDER_SLEEPS, 0) === 0) return false;
    this.#peer.ring();
    return true;
  }

  /**
   * A hint that completions or events wait, for polling: plain loads cost a tenth of atomic ones,
   * and a value that is not fresh only delays. The last look before a sleep is `waits`.
   */
  ready(): boolean {
    if (this.broken) return false;
    return this.#words[CQ_TAIL] !== this.#cqHead || this.#words[EVENTS_PENDING] !== 0;
  }

  /** True when completions or events wait. Partner: ProviderChannel.complete, post. */
  waits(): boolean {
    // A broken channel has nothing to say: its owner must not poll it for ever.
    if (this.broken) return false;
    return (
      Atomics.load(this.#words, CQ_TAIL) !== this.#cqHead ||
      Atomics.load(this.#words, EVENTS_PENDING) !== 0
    );
  }

  /** True once the kernel has closed the channel. */
  get closed(): boolean {
    return Atomics.load(this.#words, CLOSED) !== 0;
  }

  /** Announces (or takes back) that this side sleeps. Partner: ProviderChannel.complete. */
  setSleeping(sleeping: boolean): void {
    Atomics.store(this.#words, CLIENT_SLEEPS, sleeping ? 1 : 0);
  }

  /**
   * Lands every completion that is there. Returns how many; marks the channel broken on a wild
   * index.
   */
  poll(): number {
    const tail = Atomics.load(this.#words, CQ_TAIL);
    const count = (tail - this.#cqHead) | 0;
    if (count === 0 || this.broken) return 0;
    if (count < 0 || count > RING_SLOTS) {
      this.broken = true;
      return 0;
    }
    for (let i = 0; i < count; i++) {
      const at = CQES + (this.#cqHead & SLOT_MASK) * CQE.SIZE;
      const tag = this.#words[(at >> 2) + CQE.tag.word] as number;
      const flags = this.#words[(at >> 2) + CQE.flags.word] as number;
      const result = this.#doubles[(at >> 3) + CQE.result.double] as number;
      this.#cqHead = (this.#cqHead + 1) | 0;
      Atomics.store(this.#words, CQ_HEAD, this.#cqHead);
      this.#land(tag, result, flags);
    }
    return count;
  }

  #land(tag: number, result: number, flags: number): void {
    const flight = this.#flights[tag & SLOT_MASK];
    if (flight === undefined || flight.tag !== tag || !Number.isSafeInteger(result)) {
      this.strays++;
      return;
    }
    const slot = tag & SLOT_MASK;
    this.#flights[slot] = undefined;
    flight.landed(result, flags);
    this.#freeSlots.push(slot);
    if (flight.arenaLength > 0) this.book.free(flight.arenaOffset, flight.arenaLength);
  }

  /**
   * Puts another flight in the place of one that its caller gave up: slot and extent stay taken
   * until the late completion arrives.
   */
  abandon(flight: Flight, successor: Flight): void {
    successor.tag = flight.tag;
    successor.sqIndex = flight.sqIndex;
    successor.arenaOffset = flight.arenaOffset;
    successor.arenaLength = flight.arenaLength;
    this.#flights[flight.tag & SLOT_MASK] = successor;
  }

  /** Requests in flight in the order in which they were submitted. */
  flights(): Flight[] {
    const list = this.#flights.filter((flight) => flight !== undefined);
    return list.sort((a, b) => (a.sqIndex - b.sqIndex) | 0);
  }

  /**
   * True when the provider took the request out of the ring. Meaningful only after the provider's
   * exit: a zombie can still take one.
   */
  wasDequeued(flight: Flight): boolean {
    return ((flight.sqIndex - Atomics.load(this.#words, SQ_HEAD)) | 0) < 0;
  }

  /** True when nothing after this request was taken. Meaningful only after the provider's exit. */
  wasLastDequeued(flight: Flight): boolean {
    return ((flight.sqIndex + 1 - Atomics.load(this.#words, SQ_HEAD)) | 0) === 0;
  }

  /** Takes the readiness bits of all handles that have any. Partner: ProviderChannel.post. */
  takeEvents(each: (index: number, events: number) => void): number {
    if (Atomics.load(this.#words, EVENTS_PENDING) === 0) return 0;
    Atomics.store(this.#words, EVENTS_PENDING, 0);
    let taken = 0;
    const base = EVENTS >> 2;
    for (let word = base; word < this.#words.length; word++) {
      if (this.#words[word] === 0) continue;
      const events = Atomics.exchange(this.#words, word, 0);
      if (events === 0) continue;
      taken++;
      each(word - base, events);
    }
    return taken;
  }
}
