/**
 * Baselines of moving blocks: the passes over memory alone, blocks by `postMessage`, and the host's
 * own `dd` where there is one.
 */

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Probe } from "../probe.js";
import type { Span } from "../sampling.js";
import { nextMessage, startWorker } from "../workers.js";

/** What the worker of a copy baseline is given. */
export interface CopySetup {
  readonly role: "passes" | "reader" | "zeroes";
  readonly blockBytes: number;
  readonly span: Span;
  readonly port: MessagePort | undefined;
}

const COPIER = new URL("./copy-worker.js", import.meta.url);

/** Fills shared memory, copies it out, copies it in: what the loop costs without anyone to ask. */
export function passesProbe(blockBytes: number, span: Span): Probe {
  return {
    name: "memory",
    async sample() {
      const workerData: CopySetup = { role: "passes", blockBytes, span, port: undefined };
      const worker = await startWorker(COPIER, { workerData });
      const ended = once(worker, "exit");
      const samples = await nextMessage<Float64Array>(worker);
      await ended;
      return samples;
    },
  };
}

/** Asks another worker for blocks of zeroes, and sends each back: cloned both ways. */
export function postedProbe(blockBytes: number, span: Span): Probe {
  return {
    name: "postMessage",
    async sample() {
      const { port1, port2 } = new MessageChannel();
      const start = (role: CopySetup["role"], port: MessagePort) =>
        startWorker(COPIER, {
          workerData: { role, blockBytes, span, port } satisfies CopySetup,
          transferList: [port],
        });
      const zeroes = await start("zeroes", port2);
      const reader = await start("reader", port1);
      const ended = Promise.all([once(zeroes, "exit"), once(reader, "exit")]);
      const samples = await nextMessage<Float64Array>(reader);
      await ended;
      return samples;
    },
  };
}

/**
 * `dd` of the host from /dev/zero to /dev/null, the start of the process included; none: nothing.
 */
export function hostDdProbes(blockBytes: number, totalBytes: number): Probe[] {
  if (spawnSync("dd", ["--version"]).status !== 0) return [];
  const args = [
    "if=/dev/zero",
    "of=/dev/null",
    `bs=${blockBytes}`,
    `count=${Math.ceil(totalBytes / blockBytes)}`,
  ];
  return [
    {
      name: "host-dd",
      async sample() {
        const startMs = performance.now();
        await once(spawn("dd", args, { stdio: "ignore" }), "exit");
        return [(totalBytes / (performance.now() - startMs)) * 1000];
      },
    },
  ];
}
