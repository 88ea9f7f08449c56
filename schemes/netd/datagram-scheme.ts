/**
 * `udp:`, `icmp:` and `ip:`: datagrams as files. One read takes one datagram, one write sends one.
 *
 *     udp:/HOST:PORT[/LOCAL:PORT]   one peer
 *     udp:/:PORT[/LOCAL]            whoever comes; each datagram begins with its peer, six bytes of
 *                                   address and port (big-endian), in both directions
 *     icmp:/echo/HOST               echoes: two bytes of number (low first), then data
 *     ip:/PROTOCOL/HOST             packets of a protocol (in hexadecimal) that nobody else serves
 */

import { EACCES, EADDRNOTAVAIL, EINVAL, EMSGSIZE, ENOENT, ESTALE } from "../../ipc/errno.js";
import { O_NONBLOCK } from "../../ipc/open-flags.js";
import {
  type Awaitable,
  EVENT_ERROR,
  EVENT_READ,
  EVENT_WRITE,
  type OpenContext,
  opened,
  type RequestContext,
  type Scheme,
} from "../../ipc/scheme.js";
import { ANY_ADDRESS, type Endpoint, formatEndpoint } from "../net/address.js";
import type { DatagramSocket } from "../net/datagram-socket.js";
import { splitEcho } from "../net/icmp.js";
import type { Sockets } from "../net/sockets.js";
import { isBuiltIn } from "../net/stack.js";
import { get16, get32, put16, put32, wire } from "../net/wire.js";
import { after } from "./after.js";
import { addressOf, parseSocketPath } from "./endpoints.js";
import type { NetService } from "./service.js";
import { Signal } from "./signal.js";

/** What stands before a datagram of a socket without a peer. */
const PEER = wire("Peer", 6, { address: [0, 4], port: [4, 2] });

/** An open socket. */
export interface DatagramHandle {
  readonly sockets: Sockets;
  readonly socket: DatagramSocket;
  readonly signal: Signal;
  readonly nonblocking: boolean;
  /** Sends what was written. */
  send(payload: Uint8Array, nowMs: number): void;
  watch: { mask: number; post: (events: number) => void } | undefined;
}

/** Makes one of the three schemes; only how a path is opened differs. */
export function datagramScheme(
  service: NetService,
  kind: "udp" | "icmp" | "ip",
  generation: number,
): Scheme<DatagramHandle> {
  const openers = { udp: openUdp, icmp: openEcho, ip: openRaw };
  return {
    open(path, context) {
      // A port that was asked for by number is the same after a restart; any other is not.
      const fixed = kind === "udp" && /^\/:[1-9]/.test(path);
      if (context.reattaches && !fixed) throw ESTALE;
      const made = openers[kind](service, path, context);
      const finish = (handle: DatagramHandle) => {
        const identity = { object: `${kind}${path}:${handle.socket.local.port}`, generation };
        return opened(handle, { identity: fixed ? { ...identity, generation: 0 } : identity });
      };
      return made instanceof Promise ? made.then(finish) : finish(made);
    },
    read({ socket, signal, nonblocking }, bytes, _offset, context) {
      return signal.wait(context, () => receive(socket, bytes), nonblocking);
    },
    write(handle, bytes) {
      const { socket } = handle;
      if (socket.error !== undefined) throw takeError(socket);
      handle.send(bytes, service.now());
      service.settle();
      return bytes.length;
    },
    fsync() {},
    fstat: () => ({ kind: "socket", size: 0, mode: 0o600 }),
    call({ socket }, request) {
      if ((request as { get?: unknown } | null)?.get !== "ends") throw EINVAL;
      const { local, remote } = socket;
      return {
        local: formatEndpoint(local),
        ...(remote === undefined ? {} : { remote: formatEndpoint(remote) }),
      };
    },
    fevent(handle, mask, post) {
      handle.watch = mask === 0 ? undefined : { mask, post };
      return readiness(handle.socket) & mask;
    },
    close: ({ sockets, socket }) => sockets.close(socket),
  };
}

