/**
 * Adaptive waiting: spin about as long as a park costs, and not at all where spinning does not pay.
 *
 * The rule keeps four facts: `fast`, the last wait was hit while polling; `bad`, spins have missed;
 * `short`, parks in a row that were short (a spin might have hit); `gap`, how many of those it
 * takes before a spin is probed again. It never averages waiting times: a parked wait measures the
 * park.
 */

/** Polls before the first look at the clock; a hit there costs less than half a microsecond. */
const POLLS = 60;
/** A spin lasts about as long as a park and a wake cost. */
const SPIN_MS = 0.05;
/** A caller that waited longer ago than this is rare, and never spins. */
const RARE_MS = 0.3;
/** A park shorter than this might have been a spin's hit. */
const SHORT_MS = 0.2;
/** A probe's hit counts only when it came this soon. */
const PROBE_HIT_MS = 0.005;
const GAP_MIN = 4;
const GAP_MAX = 1024;
const MISSES_MAX = 3;

/** What a wait needs from its owner. */
export interface Waitable {
  /** True when there is something to do. */
  poll(): boolean;
  /**
   * Sleeps until something may have happened; announces the sleep and looks once more before it.
   */
  park(): void;
}

/** The state of one thread's waiting. */
export class Waiter {
  #fast = false;
  #bad = false;
  #short = 0;
  #gap = GAP_MIN;
  #misses = 0;
  #lastMs = 0;
  readonly #now: () => number;

  /** @param now - milliseconds of a monotonic clock, with fractions */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Waits until `poll` is true or one park is over.
   * @param wokePeer - whether this thread has just woken the thread that it waits for
   * @param deferred - whether the peer waits for the world: then spinning only delays it
   */
  wait(waitable: Waitable, wokePeer: boolean, deferred: boolean): void {
    for (let i = 0; i < POLLS; i++) {
      if (waitable.poll()) {
        this.#fast = true;
        this.#bad = false;
        return;
      }
    }
    const startMs = this.#now();
    if (!deferred && this.#maySpin(startMs, wokePeer) && this.#spin(waitable, startMs)) return;
    const parkedMs = this.#now();
    waitable.park();
    this.#lastMs = this.#now();
    this.#short = this.#lastMs - parkedMs < SHORT_MS ? this.#short + 1 : 0;
  }

  #probe = false;

  #maySpin(nowMs: number, wokePeer: boolean): boolean {
    this.#probe = false;
    if (!this.#fast && nowMs - this.#lastMs > RARE_MS) return false;
    this.#fast = false;
    if (this.#short >= this.#gap) {
      this.#short = 0;
      this.#probe = true;
      return true;
    }
    return !this.#bad && !(wokePeer && this.#misses > 0);
  }

  #spin(waitable: Waitable, startMs: number): boolean {
    let nowMs = startMs;
    do {
      for (let i = 0; i < 16; i++) {
        if (waitable.poll()) {
          const spunMs = this.#now() - startMs;
          if (!this.#probe || spunMs < PROBE_HIT_MS) {
            this.#bad = false;
            this.#misses = 0;
            this.#gap = GAP_MIN;
          }
          this.#lastMs = startMs + spunMs;
          return true;
        }
      }
      nowMs = this.#now();
    } while (nowMs - startMs < SPIN_MS);
    this.#misses++;
    if (this.#probe || this.#misses >= MISSES_MAX) {
      this.#bad = true;
      this.#gap = Math.min(GAP_MAX, 2 * this.#gap);
    }
    return false;
  }
}
