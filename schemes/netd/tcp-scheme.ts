/**
 * `tcp:`: connections and listeners as files.
 *
 *     tcp:/HOST:PORT[/LOCAL:PORT]   a connection; open waits for the handshake
 *     tcp:/:PORT[/LOCAL]            a listener; `dup "listen"` waits for a connection
 *     tcp:/:PORT/listen             the same by open
 *
 * A read takes what has come, 0 is the peer's end; a write takes all of its bytes. After a death of
 * the daemon connections are reset, and listeners come back by themselves.
 */

import { ECONNRESET, EINVAL, ENOENT, ENOTCONN, EOPNOTSUPP, ESTALE } from "../../ipc/errno.js";
import { O_NONBLOCK } from "../../ipc/open-flags.js";
import {
  type Awaitable,
  EVENT_ERROR,
  EVENT_HANGUP,
  EVENT_READ,
  EVENT_WRITE,
  type OpenContext,
  opened,
  type RequestContext,
  type Scheme,
} from "../../ipc/scheme.js";
import { type Endpoint, formatEndpoint } from "../net/address.js";
import type { Connection } from "../net/tcp/connection.js";
import type { Listener } from "../net/tcp/listener.js";
import { TCP_DEFAULTS } from "../net/tcp/settings.js";
import { after } from "./after.js";
import { addressOf, parseSocketPath } from "./endpoints.js";
import type { NetService } from "./service.js";
import { Signal } from "./signal.js";
import { optionHandle, type TcpOptionHandle } from "./tcp-options.js";

/** What is open. */
export type TcpHandle = StreamHandle | ListenHandle | TcpOptionHandle;

interface StreamHandle {
  readonly kind: "stream";
  readonly connection: Connection;
  readonly signal: Signal;
  readonly nonblocking: boolean;
  watch: Watch | undefined;
}

interface ListenHandle {
  readonly kind: "listener";
  readonly listener: Listener;
  readonly signal: Signal;
  readonly nonblocking: boolean;
  watch: Watch | undefined;
}

interface Watch {
  mask: number;
  post: (events: number) => void;
}

/** Makes the scheme over a network. @param generation - tells this incarnation from others */
export function tcpScheme(service: NetService, generation: number): Scheme<TcpHandle> {
  const listeners = new Map<number, ListenHandle>();
  let streams = 0;
  const stream = (handle: StreamHandle) =>
    opened(handle, { identity: { object: `stream${++streams}`, generation } });
  return {
    open(path, context) {
      const named = parseSocketPath(path);
      const nonblocking = (context.flags & O_NONBLOCK) !== 0;
      if (named.tag === "listen") {
        // The next incarnation listens at the same port: it is the same listener.
        const fixed = named.local.port !== 0;
        if (context.reattaches && !fixed) throw ESTALE;
        const handle = listen(service, named.local, nonblocking);
        listeners.set(handle.listener.parts.local.port, handle);
        const identity = { object: `listen${path}`, generation: fixed ? 0 : generation };
        return opened(handle, { identity });
      }
      // The connection died with the stack that knew it.
      if (context.reattaches) throw ECONNRESET;
      if (named.tag === "accept") {
        const handle = listeners.get(named.port);
        if (handle === undefined) throw ENOENT;
        return after(accept(handle, context, nonblocking), stream);
      }
      const { port, local } = named;
      return after(addressOf(service, named.host), (address) => {
        const ends = { remote: { address, port }, local };
        return after(connect(service, ends, { context, nonblocking }), stream);
      });
    },
    dup(handle, name, context) {
      if (handle.kind === "listener" && name === "listen") {
        return after(accept(handle, context, handle.nonblocking), stream);
      }
      if (handle.kind !== "stream") throw EINVAL;
      return optionHandle(service, handle.connection, name);
    },
    read(handle, bytes, offset, context) {
      if (handle.kind === "option") return handle.read(bytes, offset);
      if (handle.kind === "listener") throw ENOTCONN;
      const { connection, signal, nonblocking } = handle;
      const attempt = () => receive(service, connection, bytes);
      return signal.wait(context, attempt, nonblocking);
    },
    write(handle, bytes, _offset, context) {
      if (handle.kind === "option") return handle.write(bytes);
      if (handle.kind === "listener") throw ENOTCONN;
      return send(service, handle, bytes, context);
    },
    fsync() {},
    fstat: ({ kind }) => ({ kind: kind === "option" ? "file" : "socket", size: 0, mode: 0o600 }),
    call: (handle, request) => call(service, handle, request),
    fevent(handle, mask, post) {
      if (handle.kind === "option") return mask & (EVENT_READ | EVENT_WRITE);
      handle.watch = mask === 0 ? undefined : { mask, post };
      return readiness(handle) & mask;
    },
    close(handle) {
      if (handle.kind === "option") return;
      handle.watch = undefined;
      if (handle.kind === "stream") handle.connection.close(service.now());
      else {
        const { port } = handle.listener.parts.local;
        if (listeners.get(port) === handle) listeners.delete(port);
        service.stack.tcp.unlisten(handle.listener, service.now());
      }
      service.settle();
    },
  };
}

