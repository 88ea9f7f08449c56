/** Plays counterparts: each gets a fresh scene, and all share one real machine. */

import { afterAll, beforeAll, describe, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import type { Counterpart } from "./counterpart.js";
import { Scene } from "./scene.js";

/** Registers the tests. */
export function play(system: string, cases: readonly Counterpart[]): void {
  let os: TestMachine;
  beforeAll(async () => {
    os = await bootForTest();
    await os.load(new URL("../fixtures/faulty/", import.meta.url));
  });
  afterAll(async () => {
    await os.close();
  });
  describe(system, () => {
    for (const { of, claim, run } of cases) {
      it(`${of}: ${claim}`, async () => {
        const scene = await Scene.set();
        try {
          await run({ scene, os });
        } finally {
          await scene.world.close();
        }
      });
    }
  });
}
