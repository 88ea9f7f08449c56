/** Addresses as numbers and text: IPv4 is an unsigned 32-bit number, a MAC six bytes. */

/** An IPv4 address and a port. */
export interface Endpoint {
  readonly address: number;
  readonly port: number;
}

/** 0.0.0.0: "this host" as a source, "any address" where one listens. */
export const ANY_ADDRESS = 0;
/** 255.255.255.255: everyone on this link. */
export const BROADCAST_ADDRESS = 0xffffffff;
export const MAC_BYTES = 6;
export const BROADCAST_MAC: Uint8Array = new Uint8Array(MAC_BYTES).fill(0xff);

/**
 * Reads four decimal numbers; undefined when the text is anything else (no octal, no short forms).
 */
export function parseAddress(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    const value = Number(part);
    if (value > 255 || (part.length > 1 && part.startsWith("0"))) return undefined;
    address = address * 256 + value;
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** Reads a port, 1 to 65535. */
export function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port > 0xffff ? undefined : port;
}

export function formatEndpoint({ address, port }: Endpoint): string {
  return `${formatAddress(address)}:${port}`;
}

export function formatMac(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The mask of a prefix of `bits` bits: 24 is 255.255.255.0. */
export function maskOf(bits: number): number {
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

export function isMulticast(address: number): boolean {
  return address >>> 28 === 0xe;
}

export function isLoopback(address: number): boolean {
  return address >>> 24 === 127;
}

/** Whether one host may have it: neither any, broadcast, multicast nor reserved (240/4). */
export function isUnicast(address: number): boolean {
  return address !== ANY_ADDRESS && address >>> 28 < 0xe;
}
