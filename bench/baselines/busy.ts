/** Busy threads beside a measurement: more runnable threads than cores. */

import { once } from "node:events";
import { startWorker } from "../workers.js";

/** Starts `count` threads that never rest. Returns how to end them. */
export async function startBusyThreads(count: number): Promise<() => Promise<void>> {
  const stop = new SharedArrayBuffer(4);
  const file = new URL("./busy-worker.js", import.meta.url);
  const start = () => startWorker(file, { workerData: stop });
  const workers = await Promise.all(Array.from({ length: count }, start));
  return async () => {
    const ended = workers.map((worker) => once(worker, "exit"));
    Atomics.store(new Int32Array(stop), 0, 1);
    await Promise.all(ended);
  };
}
