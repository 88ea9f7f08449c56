/**
 * What ICMP does to a host: echoes are answered, errors reach the socket whose packet they quote,
 * and packets that nobody wants are answered with errors, so many in a second (RFC 1122 §3.2.2).
 */

import { ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, type Errno } from "../../ipc/errno.js";
import { isUnicast } from "./address.js";
import {
  encodeIcmp,
  encodeIcmpError,
  ICMP_TYPE,
  type IcmpMessage,
  isIcmpError,
  joinEcho,
  parseIcmp,
  quotedIdentifier,
  REASSEMBLY_TIME,
  UNREACHABLE,
} from "./icmp.js";
import { IP_PROTOCOL } from "./ip-protocol.js";
import { type Packet, type PacketHeader, parseQuoted } from "./ipv4.js";
import { ICMP_ERRORS_BURST, ICMP_ERRORS_PER_S } from "./limits.js";
import type { Routes } from "./routes.js";
import type { Sockets } from "./sockets.js";
import { parseQuotedSegment } from "./tcp/segment.js";
import type { Tcp } from "./tcp/tcp.js";
import { TokenBucket } from "./token-bucket.js";
import { parseQuotedUdp } from "./udp.js";

/** RFC 1191 §7.1: what a router means that does not say. */
const PLATEAU = 576;

/** What of a host it reaches. */
interface Host {
  readonly tcp: Tcp;
  readonly udp: Sockets;
  readonly echo: Sockets;
  readonly routes: Routes;
  isOurs(address: number): boolean;
}

type Send = (frame: Uint8Array, header: Omit<PacketHeader, "identification">) => void;

/** See the head of the file. */
export class IcmpInput {
  readonly #host: Host;
  readonly #send: Send;
  readonly #errors = new TokenBucket({ perSecond: ICMP_ERRORS_PER_S, burst: ICMP_ERRORS_BURST });

  constructor(host: Host, send: Send) {
    this.#host = host;
    this.#send = send;
  }

  /** A packet of ICMP came; false when it is malformed. */
  arrive(packet: Packet, { group, nowMs }: { group: boolean; nowMs: number }): boolean {
    const message = parseIcmp(packet.payload);
    if (message === undefined) return false;
    switch (message.type) {
      case ICMP_TYPE.ECHO:
        // RFC 1122 §3.2.2.6: no answer to a group; it would multiply.
        if (!group && isUnicast(packet.source)) this.#answerEcho(packet, message);
        return true;
      case ICMP_TYPE.ECHO_REPLY:
        this.#deliverEcho(packet, message);
        return true;
      case ICMP_TYPE.UNREACHABLE:
      case ICMP_TYPE.TIME_EXCEEDED:
      case ICMP_TYPE.PARAMETER:
        this.#arriveError(message, nowMs);
        return true;
      default:
        return true;
    }
  }

  portUnreachable(packet: Packet, nowMs: number): void {
    this.#refuse(packet, { type: ICMP_TYPE.UNREACHABLE, code: UNREACHABLE.PORT }, nowMs);
  }

  protocolUnreachable(packet: Packet, nowMs: number): void {
    this.#refuse(packet, { type: ICMP_TYPE.UNREACHABLE, code: UNREACHABLE.PROTOCOL }, nowMs);
  }

  /** Fragments of this packet did not arrive in time. */
  tooLate(packet: Packet, nowMs: number): void {
    this.#refuse(packet, { type: ICMP_TYPE.TIME_EXCEEDED, code: REASSEMBLY_TIME }, nowMs);
  }

  /** Tells the socket that sent a packet that it did not arrive. */
  undelivered(packet: Packet, error: Errno): void {
    const { source, destination, protocol, payload } = packet;
    if (protocol === IP_PROTOCOL.TCP) {
      const quoted = parseQuotedSegment(payload);
      if (quoted === undefined) return;
      const local = { address: source, port: quoted.sourcePort };
      const remote = { address: destination, port: quoted.destinationPort };
      this.#host.tcp.find({ local, remote })?.undelivered(quoted.sequence, error);
    }
    if (protocol === IP_PROTOCOL.UDP) this.#udpSocket(packet)?.fail(error);
    if (protocol === IP_PROTOCOL.ICMP) {
      const local = { address: source, port: quotedIdentifier(payload) };
      this.#host.echo.find(local, { address: destination, port: 0 })?.fail(error);
    }
  }

