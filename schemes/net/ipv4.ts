/**
 * IPv4 packets (RFC 791): checked and taken apart, put together and cut into fragments. Options are
 * skipped; we send none. A packet is written into a frame that has room for the headers before it,
 * so that nothing is copied on its way down.
 */

import { isMulticast } from "./address.js";
import { checksumOf, sumOf } from "./checksum.js";
import { ETHERNET_BYTES } from "./ethernet.js";
import { get8, get16, get32, put16, put32, wire } from "./wire.js";

const IPV4 = wire("Ipv4", 20, {
  versionAndLength: [0, 1], // 4, and the header's words
  service: [1, 1],
  totalLength: [2, 2],
  identification: [4, 2], //   the same in all fragments of a packet
  fragment: [6, 2], //         flags, and where the fragment belongs in units of 8 bytes
  timeToLive: [8, 1],
  protocol: [9, 1],
  checksum: [10, 2], //        of the header
  source: [12, 4],
  destination: [16, 4],
});

export const IPV4_BYTES = IPV4.SIZE;
/** Where the payload of a packet begins in a frame that we send. */
export const PAYLOAD_AT = ETHERNET_BYTES + IPV4.SIZE;
/** The longest packet. */
export const PACKET_BYTES_MAX = 0xffff;
const VERSION = 4;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;
const OFFSET_UNIT = 8;
/** RFC 1122 §3.2.1.7 asks for a default; this is IANA's. */
const TIME_TO_LIVE = 64;

/** A packet that came, or a fragment of one. The parts are views. */
export interface Packet {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly identification: number;
  /** Where the payload belongs, in bytes; 0 in a whole packet. */
  readonly offset: number;
  readonly more: boolean;
  readonly payload: Uint8Array;
  /** Header and payload: what an ICMP error quotes. */
  readonly bytes: Uint8Array;
}

/** Takes a packet apart; undefined when version, a length, the checksum or the source is wrong. */
export function parsePacket(bytes: Uint8Array): Packet | undefined {
  const header = headerBytes(bytes);
  if (header === undefined) return undefined;
  const total = get16(bytes, IPV4.totalLength);
  if (total < header || total > bytes.length) return undefined;
  if (checksumOf(sumOf(bytes, 0, header)) !== 0) return undefined;
  const packet = fieldsOf(bytes.subarray(0, total), header);
  if (isMulticast(packet.source) || packet.source >>> 28 === 0xf) return undefined;
  // Beyond the longest packet: the reassembled one would not fit (the "ping of death").
  if (packet.offset + packet.payload.length > PACKET_BYTES_MAX - header) return undefined;
  return packet;
}

/** Takes apart the beginning of a packet that an ICMP error quotes; the rest may be missing. */
export function parseQuoted(bytes: Uint8Array): Packet | undefined {
  const header = headerBytes(bytes);
  return header === undefined ? undefined : fieldsOf(bytes, header);
}

function headerBytes(bytes: Uint8Array): number | undefined {
  if (bytes.length < IPV4.SIZE) return undefined;
  const first = get8(bytes, IPV4.versionAndLength);
  const header = (first & 0xf) * 4;
  return first >>> 4 === VERSION && header >= IPV4.SIZE && header <= bytes.length
    ? header
    : undefined;
}

function fieldsOf(bytes: Uint8Array, header: number): Packet {
  const fragment = get16(bytes, IPV4.fragment);
  return {
    source: get32(bytes, IPV4.source),
    destination: get32(bytes, IPV4.destination),
    protocol: get8(bytes, IPV4.protocol),
    identification: get16(bytes, IPV4.identification),
    offset: (fragment & OFFSET_MASK) * OFFSET_UNIT,
    more: (fragment & MORE_FRAGMENTS) !== 0,
    payload: bytes.subarray(header),
    bytes,
  };
}

/** A frame with room for a payload of `length` bytes at `PAYLOAD_AT`. */
export function newFrame(length: number): Uint8Array {
  return new Uint8Array(PAYLOAD_AT + length);
}

/** What a packet says besides its payload. */
export interface PacketHeader {
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly identification: number;
  readonly dontFragment: boolean;
  readonly timeToLive?: number;
}

/** Writes the header before the payload of a frame. */
export function putPacket(
  frame: Uint8Array,
  header: PacketHeader,
  { offset, more } = { offset: 0, more: false },
): void {
  const at = ETHERNET_BYTES;
  frame[at + IPV4.versionAndLength] = (VERSION << 4) | (IPV4.SIZE / 4);
  put16(frame, at + IPV4.totalLength, frame.length - at);
  put16(frame, at + IPV4.identification, header.identification);
  const flags = (header.dontFragment ? DONT_FRAGMENT : 0) | (more ? MORE_FRAGMENTS : 0);
  put16(frame, at + IPV4.fragment, flags | (offset / OFFSET_UNIT));
  frame[at + IPV4.timeToLive] = header.timeToLive ?? TIME_TO_LIVE;
  frame[at + IPV4.protocol] = header.protocol;
  put16(frame, at + IPV4.checksum, 0);
  put32(frame, at + IPV4.source, header.source);
  put32(frame, at + IPV4.destination, header.destination);
  put16(frame, at + IPV4.checksum, checksumOf(sumOf(frame, at, at + IPV4.SIZE)));
}

/** Cuts a frame whose packet is longer than `mtu` into fragments, headers written. */
export function fragment(frame: Uint8Array, header: PacketHeader, mtu: number): Uint8Array[] {
  const room = Math.floor((mtu - IPV4.SIZE) / OFFSET_UNIT) * OFFSET_UNIT;
  const payload = frame.subarray(PAYLOAD_AT);
  const frames: Uint8Array[] = [];
  for (let offset = 0; offset < payload.length; offset += room) {
    const piece = payload.subarray(offset, offset + room);
    const part = newFrame(piece.length);
    part.set(piece, PAYLOAD_AT);
    putPacket(part, header, { offset, more: offset + piece.length < payload.length });
    frames.push(part);
  }
  return frames;
}