function listen(service: NetService, local: Endpoint, nonblocking: boolean): ListenHandle {
  const listener = service.stack.tcp.listen(local);
  const signal = new Signal();
  const handle: ListenHandle = {
    kind: "listener",
    listener,
    signal,
    nonblocking,
    watch: undefined,
  };
  listener.changed = () => changed(handle);
  return handle;
}

function streamOf(connection: Connection, nonblocking: boolean): StreamHandle {
  const signal = new Signal();
  const handle: StreamHandle = {
    kind: "stream",
    connection,
    signal,
    nonblocking,
    watch: undefined,
  };
  connection.changed = () => changed(handle);
  return handle;
}

/** Something may be possible that was not: wakes who waits, and posts events. */
function changed(handle: StreamHandle | ListenHandle): void {
  handle.signal.fire();
  const { watch } = handle;
  if (watch === undefined) return;
  const events = readiness(handle) & (watch.mask | EVENT_ERROR | EVENT_HANGUP);
  if (events !== 0) watch.post(events);
}

function readiness(handle: StreamHandle | ListenHandle): number {
  if (handle.kind === "listener") return handle.listener.accepted.length > 0 ? EVENT_READ : 0;
  const { connection } = handle;
  if (connection.error !== undefined) {
    return EVENT_READ | EVENT_WRITE | EVENT_ERROR | EVENT_HANGUP;
  }
  const reads = connection.readable > 0 || connection.ended;
  return (reads ? EVENT_READ : 0) | (connection.writable > 0 ? EVENT_WRITE : 0);
}

function accept(
  handle: ListenHandle,
  context: RequestContext,
  nonblocking: boolean,
): Awaitable<StreamHandle> {
  const { listener, signal } = handle;
  const attempt = () => {
    const connection = listener.accepted.shift();
    return connection === undefined ? undefined : streamOf(connection, nonblocking);
  };
  return signal.wait(context, attempt, nonblocking);
}

/** Connects; a handle that does not block gets its connection before the handshake is over. */
function connect(
  service: NetService,
  { remote, local }: { remote: Endpoint; local: Endpoint },
  { context, nonblocking }: { context: OpenContext; nonblocking: boolean },
): Awaitable<StreamHandle> {
  const options = { nowMs: service.now(), settings: TCP_DEFAULTS };
  const connection = service.stack.connect(remote, local, options);
  const handle = streamOf(connection, nonblocking);
  service.settle();
  if (nonblocking) return handle;
  context.onCancel(() => {
    connection.abort(service.now());
    service.settle();
  });
  const attempt = () => {
    if (connection.error !== undefined) throw connection.error;
    return connection.settled ? handle : undefined;
  };
  return handle.signal.wait(context, attempt, false);
}

function receive(
  service: NetService,
  connection: Connection,
  bytes: Uint8Array,
): number | undefined {
  if (bytes.length === 0) return 0;
  const count = connection.receive(bytes, service.now());
  if (count > 0) {
    service.settle();
    return count;
  }
  if (connection.error !== undefined) throw connection.error;
  return connection.ended ? 0 : undefined;
}

/** Sends all of `bytes`; who does not wait, and who is cut off in the middle, gets the count. */
function send(
  service: NetService,
  handle: StreamHandle,
  bytes: Uint8Array,
  context: RequestContext,
): Awaitable<number> {
  const { connection, signal } = handle;
  const nonblocking = handle.nonblocking || context.nonblocking;
  let sent = 0;
  const attempt = (): number | undefined => {
    if (bytes.length === 0) return 0;
    if (sent > 0 && connection.error !== undefined) return sent;
    // Before the handshake is over there is nothing to do but wait.
    if (connection.settled) sent += connection.send(bytes.subarray(sent), service.now());
    service.settle();
    return sent === bytes.length || (nonblocking && sent > 0) ? sent : undefined;
  };
  return signal.wait(context, attempt, nonblocking);
}

const DIRECTIONS = ["read", "write", "both"] as const;

/** `{ shutdown: "read" | "write" | "both" }`, `{ get: "ends" | "state" }`. */
function call(service: NetService, handle: TcpHandle, request: unknown): unknown {
  const { shutdown, get } = (request ?? {}) as { shutdown?: unknown; get?: unknown };
  if (handle.kind === "option") throw EOPNOTSUPP;
  if (handle.kind === "listener") {
    if (get !== "ends") throw EINVAL;
    return { local: formatEndpoint(handle.listener.parts.local) };
  }
  const { connection } = handle;
  if (get === "state")
    return { state: connection.tcb.state, error: connection.error?.code ?? null };
  if (get === "ends") {
    const { local, remote } = connection.ends;
    return { local: formatEndpoint(local), remote: formatEndpoint(remote) };
  }
  const how = DIRECTIONS.find((direction) => direction === shutdown);
  if (how === undefined) throw EINVAL;
  connection.shutdown(how, service.now());
  service.settle();
  return null;
}
