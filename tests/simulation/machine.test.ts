/**
 * The whole machine in one thread under seeds: the real kernel, gates and supervision, with daemons
 * killed at any step. The same seed gives the same run, to the last line of the trace.
 */

import { describe, expect, it } from "vitest";
import { runScenario } from "./scenario.js";

const SEEDS = 25;

describe("simulated machine", () => {
  it("without deaths nothing ends with an error", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      expect((await runScenario(seed, { kills: 0 })).wrong, `seed ${seed}`).toEqual([]);
    }
  });

  it("with deaths every history is linearizable, and every operation ends", async () => {
    let replayed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const outcome = await runScenario(seed, { kills: 6 });
      expect(outcome.wrong, `seed ${seed}`).toEqual([]);
      replayed += outcome.replayed;
    }
    // The deaths did hit requests.
    expect(replayed).toBeGreaterThan(SEEDS);
  }, 120_000);

  it("the same seed gives the same run; another one does not", async () => {
    const first = await runScenario(7, { kills: 6 });
    expect(first.trace.length).toBeGreaterThan(50);
    expect((await runScenario(7, { kills: 6 })).trace).toEqual(first.trace);
    expect((await runScenario(8, { kills: 6 })).trace).not.toEqual(first.trace);
  });

  it("canary: an end that is told too early is found out", async () => {
    const found: string[] = [];
    for (let seed = 1; seed <= SEEDS && found.length === 0; seed++) {
      found.push(...(await runScenario(seed, { kills: 6, exitsEarly: true })).wrong);
    }
    expect(found).not.toEqual([]);
  });
});