  #udpSocket({ source, destination, payload }: Packet) {
    const quoted = parseQuotedUdp(payload);
    if (quoted === undefined) return undefined;
    const local = { address: source, port: quoted.sourcePort };
    const socket = this.#host.udp.find(local, {
      address: destination,
      port: quoted.destinationPort,
    });
    // Who talks to many peers could not tell which of them is meant (RFC 1122 §4.1.3.3).
    return socket?.remote === undefined ? undefined : socket;
  }

  #answerEcho({ source, destination }: Packet, message: IcmpMessage): void {
    this.#send(encodeIcmp({ ...message, type: ICMP_TYPE.ECHO_REPLY, code: 0 }), {
      source: destination,
      destination: source,
      protocol: IP_PROTOCOL.ICMP,
      dontFragment: false,
    });
  }

  #deliverEcho({ source, destination }: Packet, { identifier, sequence, body }: IcmpMessage) {
    const local = { address: destination, port: identifier };
    const from = { address: source, port: 0 };
    // The number of the echo comes with its data.
    const payload = joinEcho(sequence, body);
    this.#host.echo.find(local, from)?.arrive({ from, payload });
  }

  #arriveError(message: IcmpMessage, nowMs: number): void {
    const quoted = parseQuoted(message.body);
    // Of a fragment only the first has ports.
    if (quoted === undefined || !this.#host.isOurs(quoted.source) || quoted.offset > 0) return;
    if (message.type === ICMP_TYPE.UNREACHABLE && message.code === UNREACHABLE.TOO_LONG) {
      this.#tooLong(quoted, message.sequence === 0 ? PLATEAU : message.sequence, nowMs);
      return;
    }
    this.undelivered(quoted, errorOf(message));
  }

  /** A packet was too long for the path. Believed only of what a socket of ours could have sent. */
  #tooLong(quoted: Packet, mtu: number, nowMs: number): void {
    const { source, destination, protocol, payload } = quoted;
    if (protocol === IP_PROTOCOL.TCP) {
      const segment = parseQuotedSegment(payload);
      if (segment === undefined) return;
      const local = { address: source, port: segment.sourcePort };
      const remote = { address: destination, port: segment.destinationPort };
      const connection = this.#host.tcp.find({ local, remote });
      if (connection === undefined || !connection.underWay(segment.sequence)) return;
      const believed = this.#host.routes.narrow(destination, mtu, nowMs);
      connection.tooLong(segment.sequence, believed, nowMs);
      return;
    }
    const socket = protocol === IP_PROTOCOL.UDP ? this.#udpSocket(quoted) : undefined;
    if (socket === undefined) return;
    this.#host.routes.narrow(destination, mtu, nowMs);
    socket.fail(EMSGSIZE);
  }

  /** Answers a packet with an error, unless that could start a storm (RFC 1122 §3.2.2). */
  #refuse(packet: Packet, error: { type: number; code: number }, nowMs: number): void {
    const { source, destination, protocol, payload, offset } = packet;
    const about = protocol === IP_PROTOCOL.ICMP && isIcmpError(payload);
    if (about || offset > 0 || !isUnicast(source) || !this.#host.isOurs(destination)) return;
    if (!this.#errors.take(nowMs)) return;
    this.#send(encodeIcmpError(error.type, error.code, packet.bytes), {
      source: destination,
      destination: source,
      protocol: IP_PROTOCOL.ICMP,
      dontFragment: false,
    });
  }
}

function errorOf({ type, code }: IcmpMessage): Errno {
  if (type !== ICMP_TYPE.UNREACHABLE) return EHOSTUNREACH;
  if (code === UNREACHABLE.NET) return ENETUNREACH;
  return code === UNREACHABLE.PROTOCOL || code === UNREACHABLE.PORT ? ECONNREFUSED : EHOSTUNREACH;
}
