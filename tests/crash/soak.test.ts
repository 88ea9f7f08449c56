/** A smoke of the soak. The long run is `npm run soak -- --kills 1000 --seed N`. */

import { afterAll, expect, it } from "vitest";
import { testImages } from "./image.js";
import { soak, soakBytes } from "./soak.js";

const images = testImages();
afterAll(() => {
  images.remove();
});

it("soak: random kills under a mixed load lose nothing", async () => {
  const seed = Date.now() % 2 ** 31;
  const load = { kills: 40, seed, asyncClients: 2, programs: 1, blocksPerClient: 512 };
  const image = images.make("soak.img", soakBytes(load) / 2 ** 20);
  try {
    const result = await soak({ ...load, image: image.path });
    expect(result.kills).toBe(load.kills);
    expect(result.operations).toBeGreaterThan(0);
  } catch (error) {
    throw new Error(`soak failed with seed ${seed}`, { cause: error });
  }
}, 120_000);
