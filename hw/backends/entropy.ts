/* The host's random numbers as a source for the entropy device. */
import { randomFillSync } from "node:crypto";

/** Fills all of `bytes`, which are not shared, with the host's random numbers. */
export function hostEntropy(bytes: Uint8Array): void {
  randomFillSync(bytes);
}
