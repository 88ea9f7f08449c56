/**
 * The network stack of a host with one link: Ethernet frames in and out, sockets above. It is pure:
 * time comes in with every call, `deadlineMs` says when to call `tick`, and frames go out through
 * `transmit`. Whatever comes from the network is dropped when it is wrong, and never throws.
 */

import type { Random } from "../../ipc/clock.js";
import {
  EACCES,
  EADDRNOTAVAIL,
  ECONNABORTED,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
} from "../../ipc/errno.js";
import {
  ANY_ADDRESS,
  BROADCAST_ADDRESS,
  BROADCAST_MAC,
  type Endpoint,
  isLoopback,
  isMulticast,
  isUnicast,
  maskOf,
} from "./address.js";
import type { DatagramSocket } from "./datagram-socket.js";
import {
  ETHER_TYPE,
  ETHERNET_BYTES,
  isFor,
  multicastMac,
  parseFrame,
  putEthernet,
} from "./ethernet.js";
import { encodeIcmp, ICMP_TYPE } from "./icmp.js";
import { IcmpInput } from "./icmp-input.js";
import { IP_PROTOCOL } from "./ip-protocol.js";
import {
  fragment,
  newFrame,
  PACKET_BYTES_MAX,
  PAYLOAD_AT,
  type Packet,
  type PacketHeader,
  parsePacket,
  parseQuoted,
  putPacket,
} from "./ipv4.js";
import { LOOPBACK_QUEUE_MAX } from "./limits.js";
import { Neighbours } from "./neighbours.js";
import { Reassembly } from "./reassembly.js";
import { Routes } from "./routes.js";
import { Sockets } from "./sockets.js";
import type { Connection } from "./tcp/connection.js";
import { SequenceSecret } from "./tcp/initial-sequence.js";
import { encodeSegment, parseSegment, segmentBytes } from "./tcp/segment.js";
import { TCP_DEFAULTS, type TcpSettings } from "./tcp/settings.js";
import { Tcp } from "./tcp/tcp.js";
import { encodeUdp, parseUdp, UDP_PAYLOAD_BYTES_MAX } from "./udp.js";

/** Bytes of a packet on an Ethernet. */
const MTU_ETHERNET = 1500;
/** Packets to ourselves don't touch the link. */
const MTU_LOOPBACK = 1500;
const IDENTIFICATIONS = 0x10000;
/** RFC 2131 §4.1. */
const DHCP_CLIENT_PORT = 68;

/** What a stack is made of. */
export interface StackParts {
  readonly mac: Uint8Array;
  readonly random: Random;
  /** Secret bytes, other ones at each start (RFC 6528). */
  readonly secret: Uint8Array;
  readonly tcp?: TcpSettings;
  readonly mtu?: number;
  readonly connectionsMax?: number;
  readonly memoryBytes?: number;
  transmit(frame: Uint8Array): void;
  /** Another station uses our address. */
  conflict?(address: number, mac: Uint8Array): void;
}

/** Counters for people. */
export interface StackCounters {
  framesIn: number;
  framesOut: number;
  /** Frames and packets that were dropped because something in them was wrong. */
  malformed: number;
  /** Packets that were not for us. */
  strange: number;
}

/** See the head of the file. */
export class Stack {
  readonly mac: Uint8Array;
  readonly tcp: Tcp;
  readonly udp: Sockets;
  /** A port is the identifier of an echo. */
  readonly echo: Sockets;
  /** A port is the number of a protocol. */
  readonly raw: Sockets;
  readonly routes = new Routes();
  readonly neighbours: Neighbours;
  readonly counters: StackCounters = { framesIn: 0, framesOut: 0, malformed: 0, strange: 0 };
  readonly #parts: StackParts;
  readonly #mtu: number;
  readonly #reassembly = new Reassembly();
  readonly #icmp: IcmpInput;
  /** Our addresses, each with the bits of its network. */
  readonly #addresses = new Map<number, number>();
  readonly #looped: Uint8Array[] = [];
  #identification: number;
  #nowMs = 0;

