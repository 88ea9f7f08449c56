/*
 * Faults for a network: wraps a back end so that frames get lost, come twice, overtake one another
 * or have a bit wrong, in both directions. Seeded, so that a run can be repeated.
 */
import { type Random, seededRandom } from "../../ipc/clock.js";
import { happens, type NetworkFaults } from "../faults.js";
import type { NetworkBackend } from "../network.js";

/** Frames that have been taken in but could not be delivered yet. */
const HELD_MAX = 64;

/** A network that misbehaves as told. */
export function faultyNetwork(
  network: NetworkBackend,
  faults: NetworkFaults,
  seed: number,
): NetworkBackend {
  const outward = new FrameFaults(faults, seededRandom(seed));
  const inward = new FrameFaults(faults, seededRandom(seed + 1));
  let waiting: Uint8Array[] = [];
  let deliver: (frame: Uint8Array) => boolean = () => false;
  const offer = (): void => {
    let taken = 0;
    while (taken < waiting.length && deliver(waiting[taken] as Uint8Array)) taken++;
    waiting = waiting.slice(taken);
  };
  return {
    counters: network.counters,
    connect(receiver) {
      deliver = (frame) => receiver.receive(frame);
      network.connect({
        linkChanged: (up) => receiver.linkChanged(up),
        receive(frame) {
          // Decided once for each frame: what waits here has had its fault.
          if (waiting.length >= HELD_MAX) return false;
          waiting.push(...inward.pass(frame));
          offer();
          return true;
        },
      });
    },
    transmit(frame) {
      for (const passed of outward.pass(frame)) network.transmit(passed);
    },
    resume() {
      offer();
      network.resume();
    },
    close: () => network.close(),
  };
}

/** What becomes of frames in one direction. */
class FrameFaults {
  readonly #faults: NetworkFaults;
  readonly #random: Random;
  /** Lets the next one pass first. */
  #held: Uint8Array | undefined;

  constructor(faults: NetworkFaults, random: Random) {
    this.#faults = faults;
    this.#random = random;
  }

  /** The frames that come out when `frame` goes in. */
  pass(frame: Uint8Array): Uint8Array[] {
    const below = (limit: number): number => this.#random.below(limit);
    const held = this.#held;
    this.#held = undefined;
    const out: Uint8Array[] = [];
    if (!happens(this.#faults.loss, below)) {
      const copy = Uint8Array.from(frame);
      if (happens(this.#faults.corruption, below)) flipBit(copy, below);
      const twice = happens(this.#faults.duplication, below);
      if (held === undefined && happens(this.#faults.reordering, below)) this.#held = copy;
      else out.push(copy);
      if (twice) out.push(copy);
    }
    if (held !== undefined) out.push(held);
    return out;
  }
}

function flipBit(frame: Uint8Array, below: (limit: number) => number): void {
  const at = below(frame.length);
  frame[at] = (frame[at] as number) ^ (1 << below(8));
}
