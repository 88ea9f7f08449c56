/**
 * SYN cookies (RFC 4987 §3.6): when a listener has no room to remember a handshake, the peer
 * carries it. The sequence number says when it was made, the peer's MSS, and a hash that only we
 * can make; scale and SACK ride in the low bits of the timestamp.
 */

import type { Ends, SequenceSecret } from "./initial-sequence.js";
import type { TcpOptions } from "./options.js";
import type { Segment } from "./segment.js";
import { advance } from "./sequence.js";

/** What a cookie can say of the MSS: the largest of these that the peer takes. */
const MSS_TABLE = [216, 536, 1220, 1300, 1400, 1440, 1460, 8960];
/** A cookie is valid in the period in which it was made and in the next. */
const PERIOD_MS = 64_000;
const PERIOD_BITS = 5;
const MSS_BITS = 3;
const HASH_BITS = 24;
/** In the timestamp: a scale, 15 for none, and whether SACK is permitted. */
const SCALE_NONE = 15;
const SACK_BIT = 16;
const TIME_BITS = 32;
/** RFC 9293 §3.7.1. */
const MSS_UNSAID = 536;

const mask = (bits: number): number => 2 ** bits - 1;

/** The sequence number that carries a SYN. */
export function makeCookie(
  secret: SequenceSecret,
  ends: Ends,
  { syn, nowMs }: { syn: Segment; nowMs: number },
): number {
  const period = Math.floor(nowMs / PERIOD_MS);
  const offered = syn.options.mss ?? MSS_UNSAID;
  const index = Math.max(
    0,
    MSS_TABLE.findLastIndex((mss) => mss <= offered),
  );
  return compose(secret, ends, { period, index, sequence: syn.sequence });
}

interface Contents {
  period: number;
  index: number;
  sequence: number;
}

function compose(secret: SequenceSecret, ends: Ends, contents: Contents): number {
  const { period, index, sequence } = contents;
  const hash = secret.cookie(ends, { sequence, stamp: period * 2 ** MSS_BITS + index });
  const clear = (period & mask(PERIOD_BITS)) * 2 ** MSS_BITS + index;
  return clear * 2 ** HASH_BITS + hash;
}

/**
 * Reads back what a cookie says, from the segment that acknowledges it; undefined if it is none.
 */
export function readCookie(
  secret: SequenceSecret,
  ends: Ends,
  { ack, nowMs }: { ack: Segment; nowMs: number },
): { sequence: number; syn: Segment } | undefined {
  const cookie = advance(ack.acknowledgment, -1);
  const now = Math.floor(nowMs / PERIOD_MS);
  const age = (now - (cookie >>> (HASH_BITS + MSS_BITS))) & mask(PERIOD_BITS);
  if (age > 1) return undefined;
  const index = (cookie >>> HASH_BITS) & mask(MSS_BITS);
  const sequence = advance(ack.sequence, -1);
  if (compose(secret, ends, { period: now - age, index, sequence }) !== cookie) return undefined;
  const options: TcpOptions = { mss: MSS_TABLE[index] as number, ...fromTimestamp(ack) };
  return { sequence: cookie, syn: { ...ack, sequence, options } };
}

/** A timestamp not after `time` that carries the options of a SYN. */
export function cookieTimestamp(time: number, options: TcpOptions): number {
  const bits = (options.windowScale ?? SCALE_NONE) | (options.sackPermitted ? SACK_BIT : 0);
  const size = 2 * SACK_BIT;
  const stamp = time - (time % size) + bits;
  return (stamp > time ? stamp - size + 2 ** TIME_BITS : stamp) % 2 ** TIME_BITS;
}

function fromTimestamp({ options: { timestamp } }: Segment): TcpOptions {
  if (timestamp === undefined) return {};
  const scale = timestamp.echo & SCALE_NONE;
  return {
    timestamp,
    ...(scale === SCALE_NONE ? {} : { windowScale: scale }),
    ...((timestamp.echo & SACK_BIT) !== 0 ? { sackPermitted: true } : {}),
  };
}
