/** `npm run soak -- [--kills N] [--seed N]`: the long run of the soak, with its figures. */

import { parseArgs } from "node:util";
import { testImages } from "./image.js";
import { soak, soakBytes } from "./soak.js";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "1000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const load = {
  kills: Number(values.kills),
  seed: Number(values.seed),
  asyncClients: 3,
  programs: 2,
  blocksPerClient: 2048,
};
const images = testImages();
const startMs = performance.now();
console.log(`soak: ${load.kills} kills, seed ${load.seed}`);
try {
  const image = images.make("soak.img", soakBytes(load) / 2 ** 20);
  let shown = startMs;
  const result = await soak({
    ...load,
    image: image.path,
    progress: (kills, operations) => {
      if (performance.now() - shown < 2000) return;
      shown = performance.now();
      console.error(`  ${kills} kills, ${operations} operations of the host's clients`);
    },
  });
  const sorted = result.recoveredMs.sort((a, b) => a - b);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  console.log(`lost or wrong bytes: 0, hung requests: 0, after ${result.operations} operations`);
  console.log(`recovered: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`);
  console.log(`replayed requests: ${result.replayed}`);
  console.log(
    `memory: ${mib(result.rssEarly)} MiB after a tenth, ${mib(result.rssEnd)} MiB at the end`,
  );
  console.log(`duration: ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
} finally {
  images.remove();
}
