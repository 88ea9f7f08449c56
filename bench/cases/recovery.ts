/**
 * Recovery: from the order to kill the disk driver to the answer of a request made right after
 * it. A warm spare stands ready. Beside it: ending a bare worker and having another one answer.
 */

import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { Machine } from "../../cli/machine.js";
import type { File } from "../../user/file.js";
import { bootBench, Image } from "../machine.js";
import type { Case, Probe } from "../probe.js";
import { nextMessage, startWorker } from "../workers.js";

export const IMAGE_BYTES = 2 ** 20;
const SECTOR_BYTES = 512;
/** Which sector is read; it begins with its number. */
const SECTOR = 77;
/** The driver has run long enough by then. */
const CALM_MS = 60;
/** Plain workers that start one after the other, while the next spare loads more than they do. */
const YARDSTICKS = 4;
const ANSWERER = new URL("../baselines/answer-worker.js", import.meta.url);

/** Kill → first request served again. */
export const recovery: Case = {
  name: "recovery",
  unit: "ms",
  async prepare(effort) {
    const image = new Image(IMAGE_BYTES);
    const machine = await bootBench({ disk: image.path });
    const file = await machine.open("disk:/0");
    await readSector(file);
    return {
      subject: { name: "anode", sample: () => repeat(effort.repeats, () => kill(machine, file)) },
      baselines: [
        bareProbe("warm-worker", effort.repeats, true),
        bareProbe("cold-worker", effort.repeats, false),
      ],
      async close() {
        await machine.close();
        image.remove();
      },
    };
  },
};

/** So many samples, each with a warm spare. */
export async function repeat(count: number, once_: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    await calm();
    samples.push(await once_());
  }
  return samples;
}

/**
 * Waits until the next spare must be warm. Nobody tells when it is; so this waits for as long as
 * several workers take to start, however slow the machine is today.
 */
async function calm(): Promise<void> {
  await pause(CALM_MS);
  for (let i = 0; i < YARDSTICKS; i++) {
    const worker = await warmWorker();
    await worker.terminate();
  }
}

/** Ends the disk driver and reads: the time until the answer. */
export async function kill(machine: Machine, file: File): Promise<number> {
  const startMs = performance.now();
  const killed = machine.kill("virtio-blkd");
  await readSector(file);
  const elapsedMs = performance.now() - startMs;
  await killed;
  return elapsedMs;
}

/** Reads and checks: a figure for wrong bytes would be worth nothing. */
export async function readSector(file: File): Promise<void> {
  const bytes = Buffer.alloc(SECTOR_BYTES);
  const count = await file.read(bytes, SECTOR * SECTOR_BYTES);
  if (count !== SECTOR_BYTES || bytes.readUInt32LE(0) !== SECTOR) {
    throw new Error(`disk:/0 answered ${count} bytes that begin with ${bytes.readUInt32LE(0)}`);
  }
}

/** Ends a worker, waits for its end, and asks another one: one that is warm, or a new one. */
function bareProbe(name: string, repeats: number, warm: boolean): Probe {
  return {
    name,
    async sample() {
      let serving: Worker = await warmWorker();
      const samples = await repeat(repeats, async () => {
        const spare = warm ? await warmWorker() : undefined;
        const startMs = performance.now();
        const ended = once(serving, "exit");
        void serving.terminate();
        await ended;
        serving = spare ?? (await startWorker(ANSWERER));
        await ask(serving);
        return performance.now() - startMs;
      });
      await serving.terminate();
      return samples;
    },
  };
}

/** A worker that has answered once. */
async function warmWorker(): Promise<Worker> {
  const worker = await startWorker(ANSWERER);
  await ask(worker);
  return worker;
}

async function ask(worker: Worker): Promise<void> {
  const answer = nextMessage(worker);
  worker.postMessage(1);
  await answer;
}
