/**
 * All TCP of a host: which connection or listener a segment is for, ports, and what is answered
 * when it is for none. Segments go out through `send`; time comes in with every call.
 */

import type { Random } from "../../../ipc/clock.js";
import { EADDRINUSE, ENOBUFS, type Errno } from "../../../ipc/errno.js";
import { ANY_ADDRESS, type Endpoint } from "../address.js";
import {
  ACCEPT_BACKLOG_MAX,
  CONNECTIONS_MAX,
  EPHEMERAL_PORT_FIRST,
  EPHEMERAL_PORT_LAST,
  LISTENERS_MAX,
  TCP_MEMORY_BYTES_MAX,
} from "../limits.js";
import { TimerQueue } from "../timer-queue.js";
import { Memory } from "../window-buffer.js";
import { adoptSyn } from "./arrive.js";
import { Connection } from "./connection.js";
import { enter } from "./ending.js";
import type { Ends, SequenceSecret } from "./initial-sequence.js";
import { type HalfOpen, Listener } from "./listener.js";
import { sendSyn } from "./output.js";
import { ACK, RST, type Segment, SYN, sequenceLength } from "./segment.js";
import { advance, before } from "./sequence.js";
import type { TcpSettings } from "./settings.js";
import { Tcb } from "./tcb.js";

const WINDOW_MAX = 0xffff;
const PORTS = EPHEMERAL_PORT_LAST - EPHEMERAL_PORT_FIRST + 1;

/** What TCP needs of the host. */
export interface TcpParts {
  readonly settings: TcpSettings;
  readonly secret: SequenceSecret;
  readonly random: Random;
  /** Connections at most. */
  readonly connectionsMax?: number;
  /** Bytes of all buffers. */
  readonly memoryBytes?: number;
  /** Largest packet to a peer. */
  mtu(remote: number): number;
  /** Sends a segment from `ends.local` to `ends.remote`. */
  send(segment: Segment, ends: Ends): void;
}

/** See the head of the file. */
export class Tcp {
  readonly memory: Memory;
  readonly #parts: TcpParts;
  readonly #connectionsMax: number;
  readonly #connections = new Map<string, Connection>();
  readonly #keys = new Map<Connection, string>();
  readonly #timeWait = new Set<Connection>();
  readonly #timers = new TimerQueue<Connection>();
  readonly #listeners = new Map<number, Listener[]>();
  #listenerCount = 0;

