/*
 * Time as devices see it: nanoseconds since power-on, as a bigint, because an alarm may be 136
 * years away. A device owns a fixed number of timers, so nothing here queues without limit. The
 * running board has the host's clock; replays and tests have one that moves when they say so.
 */

/** One timer of a device; disarmed at first. */
export interface Timer {
  /** Expires once, at `atNs` or as soon after it as the clock can; replaces what was armed. */
  arm(atNs: bigint): void;
  disarm(): void;
}

/** What tells devices the time. */
export interface Clock {
  /** Nanoseconds since power-on; never goes back. */
  now(): bigint;
  /** Makes a timer that calls `expire`. `expire` may arm it again, for a later moment only. */
  timer(expire: () => void): Timer;
}

/** Nanoseconds of a second. */
export const NS_PER_S = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;
/** The longest time that Node's timers take; longer waits are done in pieces. */
const TIMEOUT_MS_MAX = 2_147_483_647n;

/** The host's monotonic clock. Its timers do not keep the process alive. */
export function hostClock(): Clock {
  const start = process.hrtime.bigint();
  const now = (): bigint => process.hrtime.bigint() - start;
  return {
    now,
    timer(expire) {
      let timeout: NodeJS.Timeout | undefined;
      const disarm = (): void => {
        clearTimeout(timeout);
        timeout = undefined;
      };
      const arm = (atNs: bigint): void => {
        disarm();
        const restMs = (atNs - now() + NS_PER_MS - 1n) / NS_PER_MS;
        const waitMs = restMs > TIMEOUT_MS_MAX ? TIMEOUT_MS_MAX : restMs < 0n ? 0n : restMs;
        timeout = setTimeout(() => (now() < atNs ? arm(atNs) : expire()), Number(waitMs));
        timeout.unref();
      };
      return { arm, disarm };
    },
  };
}

interface VirtualTimer {
  atNs: bigint | undefined;
  expire: () => void;
}

/** A clock that stands still until it is advanced. */
export class VirtualClock implements Clock {
  readonly #timers: VirtualTimer[] = [];
  #nowNs = 0n;

  now(): bigint {
    return this.#nowNs;
  }

  timer(expire: () => void): Timer {
    const timer: VirtualTimer = { atNs: undefined, expire };
    this.#timers.push(timer);
    return {
      arm: (atNs) => {
        timer.atNs = atNs;
      },
      disarm: () => {
        timer.atNs = undefined;
      },
    };
  }

  /** Moves time on. Timers that become due expire in order, each at its own moment. */
  advance(byNs: bigint): void {
    const end = this.#nowNs + byNs;
    for (let due = this.#nextUntil(end); due !== undefined; due = this.#nextUntil(end)) {
      const { atNs } = due;
      if (atNs !== undefined && atNs > this.#nowNs) this.#nowNs = atNs;
      due.atNs = undefined;
      due.expire();
    }
    this.#nowNs = end;
  }

  #nextUntil(end: bigint): VirtualTimer | undefined {
    let next: VirtualTimer | undefined;
    let nextNs = end;
    for (const timer of this.#timers) {
      if (timer.atNs === undefined || timer.atNs > nextNs) continue;
      if (next !== undefined && timer.atNs === nextNs) continue;
      next = timer;
      nextNs = timer.atNs;
    }
    return next;
  }
}
