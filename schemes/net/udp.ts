/** UDP datagrams (RFC 768), checked and put together. */

import { checksumOf, pseudoHeaderSum, sumOf } from "./checksum.js";
import { IP_PROTOCOL } from "./ip-protocol.js";
import { IPV4_BYTES, newFrame, PACKET_BYTES_MAX, PAYLOAD_AT } from "./ipv4.js";
import { get16, put16, wire } from "./wire.js";

const UDP = wire("Udp", 8, {
  sourcePort: [0, 2],
  destinationPort: [2, 2],
  length: [4, 2], //   header and data
  checksum: [6, 2], // 0: none
});

/** The most that a datagram can carry. */
export const UDP_PAYLOAD_BYTES_MAX = PACKET_BYTES_MAX - IPV4_BYTES - UDP.SIZE;

export interface Datagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

interface Addresses {
  readonly source: number;
  readonly destination: number;
}

/** Decodes a datagram; undefined when the length or the checksum is wrong. */
export function parseUdp(bytes: Uint8Array, addresses: Addresses): Datagram | undefined {
  if (bytes.length < UDP.SIZE) return undefined;
  const length = get16(bytes, UDP.length);
  if (length < UDP.SIZE || length > bytes.length) return undefined;
  const checked = get16(bytes, UDP.checksum) !== 0;
  if (checked && checksumOf(sumOf(bytes, 0, length, pseudo(addresses, length))) !== 0) {
    return undefined;
  }
  return {
    sourcePort: get16(bytes, UDP.sourcePort),
    destinationPort: get16(bytes, UDP.destinationPort),
    payload: bytes.subarray(UDP.SIZE, length),
  };
}

/** Ports of a datagram that an ICMP error quotes. */
export function parseQuotedUdp(bytes: Uint8Array): Omit<Datagram, "payload"> | undefined {
  if (bytes.length < UDP.length) return undefined;
  const sourcePort = get16(bytes, UDP.sourcePort);
  return { sourcePort, destinationPort: get16(bytes, UDP.destinationPort) };
}

/** A frame with a datagram, IP header not yet written. */
export function encodeUdp(datagram: Datagram, addresses: Addresses): Uint8Array {
  const length = UDP.SIZE + datagram.payload.length;
  const frame = newFrame(length);
  const at = PAYLOAD_AT;
  put16(frame, at + UDP.sourcePort, datagram.sourcePort);
  put16(frame, at + UDP.destinationPort, datagram.destinationPort);
  put16(frame, at + UDP.length, length);
  frame.set(datagram.payload, at + UDP.SIZE);
  const checksum = checksumOf(sumOf(frame, at, frame.length, pseudo(addresses, length)));
  // 0 means "none", so a sum that comes out as 0 is sent as its other form.
  put16(frame, at + UDP.checksum, checksum === 0 ? 0xffff : checksum);
  return frame;
}

function pseudo({ source, destination }: Addresses, length: number): number {
  return pseudoHeaderSum(source, destination, { protocol: IP_PROTOCOL.UDP, length });
}
