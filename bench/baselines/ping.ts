/** Probes of the bare baselines: two plain workers that call and answer in one of several ways. */

import { once } from "node:events";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Piscina } from "piscina";
import { samplePipeline } from "../parallel.js";
import type { Effort, Probe } from "../probe.js";
import { type Span, sampleAsyncCalls } from "../sampling.js";
import { nextMessage, startWorker } from "../workers.js";
import { allocatePing } from "./ping-memory.js";

/**
 * `spin` and `park`: one word each way in shared memory. `ring`: entries of 64 bytes, 64 in flight,
 * both sides spin. `post`: `postMessage` both ways.
 */
type PingWay = "spin" | "park" | "ring" | "post";

/** What both workers are given. */
export interface PingSetup {
  readonly way: PingWay;
  readonly memory: SharedArrayBuffer;
  readonly port: MessagePort | undefined;
  readonly span: Span;
  readonly depth: number;
}

/** Two threads that wait for each other in one way. */
export function pingProbe(name: string, way: PingWay, span: Span, depth = 1): Probe {
  return {
    name,
    async sample() {
      const channel = way === "post" ? new MessageChannel() : undefined;
      const facts = { way, memory: allocatePing(), span, depth };
      const start = (file: string, port: MessagePort | undefined) =>
        startWorker(new URL(file, import.meta.url), {
          workerData: { ...facts, port } satisfies PingSetup,
          transferList: port === undefined ? [] : [port],
        });
      const echo = await start("./echo-worker.js", channel?.port1);
      const caller = await start("./caller-worker.js", channel?.port2);
      const echoEnded = once(echo, "exit");
      const callerEnded = once(caller, "exit");
      const samples = await nextMessage<Float64Array>(caller);
      await Promise.all([echoEnded, callerEnded]);
      return samples;
    },
  };
}

/** A task that does nothing, in a pool of one thread. */
export function piscinaProbe(
  effort: Effort,
  depth = 1,
): { probe: Probe; close: () => Promise<void> } {
  const pool = new Piscina({
    filename: new URL("./task-worker.js", import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: 600_000,
    concurrentTasksPerWorker: depth,
  });
  const call = (): Promise<unknown> => pool.run(0);
  const probe: Probe = {
    name: "piscina",
    sample: () =>
      depth === 1
        ? sampleAsyncCalls(call, effort)
        : samplePipeline({ ...effort, depth, amount: 1, call }),
  };
  return { probe, close: () => pool.destroy() };
}
