/**
 * Two hosts on a hostile link, in one thread and in virtual time: frames are lost, doubled, delayed
 * past one another, damaged, and cut off for seconds at a time, all from one seed.
 */

import { type Random, seededRandom } from "../../ipc/clock.js";
import { Stack } from "../../schemes/net/stack.js";
import type { TcpSettings } from "../../schemes/net/tcp/settings.js";
import { TimerQueue } from "../../schemes/net/timer-queue.js";

/** What the link does to frames: chances in a thousand, times in milliseconds. */
export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Cut off at the first moment, until the second. */
  readonly partitions: readonly (readonly [number, number])[];
}

export const FINE_WEATHER: Weather = {
  loss: 0,
  duplication: 0,
  corruption: 0,
  delayMs: 5,
  jitterMs: 0,
  partitions: [],
};

export const ADDRESS_A = 0x0a000001;
export const ADDRESS_B = 0x0a000002;
const ETHERNET_BYTES = 14;
const FRAME_BYTES_MAX = 1514;
const IP_TCP = 6;
const ORDER_MS = 1e-7;

/** One of the two, and what its users do after each change. */
interface Host {
  readonly stack: Stack;
  work: () => void;
}

/** See the head of the file. */
export class HostileLink {
  nowMs = 0;
  frames = 0;
  readonly a: Host;
  readonly b: Host;
  readonly random: Random;
  readonly #weather: Weather;
  readonly #flights = new TimerQueue<{ to: () => Host; frame: Uint8Array }>();

  constructor(seed: number, weather: Weather, settings: { a: TcpSettings; b: TcpSettings }) {
    this.random = seededRandom(seed);
    this.#weather = weather;
    this.a = this.#host(1, settings.a, () => this.b);
    this.b = this.#host(2, settings.b, () => this.a);
    this.a.stack.addAddress(ADDRESS_A, 24, 0);
    this.b.stack.addAddress(ADDRESS_B, 24, 0);
  }

  #host(last: number, tcp: TcpSettings, peer: () => Host): Host {
    const random = this.random;
    const stack = new Stack({
      mac: Uint8Array.of(2, 0, 0, 0, 0, last),
      random,
      secret: new Uint8Array(16).fill(last),
      tcp,
      transmit: (frame) => this.#carry(frame, peer),
    });
    return { stack, work: () => {} };
  }

  #chance(inThousand: number): boolean {
    return this.random.below(1000) < inThousand;
  }

  #carry(frame: Uint8Array, to: () => Host): void {
    const { loss, duplication, corruption, partitions } = this.#weather;
    this.frames += 1;
    if (frame.length > FRAME_BYTES_MAX) throw new Error(`a frame of ${frame.length} bytes`);
    const piece = frame[12] === 8 && ((frame[20] ?? 0) & 0x20) !== 0;
    if (piece && frame[23] === IP_TCP) throw new Error("a TCP segment in fragments");
    const cut = partitions.some(([from, until]) => from <= this.nowMs && this.nowMs < until);
    if (cut || this.#chance(loss)) return;
    const copies = this.#chance(duplication) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const copy = frame.slice();
      // Only what a checksum of ours covers: a real link has a sum of its own around all of it.
      if (copy[12] === 8 && copy[13] === 0 && this.#chance(corruption)) {
        const at = ETHERNET_BYTES + this.random.below(copy.length - ETHERNET_BYTES);
        copy[at] = (copy[at] ?? 0) ^ (1 << this.random.below(8));
      }
      const { delayMs, jitterMs } = this.#weather;
      // Without jitter frames keep their order, also those of one moment.
      const order = this.frames * ORDER_MS;
      const atMs = this.nowMs + delayMs + this.random.below(jitterMs + 1) + order;
      this.#flights.schedule({ to, frame: copy }, atMs);
    }
  }

  /** Runs until nothing is left to do, or until a time. */
  run(untilMs: number): void {
    for (;;) {
      this.a.work();
      this.b.work();
      const next = Math.min(this.#flights.nextMs, this.a.stack.deadlineMs, this.b.stack.deadlineMs);
      if (next > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, next);
      this.#step();
    }
  }

  #step(): void {
    const flight = this.#flights.take(this.nowMs);
    if (flight !== undefined) {
      flight.to().stack.arrive(flight.frame, this.nowMs);
      return;
    }
    for (const { stack } of [this.a, this.b]) {
      if (stack.deadlineMs <= this.nowMs) stack.tick(this.nowMs);
    }
  }
}
