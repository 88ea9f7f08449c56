/** Messages of DHCP (RFC 2131 §2) and the options that a client needs (RFC 2132). */

import { get8, get16, get32, put16, put32, wire } from "./wire.js";

const DHCP = wire("Dhcp", 240, {
  operation: [0, 1], //    1 from clients, 2 from servers
  hardware: [1, 1],
  hardwareBytes: [2, 1],
  hops: [3, 1],
  transaction: [4, 4],
  seconds: [8, 2],
  flags: [10, 2], //       the highest bit asks for answers to everybody
  client: [12, 4], //      the client's address, if it has one
  yours: [16, 4], //       the address that is offered or given
  server: [20, 4],
  relay: [24, 4],
  station: [28, 16], //    the client's MAC, padded
  serverName: [44, 64],
  file: [108, 128],
  cookie: [236, 4],
});

const COOKIE = 0x63825363;
const BROADCAST_FLAG = 0x8000;
const CLIENT = 1;
const SERVER = 2;
const ETHERNET = 1;
const MAC_BYTES = 6;
const ADDRESS_BYTES = 4;
const OPTION_HEAD_BYTES = 2;
const OPTION = {
  PAD: 0,
  MASK: 1,
  ROUTER: 3,
  NAME_SERVER: 6,
  WANTED_ADDRESS: 50,
  LEASE_S: 51,
  TYPE: 53,
  SERVER: 54,
  PARAMETERS: 55,
  RENEWAL_S: 58,
  REBINDING_S: 59,
  END: 255,
} as const;

export const DHCP_TYPE = { DISCOVER: 1, OFFER: 2, REQUEST: 3, ACK: 5, NAK: 6 } as const;
const NAME_SERVERS_MAX = 3;

/** What a client says. */
export interface DhcpRequest {
  readonly type: number;
  readonly transaction: number;
  readonly mac: Uint8Array;
  /** Our address, when it is renewed; else 0. */
  readonly client: number;
  readonly wanted?: number;
  readonly server?: number;
}

/** What a server says. */
export interface DhcpReply {
  readonly type: number;
  readonly transaction: number;
  readonly station: Uint8Array;
  readonly address: number;
  readonly server: number | undefined;
  readonly mask: number | undefined;
  readonly router: number | undefined;
  readonly nameServers: readonly number[];
  readonly leaseS: number | undefined;
  readonly renewalS: number | undefined;
  readonly rebindingS: number | undefined;
}

export function encodeDhcp(request: DhcpRequest): Uint8Array {
  const options: number[] = [OPTION.TYPE, 1, request.type];
  const address = (kind: number, value: number | undefined): void => {
    if (value === undefined) return;
    options.push(kind, ADDRESS_BYTES, value >>> 24, value >>> 16, value >>> 8, value);
  };
  address(OPTION.WANTED_ADDRESS, request.wanted);
  address(OPTION.SERVER, request.server);
  const wanted = [OPTION.MASK, OPTION.ROUTER, OPTION.NAME_SERVER, OPTION.LEASE_S];
  options.push(OPTION.PARAMETERS, wanted.length, ...wanted, OPTION.END);
  const bytes = new Uint8Array(DHCP.SIZE + options.length);
  bytes[DHCP.operation] = CLIENT;
  bytes[DHCP.hardware] = ETHERNET;
  bytes[DHCP.hardwareBytes] = MAC_BYTES;
  put32(bytes, DHCP.transaction, request.transaction);
  // Who has an address can be answered at it.
  put16(bytes, DHCP.flags, request.client === 0 ? BROADCAST_FLAG : 0);
  put32(bytes, DHCP.client, request.client);
  bytes.set(request.mac, DHCP.station);
  put32(bytes, DHCP.cookie, COOKIE);
  bytes.set(options, DHCP.SIZE);
  return bytes;
}

/** Decodes what a server says; undefined when it is malformed. */
export function parseDhcp(bytes: Uint8Array): DhcpReply | undefined {
  if (bytes.length < DHCP.SIZE || get8(bytes, DHCP.operation) !== SERVER) return undefined;
  if (get32(bytes, DHCP.cookie) !== COOKIE) return undefined;
  const options = parseOptions(bytes.subarray(DHCP.SIZE));
  const type = options.get(OPTION.TYPE);
  if (type?.length !== 1) return undefined;
  const number = (kind: number): number | undefined => {
    const body = options.get(kind);
    return body === undefined || body.length < ADDRESS_BYTES ? undefined : get32(body, 0);
  };
  const servers = options.get(OPTION.NAME_SERVER) ?? new Uint8Array(0);
  const count = Math.min(Math.floor(servers.length / ADDRESS_BYTES), NAME_SERVERS_MAX);
  return {
    type: get8(type, 0),
    transaction: get32(bytes, DHCP.transaction),
    station: bytes.subarray(DHCP.station, DHCP.station + MAC_BYTES),
    address: get32(bytes, DHCP.yours),
    server: number(OPTION.SERVER),
    mask: number(OPTION.MASK),
    router: number(OPTION.ROUTER),
    nameServers: Array.from({ length: count }, (_, i) => get32(servers, i * ADDRESS_BYTES)),
    leaseS: number(OPTION.LEASE_S),
    renewalS: number(OPTION.RENEWAL_S),
    rebindingS: number(OPTION.REBINDING_S),
  };
}

function parseOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const options = new Map<number, Uint8Array>();
  let at = 0;
  while (at < bytes.length) {
    const kind = get8(bytes, at);
    if (kind === OPTION.END) break;
    if (kind === OPTION.PAD) {
      at += 1;
      continue;
    }
    const body = at + OPTION_HEAD_BYTES;
    const end = body + (get16(bytes, at) & 0xff);
    if (end > bytes.length) break;
    if (!options.has(kind)) options.set(kind, bytes.subarray(body, end));
    at = end;
  }
  return options;
}
