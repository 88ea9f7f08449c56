/**
 * Initial sequence numbers (RFC 6528), the start of a connection's timestamps (RFC 7323 §5.4) and
 * SYN cookies (RFC 4987 §3.6): keyed hashes of the four numbers that name a connection, so that who
 * can't read our segments can't guess them.
 */

import { createHmac } from "node:crypto";
import type { Endpoint } from "../address.js";
import { get32, put16, put32, wire } from "../wire.js";

/** Both ends of a connection, as seen from here. */
export interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** What is hashed. */
const INPUT = wire("HashInput", 22, {
  label: [0, 1],
  reserved: [1, 1],
  localAddress: [2, 4],
  remoteAddress: [6, 4],
  localPort: [10, 2],
  remotePort: [12, 2],
  sequence: [14, 4],
  stamp: [18, 4],
});

/** What is taken of the digest. */
const DIGEST = wire("Digest", 8, { sequence: [0, 4], time: [4, 4] });

const LABEL = { SEQUENCE: 0, COOKIE: 1 };
/** RFC 9293 §3.4.1: the number moves on once in 4 µs. */
const TICKS_PER_MS = 250;

/** A keyed hash of a connection's name. */
export class SequenceSecret {
  readonly #key: Uint8Array;

  /** @param key - secret bytes, other ones at each start */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** The first sequence number, and where timestamps begin. */
  initial(ends: Ends, nowMs: number): { sequence: number; timeOffset: number } {
    const digest = this.#hash(ends, LABEL.SEQUENCE, { sequence: 0, stamp: 0 });
    const sequence = get32(digest, DIGEST.sequence) + Math.floor(nowMs * TICKS_PER_MS);
    return { sequence: sequence % 2 ** 32, timeOffset: get32(digest, DIGEST.time) };
  }

  /**
   * 24 bits that nobody else can compute, for a peer's SYN and what the cookie says in the clear.
   */
  cookie(ends: Ends, { sequence, stamp }: { sequence: number; stamp: number }): number {
    return get32(this.#hash(ends, LABEL.COOKIE, { sequence, stamp }), DIGEST.sequence) >>> 8;
  }

  #hash({ local, remote }: Ends, label: number, more: { sequence: number; stamp: number }) {
    const input = new Uint8Array(INPUT.SIZE);
    input[INPUT.label] = label;
    put32(input, INPUT.localAddress, local.address);
    put32(input, INPUT.remoteAddress, remote.address);
    put16(input, INPUT.localPort, local.port);
    put16(input, INPUT.remotePort, remote.port);
    put32(input, INPUT.sequence, more.sequence);
    put32(input, INPUT.stamp, more.stamp);
    return createHmac("sha256", this.#key).update(input).digest();
  }
}
