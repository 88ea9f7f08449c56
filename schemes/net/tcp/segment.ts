/**
 * A TCP segment, as bytes and as a record (RFC 9293 §3.1). The urgent pointer is not decoded:
 * urgent data is data (RFC 6093 §4 asks applications not to use more of it). Decoding never throws.
 */

import { checksumOf, pseudoHeaderSum, sumOf } from "../checksum.js";
import { IP_PROTOCOL } from "../ip-protocol.js";
import { get8, get16, get32, put16, put32, wire } from "../wire.js";
import { encodeOptions, optionBytes, parseOptions, type TcpOptions } from "./options.js";

/** The header without options. */
const TCP = wire("Tcp", 20, {
  sourcePort: [0, 2],
  destinationPort: [2, 2],
  sequence: [4, 4], //       of the first byte of data, or of the SYN
  acknowledgment: [8, 4], // the next byte that is expected, with ACK
  dataOffset: [12, 1], //    length of the header in words, in the high four bits
  flags: [13, 1],
  window: [14, 2], //        bytes beyond the acknowledgment that are welcome, scaled
  checksum: [16, 2],
  urgent: [18, 2],
});

/** The most options that the data offset can say. */
export const TCP_OPTION_BYTES_MAX = 40;

/** Control bits. */
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/** One segment. Ports are those of the wire: `sourcePort` is the sender's. */
export interface Segment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly flags: number;
  /** As on the wire, unscaled. */
  readonly window: number;
  readonly options: TcpOptions;
  readonly payload: Uint8Array;
}

/** Sequence numbers that a segment takes: its data, a SYN, a FIN. */
export function sequenceLength({ flags, payload }: Segment): number {
  return payload.length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
}

/** Addresses that the checksum covers. */
export interface Addresses {
  readonly source: number;
  readonly destination: number;
}

/** Decodes a segment; undefined when a length or the checksum is wrong. The payload is a view. */
export function parseSegment(bytes: Uint8Array, addresses: Addresses): Segment | undefined {
  if (bytes.length < TCP.SIZE) return undefined;
  const start = (get8(bytes, TCP.dataOffset) >>> 4) * 4;
  if (start < TCP.SIZE || start > bytes.length) return undefined;
  if (checksumOf(sumOf(bytes, 0, bytes.length, pseudo(addresses, bytes.length))) !== 0) {
    return undefined;
  }
  return {
    sourcePort: get16(bytes, TCP.sourcePort),
    destinationPort: get16(bytes, TCP.destinationPort),
    sequence: get32(bytes, TCP.sequence),
    acknowledgment: get32(bytes, TCP.acknowledgment),
    flags: get8(bytes, TCP.flags),
    window: get16(bytes, TCP.window),
    options: parseOptions(bytes.subarray(TCP.SIZE, start)),
    payload: bytes.subarray(start),
  };
}

/** What an ICMP error quotes of a segment: its first eight bytes (RFC 792). */
export function parseQuotedSegment(
  bytes: Uint8Array,
): { sourcePort: number; destinationPort: number; sequence: number } | undefined {
  if (bytes.length < TCP.acknowledgment) return undefined;
  return {
    sourcePort: get16(bytes, TCP.sourcePort),
    destinationPort: get16(bytes, TCP.destinationPort),
    sequence: get32(bytes, TCP.sequence),
  };
}

export function segmentBytes(segment: Segment): number {
  return TCP.SIZE + optionBytes(segment.options) + segment.payload.length;
}

/** Writes a segment with its checksum to the end of `packet`, from `at` on. */
export function encodeSegment(
  segment: Segment,
  addresses: Addresses,
  { packet, at }: { packet: Uint8Array; at: number },
): void {
  const options = optionBytes(segment.options);
  put16(packet, at + TCP.sourcePort, segment.sourcePort);
  put16(packet, at + TCP.destinationPort, segment.destinationPort);
  put32(packet, at + TCP.sequence, segment.sequence);
  put32(packet, at + TCP.acknowledgment, segment.acknowledgment);
  packet[at + TCP.dataOffset] = ((TCP.SIZE + options) / 4) << 4;
  packet[at + TCP.flags] = segment.flags;
  put16(packet, at + TCP.window, segment.window);
  encodeOptions(segment.options, packet, at + TCP.SIZE);
  packet.set(segment.payload, at + TCP.SIZE + options);
  const sum = sumOf(packet, at, packet.length, pseudo(addresses, packet.length - at));
  put16(packet, at + TCP.checksum, checksumOf(sum));
}

function pseudo({ source, destination }: Addresses, length: number): number {
  return pseudoHeaderSum(source, destination, { protocol: IP_PROTOCOL.TCP, length });
}
