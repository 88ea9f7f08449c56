/** Frames of an attacker, a few thousand; `npm run soak:net` sends as many as one likes. */

import { describe, expect, it } from "vitest";
import { fuzzFrames } from "./frame-fuzz.js";

const SEEDS = 3;
const FRAMES = 2000;

describe("stack: under attack", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`keeps its limits, and a transfer goes on (seed ${seed}, ${FRAMES} frames)`, () => {
      expect(fuzzFrames(seed, FRAMES).frames).toBe(FRAMES);
    });
  }
});
