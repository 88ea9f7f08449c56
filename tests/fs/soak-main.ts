/**
 * `npm run soak:fs -- [first seed] [seeds]`: power cuts on many random runs, with more places and
 * more subsets than the tests try. Prints each seed, and fails with the place.
 */

import { crashEverywhere, recordRun } from "./crash.js";

const [first = 1, seeds = 50] = process.argv.slice(2).map(Number);
let disks = 0;
for (let seed = first; seed < first + seeds; seed++) {
  const options = { seed, operations: 80, subsets: 8, stride: 1 };
  const tried = await crashEverywhere(await recordRun(options), options);
  disks += tried;
  console.log(`soak: seed ${seed}: ${tried} disks, ${disks} in all`);
}
