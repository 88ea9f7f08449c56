/** A smoke of the random probes. The long run is `npm run probes -- --count N --seed S`. */

import { expect, it } from "vitest";
import { probe } from "./probes.js";

it("probes: whatever programs try, they get what the oracle allows and nothing else", async () => {
  const seed = Date.now() % 2 ** 31;
  console.log(`probes: seed ${seed}`);
  const result = await probe({ count: 25_000, seed });
  expect(result.count).toBe(25_000);
  // Neither all refused nor all allowed.
  expect(result.allowed).toBeGreaterThan(2500);
  expect(result.allowed).toBeLessThan(22_500);
}, 60_000);

it("probes: canary, a revocation that does not hold is noticed", async () => {
  const run = probe({ count: 20_000, seed: 7, sabotage: true });
  await expect(run).rejects.toThrow(/of seed 7/);
}, 60_000);
