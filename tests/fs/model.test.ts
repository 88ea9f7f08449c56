/** Random operations against a plain model: the same answers, the same state, and a clean check. */

import { describe, expect, it } from "vitest";
import { Model, performOn, stateOf } from "./model.js";
import { randomOperation } from "./operations.js";
import { randomFrom } from "./random.js";
import { expectClean, MEBIBYTE, mounted, newFileSystem } from "./volume.js";

const SEEDS = [1, 2, 3, 4];
const STEPS = 250;

describe("fs: model", () => {
  it.each(SEEDS)("model: answers and states agree, seed %i", async (seed) => {
    const next = randomFrom(seed * 7919);
    const model = new Model();
    const { device, fs: first } = await newFileSystem(16 * MEBIBYTE);
    let fs = first;
    for (let step = 0; step < STEPS; step++) {
      const operation = randomOperation(next, { names: 4, bytesMax: 300_000 });
      const expected = model.perform(operation);
      const got = await performOn(fs, operation);
      expect(got, `${JSON.stringify({ seed, step, operation })}`).toBe(expected);
      const roll = next() % 60;
      if (roll < 3) await fs.volume.sync();
      if (roll === 3) {
        await fs.volume.unmount();
        fs = await mounted(device);
      }
      if (roll === 4) expect(await stateOf(fs)).toBe(model.toString());
    }
    expect(await stateOf(fs), `seed ${seed}`).toBe(model.toString());
    await expectClean(fs);
    await fs.volume.unmount();
    const again = await mounted(device);
    expect(await stateOf(again), `seed ${seed}`).toBe(model.toString());
    await expectClean(again);
  });
});
