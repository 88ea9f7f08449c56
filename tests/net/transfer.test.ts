/** Two hosts and a hostile network, some seeds; `npm run soak:net` runs as many as one likes. */

import { describe, expect, it } from "vitest";
import { simulateTransfer } from "./transfer-simulation.js";

const SEEDS = 40;

describe("tcp: streams over a hostile network", () => {
  it(`arrive whole and in order, or both ends learn that they failed (${SEEDS} seeds)`, () => {
    let connections = 0;
    let failed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const outcome = simulateTransfer(seed);
        connections += outcome.connections;
        failed += outcome.failed;
      } catch (error) {
        throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
      }
    }
    // Neither are all spared, nor does everything fail: else the weather proves nothing.
    expect(failed).toBeGreaterThan(0);
    expect(failed).toBeLessThan(connections / 2);
  });
});
