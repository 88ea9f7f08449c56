/**
 * The Internet checksum (RFC 1071): the complement of the ones' complement sum of 16-bit words.
 * Sums are kept unfolded in a double, which is exact far beyond the largest packet.
 */

import { IP_PROTOCOL_WIDTH } from "./ip-protocol.js";
import { get16 } from "./wire.js";

/** Adds the words of `bytes` to a sum; an odd last byte counts as the high half of a word. */
export function sumOf(bytes: Uint8Array, start: number, end: number, sum = 0): number {
  let total = sum;
  const even = start + ((end - start) & ~1);
  for (let at = start; at < even; at += 2) total += get16(bytes, at);
  if (even < end) total += (bytes[even] ?? 0) << 8;
  return total;
}

/** The checksum of a sum: 0 when the sum included a correct checksum. */
export function checksumOf(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return ~folded & 0xffff;
}

/** The part of a TCP or UDP checksum that covers addresses, protocol and length (RFC 9293 §3.1). */
export function pseudoHeaderSum(
  source: number,
  destination: number,
  { protocol, length }: { protocol: number; length: number },
): number {
  const addresses =
    (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff);
  return addresses + (protocol & IP_PROTOCOL_WIDTH) + length;
}
