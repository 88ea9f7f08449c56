/** A thread that wants the processor all the time, until word 0 is set. Worker entry. */

import { workerData } from "node:worker_threads";

const stop = new Int32Array(workerData as SharedArrayBuffer);
while (Atomics.load(stop, 0) === 0);