  constructor(parts: StackParts) {
    this.#parts = parts;
    this.mac = parts.mac;
    this.#mtu = parts.mtu ?? MTU_ETHERNET;
    this.#identification = parts.random.below(IDENTIFICATIONS);
    this.udp = new Sockets(parts.random);
    this.echo = new Sockets(parts.random);
    this.raw = new Sockets(parts.random);
    this.tcp = new Tcp({
      settings: parts.tcp ?? TCP_DEFAULTS,
      secret: new SequenceSecret(parts.secret),
      random: parts.random,
      ...(parts.connectionsMax === undefined ? {} : { connectionsMax: parts.connectionsMax }),
      ...(parts.memoryBytes === undefined ? {} : { memoryBytes: parts.memoryBytes }),
      mtu: (remote) => this.#mtuTo(remote),
      send: (segment, { local, remote }) => {
        const addresses = { source: local.address, destination: remote.address };
        const frame = newFrame(segmentBytes(segment));
        encodeSegment(segment, addresses, { packet: frame, at: PAYLOAD_AT });
        this.#send(frame, { ...addresses, protocol: IP_PROTOCOL.TCP, dontFragment: true });
      },
    });
    this.neighbours = new Neighbours({
      mac: parts.mac,
      transmit: (frame) => this.#transmit(frame),
      isOurs: (address) => this.#addresses.has(address),
      unreachable: (_address, frames) => this.#undelivered(frames),
      conflict: (address, mac) => parts.conflict?.(address, mac),
    });
    this.#icmp = new IcmpInput(this, (frame, header) => this.#send(frame, header));
  }

  /** Our addresses and the bits of their networks. */
  get addresses(): ReadonlyMap<number, number> {
    return this.#addresses;
  }

  /** The time that it was last told. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Bytes of fragments that wait for others. */
  get reassemblyBytes(): number {
    return this.#reassembly.bytes;
  }

