/*
 * Faults for an interrupt line: wraps a wire so that interrupts get lost, come without a cause, or
 * the line sticks. What the device believes of its line does not change.
 */
import { seededRandom } from "../ipc/clock.js";
import type { Wire } from "./device.js";
import { happens, type WireFaults } from "./faults.js";

/** A wire that misbehaves as told. */
export function faultyWire(wire: Wire, faults: WireFaults, seed: number): Wire {
  const random = seededRandom(seed);
  const below = (limit: number): number => random.below(limit);
  const { stuckAfter = Number.POSITIVE_INFINITY } = faults;
  let before: 0 | 1 = 0;
  let rises = 0;
  return (level) => {
    const rising = level === 1 && before === 0;
    const falling = level === 0 && before === 1;
    before = level;
    if (rises >= stuckAfter) return;
    if (rising) {
      rises++;
      if (!happens(faults.lost, below)) wire(1);
    } else if (falling) {
      wire(0);
      if (!happens(faults.spurious, below)) return;
      wire(1);
      wire(0);
    }
  };
}
