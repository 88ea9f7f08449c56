/**
 * Recovery, simulated: deaths between any two steps, thousands of seeds. Every request is answered
 * exactly once; what its class promises holds; nothing reaches an object that it was not meant for.
 * A failure names its seed: `new Simulation(seed, weather).run()` repeats it.
 */

import { describe, expect, it } from "vitest";
import { Simulation, type Weather } from "./recovery-simulation.js";

const SEEDS = 1000;

/** Runs many seeds; says what went wrong in the first that failed. */
function simulate(weather: Weather, seeds = SEEDS): { failure: string; deaths: number } {
  let deaths = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const simulation = new Simulation(seed, weather);
    const wrong = simulation.run();
    deaths += simulation.deaths;
    if (wrong.length > 0) return { failure: `seed ${seed}: ${wrong.join("; ")}`, deaths };
  }
  return { failure: "", deaths };
}

describe("recovery", () => {
  it("recovery: each request completes exactly once, as its class promises", () => {
    const { failure, deaths } = simulate({});
    expect(failure).toBe("");
    expect(deaths).toBeGreaterThan(SEEDS);
  });

  it("recovery: a provider that is given up leaves nobody waiting", () => {
    expect(simulate({ givesUp: true }).failure).toBe("");
  });

  it("recovery: giving up a request never lies about what was done", () => {
    expect(simulate({ cancels: true }).failure).toBe("");
  });

  it("recovery: a session that is closed meanwhile never lends its number to another", () => {
    expect(simulate({ closes: true }).failure).toBe("");
  });

  it("recovery: a session that is lost never lies about what was done", () => {
    expect(simulate({ volatile: true }).failure).toBe("");
  });

  it("recovery: everything at once", () => {
    expect(simulate({ cancels: true, closes: true, volatile: true }).failure).toBe("");
  });

  it("recovery: canary, deciding before the provider has ended is noticed", () => {
    expect(simulate({ classifiesEarly: true }).failure).not.toBe("");
  });
});
