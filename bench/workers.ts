/** Plain workers of the bench: started, asked once, and ended. Nothing of Anode is in them. */

import { once } from "node:events";
import { Worker, type WorkerOptions } from "node:worker_threads";

/** Starts a worker and resolves when its code runs. */
export async function startWorker(url: URL, options: WorkerOptions = {}): Promise<Worker> {
  const worker = new Worker(url, options);
  await once(worker, "online");
  return worker;
}

/** Resolves to the next message. Rejects when the worker fails or ends before. */
export function nextMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number): void => {
      reject(new Error(`a baseline's worker ended with ${code} and no result`));
    };
    worker.once("error", reject);
    worker.once("exit", ended);
    worker.once("message", (message: T) => {
      worker.off("error", reject);
      worker.off("exit", ended);
      resolve(message);
    });
  });
}
