/** Messages of the address resolution protocol for IPv4 over Ethernet (RFC 826). */

import { BROADCAST_MAC, MAC_BYTES } from "./address.js";
import { ETHER_TYPE, ETHERNET_BYTES, putEthernet } from "./ethernet.js";
import { get8, get16, get32, put16, put32, wire } from "./wire.js";

const ARP = wire("Arp", 28, {
  hardware: [0, 2], // 1: Ethernet
  protocol: [2, 2], // the type of IPv4
  hardwareBytes: [4, 1],
  protocolBytes: [5, 1],
  operation: [6, 2], // 1 asks, 2 answers
  senderMac: [8, 6],
  senderAddress: [14, 4],
  targetMac: [18, 6], // what is asked for
  targetAddress: [24, 4],
});

const HARDWARE_ETHERNET = 1;
const ADDRESS_BYTES = 4;
export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

export interface ArpMessage {
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly senderAddress: number;
  readonly targetMac: Uint8Array;
  readonly targetAddress: number;
}

/** Decodes a message; undefined when it is not about IPv4 over Ethernet. */
export function parseArp(bytes: Uint8Array): ArpMessage | undefined {
  if (bytes.length < ARP.SIZE) return undefined;
  const known =
    get16(bytes, ARP.hardware) === HARDWARE_ETHERNET &&
    get16(bytes, ARP.protocol) === ETHER_TYPE.IPV4 &&
    get8(bytes, ARP.hardwareBytes) === MAC_BYTES &&
    get8(bytes, ARP.protocolBytes) === ADDRESS_BYTES;
  if (!known) return undefined;
  return {
    operation: get16(bytes, ARP.operation),
    senderMac: bytes.subarray(ARP.senderMac, ARP.senderAddress),
    senderAddress: get32(bytes, ARP.senderAddress),
    targetMac: bytes.subarray(ARP.targetMac, ARP.targetAddress),
    targetAddress: get32(bytes, ARP.targetAddress),
  };
}

/** A frame with a message, to one station or to all. */
export function encodeArp(message: ArpMessage, to: Uint8Array = BROADCAST_MAC): Uint8Array {
  const frame = new Uint8Array(ETHERNET_BYTES + ARP.SIZE);
  putEthernet(frame, { destination: to, source: message.senderMac, type: ETHER_TYPE.ARP });
  const at = ETHERNET_BYTES;
  put16(frame, at + ARP.hardware, HARDWARE_ETHERNET);
  put16(frame, at + ARP.protocol, ETHER_TYPE.IPV4);
  frame[at + ARP.hardwareBytes] = MAC_BYTES;
  frame[at + ARP.protocolBytes] = ADDRESS_BYTES;
  put16(frame, at + ARP.operation, message.operation);
  frame.set(message.senderMac, at + ARP.senderMac);
  put32(frame, at + ARP.senderAddress, message.senderAddress);
  frame.set(message.targetMac, at + ARP.targetMac);
  put32(frame, at + ARP.targetAddress, message.targetAddress);
  return frame;
}
