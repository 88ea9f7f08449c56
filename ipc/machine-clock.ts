/**
 * The machine's own clock: the host's, less the time in which the machine stood still. The kernel
 * ticks it; when a tick is overdue the clock stops, and goes on from there with the next one. So a
 * machine that was suspended (a stopped process, a laptop that slept) finds no deadline passed that
 * nobody could have met.
 *
 * OFFSET SIZE MEANING
 *      0    8 origin: moment of the host's clock at which the machine was made, milliseconds, f64
 *      8    4 tick: host milliseconds since the origin at the last tick, i32
 *     12    4 stood: milliseconds in which the machine stood still, i32
 */

import { type Clock, hostClock } from "./clock.js";

const MEMORY_BYTES = 16;
const ORIGIN = 0;
const TICK = 2;
const STOOD = 3;

/** A tick that is later than this stops the clock, in milliseconds. Ticks come each 25. */
export const TICK_LATE_MS = 200;

/** Memory of a machine's clock, which counts from now on. */
export function allocateMachineClock(host: Clock = hostClock): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(MEMORY_BYTES);
  new Float64Array(memory)[ORIGIN] = host.now();
  return memory;
}

/** One thread's view of the machine's clock. */
export class MachineClock implements Clock {
  readonly #host: Clock;
  readonly #words: Int32Array;
  readonly #origin: number;

  constructor(memory: SharedArrayBuffer, host: Clock = hostClock) {
    this.#host = host;
    this.#words = new Int32Array(memory);
    this.#origin = new Float64Array(memory)[ORIGIN] as number;
  }

  /** Milliseconds since the machine was made. */
  now(): number {
    // Partner: `tick`, which stores STOOD first; whoever sees a new tick sees its STOOD too.
    const tick = Atomics.load(this.#words, TICK);
    const stood = Atomics.load(this.#words, STOOD);
    const host = this.#host.now() - this.#origin;
    return Math.min(host, tick + TICK_LATE_MS) - stood;
  }

  /** Kernel only: says that the machine runs. If this thread ends here, the clock stops. */
  tick(): void {
    const host = Math.floor(this.#host.now() - this.#origin);
    const late = host - Atomics.load(this.#words, TICK) - TICK_LATE_MS;
    if (late > 0) Atomics.add(this.#words, STOOD, late);
    Atomics.store(this.#words, TICK, host);
  }
}
