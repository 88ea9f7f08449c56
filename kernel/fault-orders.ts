/** Deaths that somebody ordered: armed at a point of a request's life, or at a random moment. */

import { type Random, seededRandom, type Timers } from "../ipc/clock.js";
import { FAULT_COUNT, FAULT_POINT } from "../ipc/process-block.js";
import type { FlightRecorder } from "./flight-recorder.js";
import type { Lifecycle } from "./lifecycle.js";
import type { Process } from "./process.js";

/** A random kill comes within this time, in microseconds. */
const RANDOM_US_MAX = 20_000;

/** Carries the orders out. */
export class FaultOrders {
  readonly #recorder: FlightRecorder;
  readonly #lifecycle: Lifecycle;
  readonly #random: Random;
  readonly #timers: Timers;

  constructor(parts: {
    recorder: FlightRecorder;
    lifecycle: Lifecycle;
    random: Random;
    timers: Timers;
  }) {
    this.#recorder = parts.recorder;
    this.#lifecycle = parts.lifecycle;
    this.#random = parts.random;
    this.#timers = parts.timers;
  }

  /** Arms a fault point in a worker; one that does not run is armed when it starts. */
  arm(victim: Process, point: number, nth: number): void {
    const { slot } = victim;
    if (slot === undefined || slot.ending) {
      victim.orderedFault = () => {
        this.arm(victim, point, nth);
      };
      return;
    }
    // Partner: FaultPoints.refresh in the gate, which loads the point and then the count.
    Atomics.store(slot.words, FAULT_COUNT, nth);
    Atomics.store(slot.words, FAULT_POINT, point);
    this.#recorder.record(victim, "armed", { point, nth });
  }

  /** Kills between any two instructions, after a random delay of up to 20 ms. */
  killSoon(victim: Process, seed: unknown): void {
    const { slot } = victim;
    if (slot === undefined || slot.ending) {
      victim.orderedFault = () => {
        this.killSoon(victim, seed);
      };
      return;
    }
    const random = typeof seed === "number" ? seededRandom(seed) : this.#random;
    this.#timers.after(random.below(RANDOM_US_MAX) / 1000, () => {
      // It died by itself in the meantime: the order stands for the next incarnation.
      if (victim.slot !== slot || slot.ending) {
        this.killSoon(victim, seed);
        return;
      }
      this.#recorder.record(victim, "fault", { by: "random kill" });
      this.#lifecycle.die(victim, { ordered: true, clean: false, cause: "killed" });
    });
  }
}
