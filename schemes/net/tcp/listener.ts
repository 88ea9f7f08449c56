/**
 * A listening port: handshakes that others began (RFC 9293 §3.10.7.2), in as little memory as they
 * need until they are over, then connections that wait to be accepted. Both queues are bounded;
 * when the first is full, cookies take its place.
 */

import type { Endpoint } from "../address.js";
import { SYN_ACK_TRIES_MAX, SYN_BACKLOG_MAX } from "../limits.js";
import type { Connection } from "./connection.js";
import { cookieTimestamp, makeCookie, readCookie } from "./cookie.js";
import type { Ends, SequenceSecret } from "./initial-sequence.js";
import { scaleFor } from "./output.js";
import { ACK, type Segment, SYN } from "./segment.js";
import { advance, distance } from "./sequence.js";
import { HEADERS_BYTES, type TcpSettings } from "./settings.js";

const WINDOW_MAX = 0xffff;
/** RFC 6298 §2.1. */
const RETRY_MS_FIRST = 1000;
/** For so long after the last cookie, acknowledgments are tried as cookies. */
const COOKIE_MS = 128_000;

/** A handshake that has our SYN and ACK and lacks theirs. */
export interface HalfOpen {
  readonly ends: Ends;
  readonly syn: Segment;
  /** Our initial number and the start of our timestamps. */
  readonly sequence: number;
  readonly timeOffset: number;
  tries: number;
  atMs: number;
}

/** What a listener needs of its layer. */
export interface ListenerParts {
  readonly local: Endpoint;
  readonly settings: TcpSettings;
  readonly secret: SequenceSecret;
  readonly acceptMax: number;
  /** Largest packet to this peer. */
  mtu(remote: number): number;
  send(segment: Segment, ends: Ends): void;
}

/** See the head of the file. */
export class Listener {
  readonly parts: ListenerParts;
  readonly accepted: Connection[] = [];
  readonly #halfOpen = new Map<string, HalfOpen>();
  #cookieMs = Number.NEGATIVE_INFINITY;
  /** Called when there is a connection to accept. */
  changed: () => void = () => {};

  constructor(parts: ListenerParts) {
    this.parts = parts;
  }

  get halfOpenCount(): number {
    return this.#halfOpen.size;
  }

  get full(): boolean {
    return this.accepted.length >= this.parts.acceptMax;
  }

  get deadlineMs(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { atMs } of this.#halfOpen.values()) first = Math.min(first, atMs);
    return first;
  }

  /** A SYN came. When nobody accepts, it is dropped: the peer tries again. */
  arriveSyn(syn: Segment, { key, ends }: { key: string; ends: Ends }, nowMs: number): void {
    if (this.full) return;
    const known = this.#halfOpen.get(key);
    if (known !== undefined && known.syn.sequence === syn.sequence) {
      this.#answer(known, nowMs);
      return;
    }
    const { secret } = this.parts;
    const { sequence, timeOffset } = secret.initial(ends, nowMs);
    const kept = { ...syn, payload: new Uint8Array(0) };
    const halfOpen = { ends, syn: kept, sequence, timeOffset, tries: 0, atMs: 0 };
    if (known === undefined && this.#halfOpen.size >= SYN_BACKLOG_MAX) {
      this.#cookieMs = nowMs;
      halfOpen.sequence = makeCookie(secret, ends, { syn, nowMs });
      this.#send(halfOpen, nowMs, true);
      return;
    }
    halfOpen.atMs = nowMs + RETRY_MS_FIRST;
    this.#halfOpen.set(key, halfOpen);
    this.#answer(halfOpen, nowMs);
  }

  /**
   * An acknowledgment came that is no connection's. Answers the handshake that it completes;
   * "refused" when it deserves a reset, "dropped" when the peer should try again.
   */
  arriveAck(
    ack: Segment,
    { key, ends }: { key: string; ends: Ends },
    nowMs: number,
  ): HalfOpen | "refused" | "dropped" {
    const known = this.#halfOpen.get(key);
    if (known === undefined) return this.#fromCookie(ack, ends, nowMs);
    const gap = distance(advance(known.syn.sequence, 1), ack.sequence);
    if (gap < 0 || gap > WINDOW_MAX) return "dropped";
    if (ack.acknowledgment !== advance(known.sequence, 1)) return "refused";
    if (this.full) return "dropped";
    this.#halfOpen.delete(key);
    return known;
  }

  /** A reset came: it must name exactly the next number (RFC 5961 §3). */
  arriveReset({ sequence }: Segment, key: string): void {
    const known = this.#halfOpen.get(key);
    if (known !== undefined && sequence === advance(known.syn.sequence, 1)) {
      this.#halfOpen.delete(key);
    }
  }

  /** Answers again what was not acknowledged. */
  tick(nowMs: number): void {
    for (const [key, halfOpen] of this.#halfOpen) {
      if (halfOpen.atMs > nowMs) continue;
      if (halfOpen.tries > SYN_ACK_TRIES_MAX) {
        this.#halfOpen.delete(key);
        continue;
      }
      halfOpen.atMs = nowMs + RETRY_MS_FIRST * 2 ** halfOpen.tries;
      this.#answer(halfOpen, nowMs);
    }
  }

  /** Forgets all handshakes. */
  clear(): void {
    this.#halfOpen.clear();
  }

  #fromCookie(ack: Segment, ends: Ends, nowMs: number): HalfOpen | "refused" | "dropped" {
    if (nowMs - this.#cookieMs > COOKIE_MS) return "refused";
    const { secret } = this.parts;
    const read = readCookie(secret, ends, { ack, nowMs });
    if (read === undefined) return "refused";
    if (this.full) return "dropped";
    const { timeOffset } = secret.initial(ends, nowMs);
    return { ends, syn: read.syn, sequence: read.sequence, timeOffset, tries: 0, atMs: 0 };
  }

  #answer(halfOpen: HalfOpen, nowMs: number): void {
    halfOpen.tries += 1;
    this.#send(halfOpen, nowMs, false);
  }

  #send({ ends, syn, sequence, timeOffset }: HalfOpen, nowMs: number, cookie: boolean): void {
    const { settings } = this.parts;
    const { options } = syn;
    const time = advance(timeOffset, Math.floor(nowMs) % 2 ** 32);
    const timed = settings.timestamps && options.timestamp !== undefined;
    // Without timestamps a cookie has no room for these.
    const rich = timed || !cookie;
    const scaled = rich && settings.windowScaling && options.windowScale !== undefined;
    const sack = rich && settings.sack && options.sackPermitted === true;
    const value = cookie ? cookieTimestamp(time, { ...options }) : time;
    this.parts.send(
      {
        sourcePort: ends.local.port,
        destinationPort: ends.remote.port,
        sequence,
        acknowledgment: advance(syn.sequence, 1),
        flags: SYN | ACK,
        window: Math.min(WINDOW_MAX, settings.receiveBytesMax),
        options: {
          mss: this.parts.mtu(ends.remote.address) - HEADERS_BYTES,
          ...(scaled ? { windowScale: scaleFor(settings.receiveBytesMax) } : {}),
          ...(sack ? { sackPermitted: true } : {}),
          ...(timed ? { timestamp: { value, echo: options.timestamp?.value ?? 0 } } : {}),
        },
        payload: new Uint8Array(0),
      },
      ends,
    );
  }
}
