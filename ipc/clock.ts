/**
 * Time, timers and randomness as parameters: whatever is not deterministic stands behind one of
 * these, so that a simulation can bring its own.
 */

/** A clock in milliseconds, monotonic, with fractions. */
export interface Clock {
  now(): number;
}

/**
 * The clock of the host, the same for all threads of one operating-system process. It counts from
 * an origin of the host's and does not step when somebody sets the date.
 */
export const hostClock: Clock = {
  now: () => {
    // Not performance.timeOrigin: each thread derives its own from the date.
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1000 + nanoseconds / 1e6;
  },
};

/** Runs steps later. */
export interface Timers {
  /**
   * Runs `step` once, when `delayMs` are over; a host may be a fraction of a millisecond early.
   * @returns takes the order back
   */
  after(delayMs: number, step: () => void): () => void;
}

/** Timers of the host's event loop. */
export const hostTimers: Timers = {
  after(delayMs, step) {
    const timer = setTimeout(step, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** A macrotask turn of the host's event loop: all microtasks have run when it resolves. */
export function hostTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A seeded source of numbers. */
export interface Random {
  /** Returns a whole number from 0 to below `limit`. */
  below(limit: number): number;
}

/** A small, fast, seeded generator (mulberry32). Not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    below(limit) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
    },
  };
}
