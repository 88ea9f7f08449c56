/**
 * Puts fragments together (RFC 791 §3.2, RFC 815). Bounded in datagrams, bytes, pieces and time;
 * the oldest datagram gives way. One whose fragments overlap is thrown away, since only an attack
 * or a fault makes such (RFC 5722 says so for IPv6; RFC 1858 and 3128 tell what it is good for).
 */

import type { Packet } from "./ipv4.js";
import {
  FRAGMENTS_MAX,
  REASSEMBLIES_MAX,
  REASSEMBLY_BYTES_MAX,
  REASSEMBLY_MS_MAX,
} from "./limits.js";

interface Partial {
  pieces: { start: number; bytes: Uint8Array }[];
  bytes: number;
  /** Length of the whole, once the last fragment came. */
  total: number | undefined;
  readonly deadlineMs: number;
  /** What an ICMP error would quote, once the first fragment came. */
  first: Packet | undefined;
}

const UNIT = 8;

/** See the head of the file. */
export class Reassembly {
  /** In the order in which they began, which is that of their deadlines. */
  readonly #partials = new Map<string, Partial>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get deadlineMs(): number {
    for (const { deadlineMs } of this.#partials.values()) return deadlineMs;
    return Number.POSITIVE_INFINITY;
  }

  /** Takes a fragment; answers the whole packet when nothing is missing any more. */
  arrive(fragment: Packet, nowMs: number): Packet | undefined {
    const { source, destination, protocol, identification, offset, more, payload } = fragment;
    if (more && (payload.length === 0 || payload.length % UNIT !== 0)) return undefined;
    const key = `${source}:${destination}:${protocol}:${identification}`;
    const partial = this.#partials.get(key) ?? this.#begin(key, nowMs);
    if (!this.#add(partial, { start: offset, bytes: payload, more })) {
      this.#drop(key);
      return undefined;
    }
    if (offset === 0) partial.first = { ...fragment, bytes: fragment.bytes.slice() };
    if (partial.bytes !== partial.total) {
      this.#makeRoom();
      return undefined;
    }
    this.#drop(key);
    const whole = new Uint8Array(partial.total);
    for (const { start, bytes } of partial.pieces) whole.set(bytes, start);
    const quoted = partial.first?.bytes ?? fragment.bytes;
    return { ...fragment, offset: 0, more: false, payload: whole, bytes: quoted };
  }

  /**
   * Gives up what took too long; answers the first fragments (RFC 1122 §3.3.2 tells the sender).
   */
  tick(nowMs: number): Packet[] {
    const late: Packet[] = [];
    for (const [key, { deadlineMs, first }] of this.#partials) {
      if (deadlineMs > nowMs) break;
      this.#drop(key);
      if (first !== undefined) late.push(first);
    }
    return late;
  }

  #begin(key: string, nowMs: number): Partial {
    const [oldest] = this.#partials.keys();
    if (this.#partials.size >= REASSEMBLIES_MAX && oldest !== undefined) this.#drop(oldest);
    const partial: Partial = {
      pieces: [],
      bytes: 0,
      total: undefined,
      deadlineMs: nowMs + REASSEMBLY_MS_MAX,
      first: undefined,
    };
    this.#partials.set(key, partial);
    return partial;
  }

  /** False when the fragment contradicts the others. */
  #add(partial: Partial, piece: { start: number; bytes: Uint8Array; more: boolean }): boolean {
    const { start, bytes, more } = piece;
    const end = start + bytes.length;
    const { pieces, total } = partial;
    const twice = pieces.some((one) => one.start === start && one.bytes.length === bytes.length);
    if (twice) return more || total === end;
    const overlaps = pieces.some((one) => start < one.start + one.bytes.length && one.start < end);
    if (overlaps || pieces.length >= FRAGMENTS_MAX) return false;
    if (total !== undefined && (end > total || !more)) return false;
    if (!more) {
      if (pieces.some((one) => one.start + one.bytes.length > end)) return false;
      partial.total = end;
    }
    // A copy: what came is a view of a whole frame.
    pieces.push({ start, bytes: bytes.slice() });
    partial.bytes += bytes.length;
    this.#bytes += bytes.length;
    return true;
  }

  #makeRoom(): void {
    for (const key of this.#partials.keys()) {
      if (this.#bytes <= REASSEMBLY_BYTES_MAX) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.#bytes -= this.#partials.get(key)?.bytes ?? 0;
    this.#partials.delete(key);
  }
}