function openUdp(
  service: NetService,
  path: string,
  context: OpenContext,
): Awaitable<DatagramHandle> {
  const { udp } = service.stack;
  const named = parseSocketPath(path);
  if (named.tag === "accept") throw ENOENT;
  if (named.tag === "listen") {
    const { address } = named.local;
    if (address !== ANY_ADDRESS && !service.stack.isOurs(address)) throw EADDRNOTAVAIL;
    const socket = udp.open(named.local);
    return handleOf(context, udp, socket, (payload, nowMs) => {
      if (payload.length < PEER.SIZE) throw EINVAL;
      const to = { address: get32(payload, PEER.address), port: get16(payload, PEER.port) };
      service.stack.sendDatagram(socket, payload.subarray(PEER.SIZE), to, nowMs);
    });
  }
  const { host, port, local } = named;
  return after(addressOf(service, host), (address) => {
    const to = { address, port };
    const socket = udp.open(local, to);
    return handleOf(context, udp, socket, (payload, nowMs) => {
      service.stack.sendDatagram(socket, payload, to, nowMs);
    });
  });
}

function openEcho(service: NetService, path: string, context: OpenContext) {
  const host = /^\/echo\/([^/]+)$/.exec(path)?.[1];
  if (host === undefined) throw ENOENT;
  const { echo } = service.stack;
  return after(addressOf(service, host), (address) => {
    const socket = echo.open({ address: ANY_ADDRESS, port: 0 }, { address, port: 0 });
    return handleOf(context, echo, socket, (payload, nowMs) => {
      const message = splitEcho(payload);
      if (message === undefined) throw EINVAL;
      service.stack.sendEcho(socket, { ...message, to: address }, nowMs);
    });
  });
}

function openRaw(service: NetService, path: string, context: OpenContext) {
  const [, digits = "", host] = /^\/([0-9a-f]{1,2})\/([^/]+)$/i.exec(path) ?? [];
  const protocol = Number.parseInt(digits, 16);
  if (host === undefined || protocol === 0) throw ENOENT;
  if (isBuiltIn(protocol)) throw EACCES;
  const { raw } = service.stack;
  return after(addressOf(service, host), (address) => {
    const local = { address: ANY_ADDRESS, port: protocol };
    const socket = raw.open(local, { address, port: 0 });
    return handleOf(context, raw, socket, (payload, nowMs) => {
      service.stack.sendRaw(socket, payload, address, nowMs);
    });
  });
}

function handleOf(
  context: RequestContext,
  sockets: Sockets,
  socket: DatagramSocket,
  send: (payload: Uint8Array, nowMs: number) => void,
): DatagramHandle {
  const nonblocking = (context.flags & O_NONBLOCK) !== 0;
  const signal = new Signal();
  const handle: DatagramHandle = { sockets, socket, signal, nonblocking, send, watch: undefined };
  socket.changed = () => {
    signal.fire();
    const events = readiness(socket) & ((handle.watch?.mask ?? 0) | EVENT_ERROR);
    if (events !== 0) handle.watch?.post(events);
  };
  return handle;
}

function readiness(socket: DatagramSocket): number {
  const reads = socket.readable || socket.error !== undefined;
  return (reads ? EVENT_READ : 0) | EVENT_WRITE | (socket.error === undefined ? 0 : EVENT_ERROR);
}

/** What the network said of an earlier datagram; told once. */
function takeError(socket: DatagramSocket) {
  const { error } = socket;
  socket.error = undefined;
  return error;
}

function receive(socket: DatagramSocket, bytes: Uint8Array): number | undefined {
  if (socket.error !== undefined) throw takeError(socket);
  const got = socket.receive();
  if (got === undefined) return undefined;
  const head = socket.remote === undefined ? PEER.SIZE : 0;
  // As on any datagram socket, what does not fit is gone.
  if (head + got.payload.length > bytes.length) throw EMSGSIZE;
  if (head > 0) putPeer(bytes, got.from);
  bytes.set(got.payload, head);
  return head + got.payload.length;
}

function putPeer(bytes: Uint8Array, { address, port }: Endpoint): void {
  put32(bytes, PEER.address, address);
  put16(bytes, PEER.port, port);
}
