/**
 * Byte streams in both directions between two hosts on a hostile link. What must hold: what arrives
 * is a prefix of what was sent, and in the end each end either has all of the other's stream, or
 * knows that the connection failed.
 */

import { type Random, seededRandom } from "../../ipc/clock.js";
import type { Connection } from "../../schemes/net/tcp/connection.js";
import { TCP_DEFAULTS, type TcpSettings } from "../../schemes/net/tcp/settings.js";
import { ADDRESS_A, ADDRESS_B, HostileLink, type Weather } from "./hostile-link.js";

const PORT = 80;
/** Longer than all time-outs of a connection together. */
const END_MS = 3_600_000;
const CONNECTIONS_MAX = 4;
const BYTES_MAX = 60_000;

/** Byte `index` of the stream with this number. */
function byteOf(stream: number, index: number): number {
  return (index * 31 + (index >>> 8) * 7 + stream * 13) & 0xff;
}

/** One end of a connection and its user, who writes, reads and closes at odd moments. */
class End {
  connection: Connection | undefined;
  readonly #sends: number;
  readonly #receives: number;
  readonly #bytes: number;
  readonly #random: Random;
  readonly #into = new Uint8Array(5000);
  sent = 0;
  received = 0;
  ended = false;
  shut = false;

  constructor(streams: { sends: number; receives: number; bytes: number }, random: Random) {
    this.#sends = streams.sends;
    this.#receives = streams.receives;
    this.#bytes = streams.bytes;
    this.#random = random;
  }

  get error(): string | undefined {
    return this.connection?.error?.code;
  }

  get finished(): boolean {
    return this.ended && this.shut;
  }

