/**
 * The thread behind channel-fuzz.test.ts: writes wild values into a ring block until it is ended.
 */

import { parentPort, workerData } from "node:worker_threads";
import { seededRandom } from "../../ipc/clock.js";

const { ring, seed } = workerData as { ring: SharedArrayBuffer; seed: number };
const words = new Int32Array(ring);
const random = seededRandom(seed);

parentPort?.postMessage("ready");
for (;;) words[random.below(words.length)] = random.below(2 ** 32) | 0;
