/** ICMP messages (RFC 792): echo, and errors with what they quote. */

import { checksumOf, sumOf } from "./checksum.js";
import { IPV4_BYTES, newFrame, PAYLOAD_AT } from "./ipv4.js";
import { get8, get16, put16, wire } from "./wire.js";

/** All messages begin so; an echo has two numbers, "packet too long" has the MTU last. */
const ICMP = wire("Icmp", 8, {
  type: [0, 1],
  code: [1, 1],
  checksum: [2, 2],
  identifier: [4, 2],
  sequence: [6, 2], // of an echo; the MTU of the next hop (RFC 1191 §4)
});

export const ICMP_TYPE = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  ECHO: 8,
  TIME_EXCEEDED: 11,
  PARAMETER: 12,
} as const;
/** Codes of "unreachable" that are treated in their own way. */
export const UNREACHABLE = { NET: 0, HOST: 1, PROTOCOL: 2, PORT: 3, TOO_LONG: 4 } as const;
/** Code of "time exceeded" while fragments are put together. */
export const REASSEMBLY_TIME = 1;
/**
 * RFC 792: an error quotes the header and eight bytes; RFC 1812 §4.3.2.3 allows up to 576 in all.
 */
const QUOTED_BYTES = 576 - IPV4_BYTES - ICMP.SIZE;

export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  readonly identifier: number;
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** Decodes a message; undefined when it is too short or its checksum is wrong. */
export function parseIcmp(bytes: Uint8Array): IcmpMessage | undefined {
  if (bytes.length < ICMP.SIZE || checksumOf(sumOf(bytes, 0, bytes.length)) !== 0) {
    return undefined;
  }
  return {
    type: get8(bytes, ICMP.type),
    code: get8(bytes, ICMP.code),
    identifier: get16(bytes, ICMP.identifier),
    sequence: get16(bytes, ICMP.sequence),
    body: bytes.subarray(ICMP.SIZE),
  };
}

/** Whether a message tells of an error: such are never answered with another (RFC 1122 §3.2.2). */
export function isIcmpError(bytes: Uint8Array): boolean {
  const type = get8(bytes, ICMP.type);
  return type !== ICMP_TYPE.ECHO && type !== ICMP_TYPE.ECHO_REPLY;
}

/** What users of echoes write and read: the number, low byte first, then the data. */
const ECHO_DATA = wire("EchoData", 2, { low: [0, 1], high: [1, 1] });

export function joinEcho(sequence: number, body: Uint8Array): Uint8Array {
  const data = new Uint8Array(ECHO_DATA.SIZE + body.length);
  data[ECHO_DATA.low] = sequence;
  data[ECHO_DATA.high] = sequence >>> 8;
  data.set(body, ECHO_DATA.SIZE);
  return data;
}

/** The inverse of `joinEcho`; undefined when there is no number. */
export function splitEcho(data: Uint8Array): { sequence: number; body: Uint8Array } | undefined {
  if (data.length < ECHO_DATA.SIZE) return undefined;
  const sequence = get8(data, ECHO_DATA.low) | (get8(data, ECHO_DATA.high) << 8);
  return { sequence, body: data.subarray(ECHO_DATA.SIZE) };
}

/** The identifier of an echo that an error quotes. */
export function quotedIdentifier(bytes: Uint8Array): number {
  return get16(bytes, ICMP.identifier);
}

/** A frame with a message, IP header not yet written. */
export function encodeIcmp(message: IcmpMessage): Uint8Array {
  const frame = newFrame(ICMP.SIZE + message.body.length);
  const at = PAYLOAD_AT;
  frame[at + ICMP.type] = message.type;
  frame[at + ICMP.code] = message.code;
  put16(frame, at + ICMP.identifier, message.identifier);
  put16(frame, at + ICMP.sequence, message.sequence);
  frame.set(message.body, at + ICMP.SIZE);
  put16(frame, at + ICMP.checksum, checksumOf(sumOf(frame, at, frame.length)));
  return frame;
}

/** An error about a packet, which it quotes. */
export function encodeIcmpError(type: number, code: number, quoted: Uint8Array): Uint8Array {
  const body = quoted.subarray(0, QUOTED_BYTES);
  return encodeIcmp({ type, code, identifier: 0, sequence: 0, body });
}