  /** When to call `tick`. */
  get deadlineMs(): number {
    if (this.#looped.length > 0) return this.#nowMs;
    const { tcp, neighbours } = this;
    return Math.min(tcp.deadlineMs, neighbours.deadlineMs, this.#reassembly.deadlineMs);
  }

  /** Gives us an address, with the route to its network, and says so to everybody. */
  addAddress(address: number, prefix: number, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#addresses.set(address, prefix);
    const network = (address & maskOf(prefix)) >>> 0;
    this.routes.add({ network, prefix, gateway: undefined, source: address });
    this.neighbours.announce(address);
  }

  /** Takes an address back; its connections end. */
  removeAddress(address: number, nowMs: number): void {
    this.#nowMs = nowMs;
    if (!this.#addresses.delete(address)) return;
    this.tcp.abandon(address, ECONNABORTED, nowMs);
    this.routes.removeSource(address);
    this.neighbours.clear();
  }

  /** A frame came. */
  arrive(bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    this.counters.framesIn += 1;
    const frame = parseFrame(bytes);
    if (frame === undefined) {
      this.counters.malformed += 1;
      return;
    }
    if (!isFor(frame.destination, this.#parts.mac)) return;
    if (frame.type === ETHER_TYPE.ARP) this.neighbours.arrive(frame.payload, nowMs);
    else if (frame.type === ETHER_TYPE.IPV4) this.#arrivePacket(frame.payload);
    this.#drain();
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#drain();
    this.tcp.tick(nowMs);
    this.neighbours.tick(nowMs);
    for (const packet of this.#reassembly.tick(nowMs)) this.#icmp.tooLate(packet, nowMs);
    this.#drain();
  }

  /** Begins a connection. @throws ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE, ENOBUFS */
  connect(remote: Endpoint, local: Endpoint, options: { nowMs: number; settings: TcpSettings }) {
    this.#nowMs = options.nowMs;
    if (!isUnicast(remote.address)) throw ENETUNREACH;
    const address = this.#sourceFor(remote.address, local.address);
    const ends = { local: { address, port: local.port }, remote };
    const connection: Connection = this.tcp.connect(ends, options.nowMs, options.settings);
    return connection;
  }

  /** Sends a UDP datagram. @throws EMSGSIZE, ENETUNREACH, EADDRNOTAVAIL */
  sendDatagram(socket: DatagramSocket, payload: Uint8Array, to: Endpoint, nowMs: number): void {
    this.#nowMs = nowMs;
    if (payload.length > UDP_PAYLOAD_BYTES_MAX) throw EMSGSIZE;
    const source = this.#sourceFor(to.address, socket.local.address);
    const ports = { sourcePort: socket.local.port, destinationPort: to.port };
    const addresses = { source, destination: to.address };
    const frame = encodeUdp({ ...ports, payload }, addresses);
    this.#send(frame, { ...addresses, protocol: IP_PROTOCOL.UDP, dontFragment: false });
  }

  /** Sends an echo request; the answer comes to the socket. @throws as `sendDatagram` */
  sendEcho(
    socket: DatagramSocket,
    { sequence, body, to }: { sequence: number; body: Uint8Array; to: number },
    nowMs: number,
  ): void {
    this.#nowMs = nowMs;
    if (body.length > UDP_PAYLOAD_BYTES_MAX) throw EMSGSIZE;
    const source = this.#sourceFor(to, socket.local.address);
    const identifier = socket.local.port;
    const frame = encodeIcmp({ type: ICMP_TYPE.ECHO, code: 0, identifier, sequence, body });
    this.#send(frame, {
      source,
      destination: to,
      protocol: IP_PROTOCOL.ICMP,
      dontFragment: false,
    });
  }

  /** Sends the payload of a packet of another protocol. @throws EACCES, and as `sendDatagram` */
  sendRaw(socket: DatagramSocket, payload: Uint8Array, to: number, nowMs: number): void {
    this.#nowMs = nowMs;
    const protocol = socket.local.port;
    if (isBuiltIn(protocol)) throw EACCES;
    if (payload.length > UDP_PAYLOAD_BYTES_MAX) throw EMSGSIZE;
    const frame = newFrame(payload.length);
    frame.set(payload, PAYLOAD_AT);
    const source = this.#sourceFor(to, socket.local.address);
    this.#send(frame, { source, destination: to, protocol, dontFragment: false });
  }

  isBroadcast(address: number): boolean {
    if (address === BROADCAST_ADDRESS) return true;
    for (const [ours, prefix] of this.#addresses) {
      const hosts = ~maskOf(prefix) >>> 0;
      if (prefix < 31 && address === ((ours & maskOf(prefix)) | hosts) >>> 0) return true;
    }
    return false;
  }

  isOurs(address: number): boolean {
    return this.#addresses.has(address) || isLoopback(address);
  }

  /** Which of our addresses a packet to `destination` is from. */
  #sourceFor(destination: number, wanted: number): number {
    if (wanted !== ANY_ADDRESS) {
      if (!this.isOurs(wanted)) throw EADDRNOTAVAIL;
      return wanted;
    }
    if (this.isOurs(destination)) return destination;
    const route = this.routes.lookup(destination);
    if (route !== undefined) return route.source;
    if (destination !== BROADCAST_ADDRESS) throw ENETUNREACH;
    // Who has no address yet asks for one so.
    const [first = ANY_ADDRESS] = this.#addresses.keys();
    return first;
  }

  #mtuTo(remote: number): number {
    return this.isOurs(remote) ? MTU_LOOPBACK : this.routes.mtu(remote, this.#mtu, this.#nowMs);
  }

  #send(frame: Uint8Array, header: Omit<PacketHeader, "identification">): void {
    this.#identification = (this.#identification + 1) % IDENTIFICATIONS;
    const full = { ...header, identification: this.#identification };
    const bytes = frame.length - ETHERNET_BYTES;
    if (bytes > PACKET_BYTES_MAX) return;
    if (this.isOurs(header.destination)) {
      putPacket(frame, full);
      if (this.#looped.length < LOOPBACK_QUEUE_MAX) this.#looped.push(frame);
      return;
    }
    const mtu = header.dontFragment ? this.#mtu : this.#mtuTo(header.destination);
    if (bytes > mtu) {
      for (const part of fragment(frame, full, mtu)) this.#route(part, header);
      return;
    }
    putPacket(frame, full);
    this.#route(frame, header);
  }

  #route(frame: Uint8Array, { source, destination }: { source: number; destination: number }) {
    const group = this.isBroadcast(destination)
      ? BROADCAST_MAC
      : isMulticast(destination)
        ? multicastMac(destination)
        : undefined;
    if (group !== undefined) {
      putEthernet(frame, { destination: group, source: this.mac, type: ETHER_TYPE.IPV4 });
      this.#transmit(frame);
      return;
    }
    const route = this.routes.lookup(destination);
    if (route === undefined) return;
    const next = route.gateway ?? destination;
    this.neighbours.send(next, frame, { source, nowMs: this.#nowMs });
  }

  #transmit(frame: Uint8Array): void {
    this.counters.framesOut += 1;
    this.#parts.transmit(frame);
  }

  /** Nobody answered for these frames: whoever sent them is told as if a router had said so. */
  #undelivered(frames: Uint8Array[]): void {
    for (const frame of frames) {
      const packet = parseQuoted(frame.subarray(ETHERNET_BYTES));
      if (packet !== undefined) this.#icmp.undelivered(packet, EHOSTUNREACH);
    }
  }

  #arrivePacket(bytes: Uint8Array, looped = false): void {
    const packet = parsePacket(bytes);
    if (packet === undefined) {
      this.counters.malformed += 1;
      return;
    }
    const { source, destination } = packet;
    // From ourselves, to ourselves or from nowhere, but from outside: forged.
    const forged = !looped && (this.isOurs(source) || isLoopback(destination));
    const group = this.isBroadcast(destination) || isMulticast(destination);
    if (forged || (!group && !this.isOurs(destination))) {
      this.counters.strange += 1;
      return;
    }
    const whole =
      packet.more || packet.offset > 0 ? this.#reassembly.arrive(packet, this.#nowMs) : packet;
    if (whole !== undefined) this.#deliver(whole, group);
  }

  #deliver(packet: Packet, group: boolean): void {
    switch (packet.protocol) {
      case IP_PROTOCOL.TCP:
        if (!group) this.#deliverTcp(packet);
        return;
      case IP_PROTOCOL.UDP:
        this.#deliverUdp(packet, group);
        return;
      case IP_PROTOCOL.ICMP:
        if (!this.#icmp.arrive(packet, { group, nowMs: this.#nowMs })) this.counters.malformed += 1;
        return;
      default:
        this.#deliverRaw(packet, group);
    }
  }

  #deliverTcp({ source, destination, payload }: Packet): void {
    const segment = parseSegment(payload, { source, destination });
    if (segment === undefined || !isUnicast(source)) {
      this.counters.malformed += 1;
      return;
    }
    const local = { address: destination, port: segment.destinationPort };
    const remote = { address: source, port: segment.sourcePort };
    this.tcp.arrive(segment, { local, remote }, this.#nowMs);
  }

  #deliverUdp(packet: Packet, group: boolean): void {
    const { source, destination, payload } = packet;
    const datagram = parseUdp(payload, { source, destination });
    if (datagram === undefined) {
      this.counters.malformed += 1;
      return;
    }
    const local = { address: destination, port: datagram.destinationPort };
    const from = { address: source, port: datagram.sourcePort };
    const socket = this.udp.find(local, from);
    if (socket !== undefined) socket.arrive({ from, payload: datagram.payload });
    else if (!group && local.port !== DHCP_CLIENT_PORT) {
      this.#icmp.portUnreachable(packet, this.#nowMs);
    }
  }

  #deliverRaw(packet: Packet, group: boolean): void {
    const from = { address: packet.source, port: 0 };
    const local = { address: packet.destination, port: packet.protocol };
    const socket = this.raw.find(local, from);
    if (socket !== undefined) socket.arrive({ from, payload: packet.payload });
    else if (!group) this.#icmp.protocolUnreachable(packet, this.#nowMs);
  }

  #drain(): void {
    // What is sent while draining waits for the next round, so that no loop is endless.
    for (const frame of this.#looped.splice(0)) {
      this.#arrivePacket(frame.subarray(ETHERNET_BYTES), true);
    }
  }
}

/** Whether the stack itself speaks a protocol. */
export function isBuiltIn(protocol: number): boolean {
  return Object.values(IP_PROTOCOL).some((known) => known === protocol);
}
