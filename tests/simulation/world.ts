/**
 * A world of threads in one: a seeded scheduler and a virtual clock. One step at a time runs to
 * its next wait; which one is drawn from the seed. Time passes a little with each step, and jumps
 * when everybody sleeps. The same seed gives the same run.
 */

import { type Clock, hostTurn, type Random, seededRandom, type Timers } from "../../ipc/clock.js";
import { Doorbell } from "../../ipc/doorbell.js";

/** A step takes up to this long, in microseconds of the virtual clock. */
const STEP_US_MAX = 100;

/** A simulated thread. One that is dead takes no further step. */
export interface SimThread {
  readonly name: string;
  dead: boolean;
}

/** What a thread waits for. */
interface Waiting {
  thread: SimThread;
  ready: () => boolean;
  resume: () => void;
}

/** The scheduler. */
export class World implements Clock {
  readonly random: Random;
  #nowMs = 0;
  #waiting: Waiting[] = [];
  /** Moments at which somebody wakes: time jumps to the next when nobody else can run. */
  #alarms: number[] = [];
  steps = 0;

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  now(): number {
    return this.#nowMs;
  }

  thread(name: string): SimThread {
    return { name, dead: false };
  }

  /** Timers of one thread: they die with it. */
  timers(thread: SimThread): Timers {
    return {
      after: (delayMs, step) => {
        const atMs = this.#nowMs + delayMs;
        const waiting = { thread, ready: () => this.#nowMs >= atMs, resume: step };
        this.#waiting.push(waiting);
        this.#alarms.push(atMs);
        return () => {
          this.#waiting = this.#waiting.filter((other) => other !== waiting);
        };
      },
    };
  }

  /** Resolves when the scheduler has this thread go on. */
  turn(thread: SimThread): Promise<void> {
    return this.#until(thread, () => true);
  }

  /** Resolves after a time of up to `limitMs`. */
  delay(thread: SimThread, limitMs: number): Promise<void> {
    const delayMs = this.random.below(1000 * limitMs) / 1000;
    return new Promise((resolve) => {
      this.timers(thread).after(delayMs, resolve);
    });
  }

  /** A doorbell on which a thread of this world sleeps. */
  doorbell(thread: SimThread, memory: SharedArrayBuffer): Doorbell {
    return new SimDoorbell(memory, (ready) => this.#until(thread, ready));
  }

  #until(thread: SimThread, ready: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ thread, ready, resume: resolve });
    });
  }

  /**
   * Runs until `done`. Returns false when that does not come within `limitMs` of virtual time:
   * somebody hangs.
   */
  async run(done: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#nowMs + limitMs;
    while (!done()) {
      if (this.#nowMs > endMs) return false;
      await this.#step();
    }
    return true;
  }

  async #step(): Promise<void> {
    this.#waiting = this.#waiting.filter(({ thread }) => !thread.dead);
    let ready = this.#waiting.filter((waiting) => waiting.ready());
    if (ready.length === 0) {
      this.#jump();
      ready = this.#waiting.filter((waiting) => waiting.ready());
    }
    const next = ready[this.random.below(ready.length)];
    if (next === undefined) return;
    this.#waiting = this.#waiting.filter((other) => other !== next);
    this.#nowMs += this.random.below(STEP_US_MAX) / 1000;
    this.steps++;
    next.resume();
    // All microtasks of the step run before the next one is drawn.
    await hostTurn();
  }

  /** Nobody can run: the next alarm rings. */
  #jump(): void {
    const later = this.#alarms.filter((atMs) => atMs > this.#nowMs);
    this.#alarms = later;
    const [first] = later.sort((a, b) => a - b);
    if (first === undefined) throw new RangeError("everybody sleeps, and nobody has an alarm");
    this.#nowMs = first;
  }
}

/** Wakes by the scheduler's hand when the counter has changed. */
class SimDoorbell extends Doorbell {
  readonly #until: (ready: () => boolean) => Promise<void>;

  constructor(memory: SharedArrayBuffer, until: (ready: () => boolean) => Promise<void>) {
    super(memory);
    this.#until = until;
  }

  override park(): void {
    throw new RangeError("a simulated thread blocks");
  }

  override parkAsync(count: number): Promise<void> | undefined {
    return this.count() === count ? this.#until(() => this.count() !== count) : undefined;
  }
}