  constructor(parts: TcpParts) {
    this.#parts = parts;
    this.#connectionsMax = parts.connectionsMax ?? CONNECTIONS_MAX;
    this.memory = new Memory(parts.memoryBytes ?? TCP_MEMORY_BYTES_MAX);
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  get connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  get deadlineMs(): number {
    let first = this.#timers.nextMs;
    for (const listeners of this.#listeners.values()) {
      for (const { deadlineMs } of listeners) first = Math.min(first, deadlineMs);
    }
    return first;
  }

  /**
   * Begins a connection; port 0 of `local` asks for an ephemeral one (RFC 6056).
   * @throws EADDRINUSE when the ends are taken, ENOBUFS when there are too many connections
   */
  connect(ends: Ends, nowMs: number, settings: TcpSettings = this.#parts.settings): Connection {
    const local = ends.local.port === 0 ? this.#ephemeral(ends) : ends.local;
    const named = { local, remote: ends.remote };
    const key = keyOf(named);
    if (this.#connections.has(key)) throw EADDRINUSE;
    this.#makeRoom();
    const { secret } = this.#parts;
    const initial = secret.initial(named, nowMs);
    const connection = this.#add(key, this.#newTcb(named, initial, settings));
    const { tcb } = connection;
    enter(tcb, "open", nowMs);
    sendSyn(tcb, nowMs);
    this.#flush(connection);
    return connection;
  }

  /** Listens at a port, of one address or of all. @throws EADDRINUSE, ENOBUFS */
  listen(
    local: Endpoint,
    acceptMax: number = ACCEPT_BACKLOG_MAX,
    settings = this.#parts.settings,
  ): Listener {
    if (this.#listenerCount >= LISTENERS_MAX) throw ENOBUFS;
    const port = local.port === 0 ? this.#freeListenPort() : local.port;
    const same = this.#listeners.get(port) ?? [];
    const clash = ({ parts }: Listener): boolean =>
      parts.local.address === local.address ||
      parts.local.address === ANY_ADDRESS ||
      local.address === ANY_ADDRESS;
    if (same.some(clash)) throw EADDRINUSE;
    const { secret, mtu, send } = this.#parts;
    const place = { address: local.address, port };
    const listener = new Listener({ local: place, settings, secret, acceptMax, mtu, send });
    this.#listeners.set(port, [...same, listener]);
    this.#listenerCount += 1;
    return listener;
  }

  /** Stops listening; connections that nobody accepted are reset. */
  unlisten(listener: Listener, nowMs: number): void {
    const { port } = listener.parts.local;
    const rest = (this.#listeners.get(port) ?? []).filter((other) => other !== listener);
    if (rest.length > 0) this.#listeners.set(port, rest);
    else this.#listeners.delete(port);
    this.#listenerCount -= 1;
    listener.clear();
    for (const connection of listener.accepted.splice(0)) connection.abort(nowMs);
  }

  /** A segment came from `ends.remote`. */
  arrive(segment: Segment, ends: Ends, nowMs: number): void {
    const key = keyOf(ends);
    const connection = this.#connections.get(key);
    if (connection !== undefined && !this.#reborn(connection, segment)) {
      connection.arrive(segment, nowMs);
      return;
    }
    const listener = this.#listenerFor(ends.local);
    const { flags } = segment;
    if ((flags & RST) !== 0) listener?.arriveReset(segment, key);
    else if (listener === undefined) this.#refuse(segment, ends);
    else if ((flags & ACK) !== 0) this.#complete(listener, segment, { key, ends, nowMs });
    else if ((flags & SYN) !== 0) listener.arriveSyn(segment, { key, ends }, nowMs);
  }

  /** The connection with these ends, for what ICMP says of it. */
  find(ends: Ends): Connection | undefined {
    return this.#connections.get(keyOf(ends));
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    for (let due = this.#timers.take(nowMs); due !== undefined; due = this.#timers.take(nowMs)) {
      due.tick(nowMs);
    }
    for (const listeners of this.#listeners.values()) {
      for (const listener of listeners) listener.tick(nowMs);
    }
  }

  /** Ends all connections of an address that is no longer ours. */
  abandon(address: number, error: Errno, nowMs: number): void {
    for (const connection of [...this.#connections.values()]) {
      if (connection.ends.local.address !== address) continue;
      connection.tcb.error ??= error;
      connection.abort(nowMs);
      connection.changed();
    }
  }

  #newTcb(
    ends: Ends,
    initial: { sequence: number; timeOffset: number },
    settings: TcpSettings,
  ): Tcb {
    const mtu = this.#parts.mtu(ends.remote.address);
    return new Tcb({ settings: { ...settings }, ends, memory: this.memory, initial, mtu });
  }

  #add(key: string, tcb: Tcb): Connection {
    const connection = new Connection(tcb, (it) => this.#flush(it));
    this.#connections.set(key, connection);
    this.#keys.set(connection, key);
    return connection;
  }

  /** Sends what a connection wants sent, and keeps its timer and its place. */
  #flush(connection: Connection): void {
    const { tcb } = connection;
    for (const segment of tcb.out.splice(0)) this.#parts.send(segment, tcb.ends);
    const key = this.#keys.get(connection);
    if (key === undefined) return;
    if (tcb.state === "closed") this.#remove(connection, key);
    else {
      if (tcb.state === "time-wait") this.#timeWait.add(connection);
      this.#timers.schedule(connection, tcb.deadlineMs);
    }
  }

  #remove(connection: Connection, key: string): void {
    this.#connections.delete(key);
    this.#keys.delete(connection);
    this.#timeWait.delete(connection);
    this.#timers.schedule(connection, Number.POSITIVE_INFINITY);
  }

  /** RFC 9293 §3.10.7.4, TIME-WAIT: a SYN that is certainly new begins a new connection. */
  #reborn(connection: Connection, { flags, sequence, options }: Segment): boolean {
    const { tcb } = connection;
    if (tcb.state !== "time-wait" || (flags & (SYN | ACK | RST)) !== SYN) return false;
    const newer =
      tcb.timestamps && options.timestamp !== undefined
        ? before(tcb.recentTime, options.timestamp.value)
        : before(tcb.receiveNext, sequence);
    const key = this.#keys.get(connection);
    if (!newer || key === undefined) return false;
    tcb.silence();
    tcb.state = "closed";
    this.#remove(connection, key);
    return true;
  }

  #listenerFor(local: Endpoint): Listener | undefined {
    const listeners = this.#listeners.get(local.port) ?? [];
    return (
      listeners.find(({ parts }) => parts.local.address === local.address) ??
      listeners.find(({ parts }) => parts.local.address === ANY_ADDRESS)
    );
  }

