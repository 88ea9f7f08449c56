/**
 * Loops that take samples, the same for subjects and baselines. Reading the clock costs 70 to 140
 * ns, as much as half a fast call: so fast calls are timed a few together, and slow ones each
 * alone.
 */

import { hrtime } from "node:process";

/** How long to run before it counts, and while it counts. */
export interface Span {
  readonly warmMs: number;
  readonly runMs: number;
}

/** Enough for a 99th percentile; a fast call then ends its turn early. */
const SAMPLES_MAX = 20_000;
/** Calls in one sample, while a call takes less than so many nanoseconds. */
const TOGETHER = 4;
const FAST_NS = 5_000;
/** Calls before it counts, at least: code must become hot, too. Slow calls need not be many. */
const WARM_CALLS_MIN = 2_000;
const WARM_CALLS_SLOW = 20;
/** A rate is the mean over this long. */
const RATE_MS = 10;
const NS_PER_MS = 1e6;
const NS_PER_SECOND = 1e9;

/** Times many blocking calls, in nanoseconds for each. */
export function sampleCalls(call: () => void, { warmMs, runMs }: Span): Float64Array {
  const warm = new Warming(warmMs);
  while (warm.goesOn()) call();
  const samples = new Samples(warm.callNs, runMs);
  const { together } = samples;
  do {
    for (let i = 0; i < together; i++) call();
  } while (samples.take());
  return samples.list();
}

/** Times many calls that answer with a promise, one after the other, in nanoseconds for each. */
export async function sampleAsyncCalls(
  call: () => Promise<unknown>,
  { warmMs, runMs }: Span,
): Promise<Float64Array> {
  const warm = new Warming(warmMs);
  while (warm.goesOn()) await call();
  const samples = new Samples(warm.callNs, runMs);
  const { together } = samples;
  do {
    for (let i = 0; i < together; i++) await call();
  } while (samples.take());
  return samples.list();
}

/** Takes the time of each group of calls, until there are enough or time is over. */
class Samples {
  readonly together: number;
  readonly #samples = new Float64Array(SAMPLES_MAX);
  readonly #runNs: number;
  #count = 0;
  #spentNs = 0;
  #last = hrtime();

  constructor(callNs: number, runMs: number) {
    this.together = callNs < FAST_NS ? TOGETHER : 1;
    this.#runNs = runMs * NS_PER_MS;
  }

  /** Ends a group. False: that was the last. */
  take(): boolean {
    const now = hrtime();
    const elapsedNs = (now[0] - this.#last[0]) * NS_PER_SECOND + now[1] - this.#last[1];
    this.#last = now;
    this.#spentNs += elapsedNs;
    this.#samples[this.#count++] = elapsedNs / this.together;
    return this.#count < SAMPLES_MAX && this.#spentNs < this.#runNs;
  }

  list(): Float64Array {
    return this.#samples.slice(0, this.#count);
  }
}

/** Measures how much of something gets done a second. `step` does a piece and says how much. */
export function sampleRate(step: () => number, { warmMs, runMs }: Span): Float64Array {
  const warm = new Warming(warmMs);
  while (warm.goesOn()) step();
  const meter = new RateMeter();
  const endMs = performance.now() + runMs;
  while (performance.now() < endMs) meter.add(step());
  return meter.samples();
}

/** Collects amounts into rates over about ten milliseconds each. */
export class RateMeter {
  readonly #samples: number[] = [];
  #amount = 0;
  #sinceMs = performance.now();

  /** Counts what was done just now. */
  add(amount: number): void {
    this.#amount += amount;
    const elapsedMs = performance.now() - this.#sinceMs;
    if (elapsedMs >= RATE_MS) this.#end(elapsedMs);
  }

  #end(elapsedMs: number): void {
    this.#samples.push((this.#amount / elapsedMs) * 1000);
    this.#amount = 0;
    this.#sinceMs = performance.now();
  }

  /** Rates a second. What is left of the last piece counts only if there is no other. */
  samples(): Float64Array {
    if (this.#samples.length === 0) this.#end(performance.now() - this.#sinceMs);
    return Float64Array.from(this.#samples);
  }
}

/** Counts calls until the time is over and the code is warm. */
class Warming {
  readonly #startMs = performance.now();
  readonly #warmMs: number;
  #calls = 0;

  constructor(warmMs: number) {
    this.#warmMs = warmMs;
  }

  /** True while another call should be made. */
  goesOn(): boolean {
    this.#calls++;
    const elapsedMs = performance.now() - this.#startMs;
    if (elapsedMs < this.#warmMs) return true;
    const slow = elapsedMs > 2 * this.#warmMs;
    return this.#calls < (slow ? WARM_CALLS_SLOW : WARM_CALLS_MIN);
  }

  /** What a call took, roughly. */
  get callNs(): number {
    return ((performance.now() - this.#startMs) * NS_PER_MS) / this.#calls;
  }
}
