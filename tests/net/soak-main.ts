/**
 * The long run of the network stack: `npm run soak:net -- [SEEDS [FIRST]]`. Each seed is a transfer
 * over a hostile network; every hundredth is also an attack. Ends with 1 at the first that fails.
 */

import { fuzzFrames } from "./frame-fuzz.js";
import { simulateTransfer } from "./transfer-simulation.js";

const SEEDS = 10_000;
const FUZZ_EVERY = 100;
const FUZZ_FRAMES = 5000;
const REPORT_EVERY = 500;

const [seeds = SEEDS, first = 1] = process.argv.slice(2).map(Number);
const sum = { connections: 0, failed: 0, bytes: 0, frames: 0, attacks: 0 };
for (let seed = first; seed < first + seeds; seed++) {
  try {
    const outcome = simulateTransfer(seed);
    sum.connections += outcome.connections;
    sum.failed += outcome.failed;
    sum.bytes += outcome.bytes;
    sum.frames += outcome.frames;
    if (seed % FUZZ_EVERY === 0) sum.attacks += fuzzFrames(seed, FUZZ_FRAMES).frames;
  } catch (error) {
    console.error(`seed ${seed}:`, error);
    process.exit(1);
  }
  if ((seed - first + 1) % REPORT_EVERY === 0) console.log(`seed ${seed}`, JSON.stringify(sum));
}
console.log(`${seeds} seeds from ${first}`, JSON.stringify(sum));
