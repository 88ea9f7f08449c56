/** The workers of the copy baselines. Worker entry. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { samplePipeline } from "../parallel.js";
import { sampleRate } from "../sampling.js";
import type { CopySetup } from "./copy.js";

const { role, blockBytes, span, port } = workerData as CopySetup;

switch (role) {
  case "passes":
    parentPort?.postMessage(passes());
    break;
  case "reader":
    parentPort?.postMessage(await reader(port as MessagePort));
    break;
  case "zeroes":
    zeroes(port as MessagePort);
    break;
}

function passes(): Float64Array {
  const shared = new Uint8Array(new SharedArrayBuffer(blockBytes));
  const own = new Uint8Array(blockBytes);
  const step = (): number => {
    shared.fill(0);
    own.set(shared);
    shared.set(own);
    return blockBytes;
  };
  return sampleRate(step, span);
}

/**
 * Asks for a block, gets it, sends it back: a read and a write. An empty message ends the other.
 */
async function reader(from: MessagePort): Promise<Float64Array> {
  let arrived: (block: Uint8Array) => void = () => undefined;
  from.on("message", (block: Uint8Array) => arrived(block));
  const next = (message: Uint8Array | number): Promise<Uint8Array> =>
    new Promise((resolve) => {
      arrived = resolve;
      from.postMessage(message);
    });
  const call = async (): Promise<void> => {
    await next(await next(blockBytes));
  };
  const samples = await samplePipeline({ ...span, depth: 1, amount: blockBytes, call });
  from.postMessage(new Uint8Array(0));
  from.close();
  return samples;
}

function zeroes(to: MessagePort): void {
  to.on("message", (message: Uint8Array | number) => {
    if (typeof message === "number") to.postMessage(new Uint8Array(message));
    else if (message.length === 0) to.close();
    else to.postMessage(new Uint8Array(1));
  });
}
