/** Ethernet frames (IEEE 802.3 with a type field, RFC 894): the header, and what goes before it. */

import { MAC_BYTES } from "./address.js";
import { get8, get16, put16, wire } from "./wire.js";

const ETHERNET = wire("Ethernet", 14, {
  destination: [0, 6],
  source: [6, 6],
  type: [12, 2], // of the payload
});

export const ETHERNET_BYTES = ETHERNET.SIZE;
/** Types of payloads. */
export const ETHER_TYPE = { IPV4: 0x0800, ARP: 0x0806 } as const;
/** The lowest bit of the first byte: not for one station only. */
const GROUP_BIT = 1;
/** IPv4 multicast groups are 01:00:5e and the lowest 23 bits of the address (RFC 1112 §6.4). */
const MULTICAST_PREFIX = [0x01, 0x00, 0x5e];
const MULTICAST_BITS = 0x7fffff;

/** A frame that came. The parts are views. */
export interface Frame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Takes a frame apart; undefined when it is shorter than its header. */
export function parseFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < ETHERNET.SIZE) return undefined;
  return {
    destination: bytes.subarray(ETHERNET.destination, ETHERNET.source),
    source: bytes.subarray(ETHERNET.source, ETHERNET.type),
    type: get16(bytes, ETHERNET.type),
    payload: bytes.subarray(ETHERNET.SIZE),
  };
}

/** Writes the header of a frame. */
export function putEthernet(
  frame: Uint8Array,
  { destination, source, type }: { destination: Uint8Array; source: Uint8Array; type: number },
): void {
  frame.set(destination, ETHERNET.destination);
  frame.set(source, ETHERNET.source);
  put16(frame, ETHERNET.type, type);
}

export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether a station with the address `mac` takes a frame to `destination`. */
export function isFor(destination: Uint8Array, mac: Uint8Array): boolean {
  return sameMac(destination, mac) || (get8(destination, 0) & GROUP_BIT) !== 0;
}

/** Whether one station may have it: neither a group nor nothing at all. */
export function isStation(mac: Uint8Array): boolean {
  return (get8(mac, 0) & GROUP_BIT) === 0 && mac.some((byte) => byte !== 0);
}

export function multicastMac(address: number): Uint8Array {
  const low = address & MULTICAST_BITS;
  return Uint8Array.of(...MULTICAST_PREFIX, low >>> 16, low >>> 8, low);
}
