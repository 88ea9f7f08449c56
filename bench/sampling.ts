/**
 * Loops that take samples, the same for subjects and baselines: the clock is read once for each
 * sample, so that its price is the same everywhere.
 */

/** How long to run before it counts, and while it counts. */
export interface Span {
  readonly warmMs: number;
  readonly runMs: number;
}

/** Enough for a 99th percentile; a fast call then ends its turn early. */
const SAMPLES_MAX = 60_000;
/** Requests between two looks at the clock while warming up: code must become hot, too. */
const WARM_CALLS_MIN = 2_000;
const WARM_CALLS_SLOW = 20;
/** A rate is the mean over this long. */
const RATE_MS = 10;
const NS_PER_MS = 1e6;

/** Times each of many blocking calls, in nanoseconds. */
export function sampleCalls(call: () => void, { warmMs, runMs }: Span): Float64Array {
  const warm = warming(warmMs);
  while (warm()) call();
  const samples = new Float64Array(SAMPLES_MAX);
  let count = 0;
  const startMs = performance.now();
  let lastMs = startMs;
  while (count < SAMPLES_MAX && lastMs - startMs < runMs) {
    call();
    const nowMs = performance.now();
    samples[count++] = (nowMs - lastMs) * NS_PER_MS;
    lastMs = nowMs;
  }
  return samples.subarray(0, count);
}

/** Times each of many calls that answer with a promise, in nanoseconds. */
export async function sampleAsyncCalls(
  call: () => Promise<unknown>,
  { warmMs, runMs }: Span,
): Promise<Float64Array> {
  const warm = warming(warmMs);
  while (warm()) await call();
  const samples = new Float64Array(SAMPLES_MAX);
  let count = 0;
  const startMs = performance.now();
  let lastMs = startMs;
  while (count < SAMPLES_MAX && lastMs - startMs < runMs) {
    await call();
    const nowMs = performance.now();
    samples[count++] = (nowMs - lastMs) * NS_PER_MS;
    lastMs = nowMs;
  }
  return samples.subarray(0, count);
}

/** Measures how much of something gets done a second. `step` does a piece and says how much. */
export function sampleRate(step: () => number, { warmMs, runMs }: Span): Float64Array {
  const warm = warming(warmMs);
  while (warm()) step();
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

/** True until the time is over and the code is warm; slow calls need not be many. */
function warming(warmMs: number): () => boolean {
  const endMs = performance.now() + warmMs;
  let calls = 0;
  return () => {
    calls++;
    if (performance.now() < endMs) return true;
    const slow = performance.now() > endMs + warmMs;
    return calls < (slow ? WARM_CALLS_SLOW : WARM_CALLS_MIN);
  };
}