  work(nowMs: number): void {
    const { connection } = this;
    if (connection === undefined || !connection.settled || connection.error) return;
    do this.#receive(connection, nowMs);
    while (connection.readable > 0 && this.#late(connection));
    if (!connection.error && !this.shut) this.#send(connection, nowMs);
    if (this.finished) connection.close(nowMs);
  }

  #receive(connection: Connection, nowMs: number): void {
    // Now and then a reader is slow, and the window closes.
    if (connection.readable < 20_000 && this.#random.below(4) === 0 && !this.#late(connection)) {
      return;
    }
    const size = 1 + this.#random.below(this.#into.length);
    const count = connection.receive(this.#into.subarray(0, size), nowMs);
    for (let i = 0; i < count; i++) {
      if (this.#into[i] === byteOf(this.#receives, this.received + i)) continue;
      throw new Error(`stream ${this.#receives}: byte ${this.received + i} is wrong`);
    }
    this.received += count;
    if (connection.ended && !connection.error) this.ended = true;
  }

  /** Whether nothing will happen by itself any more, so that nobody may wait. */
  #late(connection: Connection): boolean {
    return connection.tcb.finAt !== undefined || connection.tcb.deadlineMs === Infinity;
  }

  #send(connection: Connection, nowMs: number): void {
    const want = 1 + this.#random.below(9000);
    const size = Math.min(this.#bytes - this.sent, want, connection.writable);
    const bytes = new Uint8Array(Math.max(0, size));
    for (let i = 0; i < size; i++) bytes[i] = byteOf(this.#sends, this.sent + i);
    if (size > 0) this.sent += connection.send(bytes, nowMs);
    if (this.sent < this.#bytes || connection.error) return;
    this.shut = true;
    connection.shutdown("write", nowMs);
  }
}

/** Settings of one host, drawn at random. */
function drawSettings(random: Random): TcpSettings {
  const coin = (): boolean => random.below(3) > 0;
  return {
    ...TCP_DEFAULTS,
    windowScaling: coin(),
    timestamps: coin(),
    sack: coin(),
    noDelay: coin(),
    congestion: coin() ? "cubic" : "newreno",
    sendBytesMax: 2000 + random.below(60_000),
    receiveBytesMax: 2000 + random.below(100_000),
    keepAliveMs: 20_000,
    keepAliveIntervalMs: 5000,
    keepAliveProbes: 6,
    userTimeoutMs: 60_000,
    synTimeoutMs: 60_000,
  };
}

function drawWeather(random: Random): Weather {
  const often = random.below(3);
  const worst = [0, 30, 200][often] ?? 0;
  const partitions: [number, number][] = [];
  for (let i = random.below(3); i > 0; i--) {
    const from = random.below(20_000);
    // The longest are beyond what a connection survives.
    partitions.push([from, from + random.below([100, 5000, 150_000][random.below(3)] ?? 0)]);
  }
  return {
    loss: random.below(worst + 1),
    duplication: random.below(worst + 1),
    corruption: random.below(worst / 2 + 1),
    delayMs: random.below(100),
    jitterMs: random.below([1, 5, 200][random.below(3)] ?? 1),
    partitions,
  };
}

/** What happened, for counting. */
export interface Outcome {
  readonly connections: number;
  readonly failed: number;
  readonly bytes: number;
  readonly frames: number;
  readonly virtualMs: number;
}

/** Runs one seed. Throws when something that must hold did not. */
export function simulateTransfer(seed: number): Outcome {
  const random = seededRandom(seed);
  const settings = { a: drawSettings(random), b: drawSettings(random) };
  const link = new HostileLink(seed + 1, drawWeather(random), settings);
  const listener = link.b.stack.tcp.listen({ address: 0, port: PORT }, CONNECTIONS_MAX);
  const pairs = Array.from({ length: 1 + random.below(CONNECTIONS_MAX) }, (_, i) => ({
    a: new End({ sends: 2 * i, receives: 2 * i + 1, bytes: random.below(BYTES_MAX) }, random),
    b: new End({ sends: 2 * i + 1, receives: 2 * i, bytes: random.below(BYTES_MAX) }, random),
  }));
  for (const { a } of pairs) {
    const remote = { address: ADDRESS_B, port: PORT };
    const local = { address: ADDRESS_A, port: 0 };
    a.connection = link.a.stack.connect(remote, local, { nowMs: 0, settings: settings.a });
  }
  link.a.work = () => {
    for (const { a } of pairs) a.work(link.nowMs);
  };
  link.b.work = () => {
    for (const accepted of listener.accepted.splice(0)) {
      const { port } = accepted.ends.remote;
      const pair = pairs.find(({ a }) => a.connection?.ends.local.port === port);
      if (pair !== undefined) pair.b.connection = accepted;
    }
    for (const { b } of pairs) b.work(link.nowMs);
  };
  link.run(END_MS);
  for (const [index, pair] of pairs.entries()) checkPair(index, pair);
  checkEmpty(link);
  return {
    connections: pairs.length,
    failed: pairs.filter(({ a, b }) => a.error !== undefined || b.error !== undefined).length,
    bytes: pairs.reduce((sum, { a, b }) => sum + a.received + b.received, 0),
    frames: link.frames,
    virtualMs: link.nowMs,
  };
}

function checkPair(index: number, { a, b }: { a: End; b: End }): void {
  const knows = (end: End): boolean => end.error !== undefined || end.connection === undefined;
  const say = `connection ${index}: ${describe(a)} and ${describe(b)}`;
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    if (one.ended && one.received !== other.sent) throw new Error(`${say}: ended early`);
    if (!one.finished && !knows(one)) throw new Error(`${say}: waits for ever`);
  }
}

function describe(end: End): string {
  const state = end.connection?.tcb.state ?? "never accepted";
  return `${state} ${end.error ?? ""} sent ${end.sent} received ${end.received}`;
}

/** In the end nothing is kept: no connection, no memory. */
function checkEmpty(link: HostileLink): void {
  for (const { stack } of [link.a, link.b]) {
    if (stack.tcp.connectionCount > 0) {
      const states = [...stack.tcp.connections].map(({ tcb }) => tcb.state);
      throw new Error(`connections are left over: ${states.join(", ")}`);
    }
  }
}