  #complete(
    listener: Listener,
    segment: Segment,
    { key, ends, nowMs }: { key: string; ends: Ends; nowMs: number },
  ): void {
    if ((segment.flags & SYN) !== 0) {
      this.#refuse(segment, ends);
      return;
    }
    if (this.#connections.size >= this.#connectionsMax && this.#timeWait.size === 0) return;
    const halfOpen = listener.arriveAck(segment, { key, ends }, nowMs);
    if (halfOpen === "refused") this.#refuse(segment, ends);
    if (halfOpen === "refused" || halfOpen === "dropped") return;
    this.#makeRoom();
    const connection = this.#add(key, this.#accept(listener, halfOpen, nowMs));
    connection.arrive(segment, nowMs);
    if (connection.tcb.state === "closed") return;
    listener.accepted.push(connection);
    listener.changed();
  }

  /** The control block of a handshake that lacks only the peer's ACK. */
  #accept({ parts }: Listener, halfOpen: HalfOpen, nowMs: number): Tcb {
    const { ends, syn, sequence, timeOffset } = halfOpen;
    const tcb = this.#newTcb(ends, { sequence, timeOffset }, parts.settings);
    enter(tcb, "syn", nowMs);
    adoptSyn(tcb, syn, nowMs);
    tcb.nxt = tcb.max = advance(sequence, 1);
    const window = Math.min(WINDOW_MAX, parts.settings.receiveBytesMax);
    tcb.edge = advance(tcb.receiveNext, window);
    tcb.synLost = halfOpen.tries > 1;
    return tcb;
  }

  /** RFC 9293 §3.10.7.1: what fits nothing is answered with a reset. */
  #refuse(segment: Segment, ends: Ends): void {
    if ((segment.flags & RST) !== 0) return;
    const acknowledges = (segment.flags & ACK) !== 0;
    this.#parts.send(
      {
        sourcePort: ends.local.port,
        destinationPort: ends.remote.port,
        sequence: acknowledges ? segment.acknowledgment : 0,
        acknowledgment: acknowledges ? 0 : advance(segment.sequence, sequenceLength(segment)),
        flags: acknowledges ? RST : RST | ACK,
        window: 0,
        options: {},
        payload: new Uint8Array(0),
      },
      ends,
    );
  }

  /** Makes room for one more connection: the oldest in TIME-WAIT gives way. @throws ENOBUFS */
  #makeRoom(): void {
    if (this.#connections.size < this.#connectionsMax) return;
    const [oldest] = this.#timeWait;
    const key = oldest === undefined ? undefined : this.#keys.get(oldest);
    if (oldest === undefined || key === undefined) throw ENOBUFS;
    oldest.tcb.silence();
    oldest.tcb.state = "closed";
    this.#remove(oldest, key);
  }

  #ephemeral({ local, remote }: Ends): Endpoint {
    const first = this.#parts.random.below(PORTS);
    for (let i = 0; i < PORTS; i++) {
      const port = EPHEMERAL_PORT_FIRST + ((first + i) % PORTS);
      const candidate = { address: local.address, port };
      const taken = this.#connections.has(keyOf({ local: candidate, remote }));
      if (!taken && !this.#listeners.has(port)) return candidate;
    }
    throw EADDRINUSE;
  }

  #freeListenPort(): number {
    const first = this.#parts.random.below(PORTS);
    for (let i = 0; i < PORTS; i++) {
      const port = EPHEMERAL_PORT_FIRST + ((first + i) % PORTS);
      if (!this.#listeners.has(port)) return port;
    }
    throw EADDRINUSE;
  }
}

function keyOf({ local, remote }: Ends): string {
  return `${local.address}:${local.port}:${remote.address}:${remote.port}`;
}
