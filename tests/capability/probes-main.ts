/** `npm run probes -- [--count N] [--seed S]`: the long run of the random probes. */

import { parseArgs } from "node:util";
import { probe } from "./probes.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
const startMs = performance.now();
let shownMs = startMs;
console.log(`probes: ${count}, seed ${seed}`);
const result = await probe({
  count,
  seed,
  progress: (done) => {
    if (performance.now() - shownMs < 2000) return;
    shownMs = performance.now();
    console.error(`  ${done} probes`);
  },
});
console.log(`not authorised and allowed: 0, authorised and refused: 0 in ${result.count} probes`);
console.log(`allowed requests: ${result.allowed}; capabilities made: ${result.made}`);
console.log(`duration: ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
