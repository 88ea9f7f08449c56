/** Time and randomness as parameters, so that a simulation can bring its own. */

/** The machine's clock in milliseconds, monotonic, with fractions. */
export interface Clock {
  now(): number;
}

/** The clock of the host, the same for all threads of one operating-system process. */
export const hostClock: Clock = {
  // timeOrigin differs between threads; their sum is the common time.
  now: () => performance.timeOrigin + performance.now(),
};

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
