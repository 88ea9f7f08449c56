/** The near side of the bare baselines: calls, times, and posts its samples. Worker entry. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { samplePipeline } from "../parallel.js";
import { sampleAsyncCalls, sampleCalls, sampleRate } from "../sampling.js";
import type { PingSetup } from "./ping.js";
import { END, ENTRIES, ENTRY_WORDS, REPLY, REQUEST, RING_DEPTH } from "./ping-memory.js";

const { way, memory, port, span, depth } = workerData as PingSetup;
const words = new Int32Array(memory);

parentPort?.postMessage(await samples());
if (port === undefined) {
  Atomics.store(words, REQUEST, END);
  Atomics.notify(words, REQUEST);
} else {
  port.postMessage(END);
  port.close();
}

function samples(): Promise<Float64Array> | Float64Array {
  switch (way) {
    case "spin":
      return sampleCalls(spinner(), span);
    case "park":
      return sampleCalls(parker(), span);
    case "ring":
      return sampleRate(ringStep(), span);
    default:
      return post(port as MessagePort);
  }
}

function spinner(): () => void {
  let sent = 0;
  return () => {
    sent = (sent + 1) & 0x3fffffff;
    Atomics.store(words, REQUEST, sent);
    while (Atomics.load(words, REPLY) !== sent);
  };
}

function parker(): () => void {
  let sent = 0;
  return () => {
    const before = sent;
    sent = (sent + 1) & 0x3fffffff;
    Atomics.store(words, REQUEST, sent);
    Atomics.notify(words, REQUEST, 1);
    while (Atomics.load(words, REPLY) !== sent) Atomics.wait(words, REPLY, before);
  };
}

/** Keeps the ring full: publishes as many entries at once as were answered. */
function ringStep(): () => number {
  let sent = 0;
  let answered = 0;
  return () => {
    while (((sent - answered) & 0x3fffffff) < RING_DEPTH) {
      const at = ENTRIES + (sent % RING_DEPTH) * ENTRY_WORDS;
      for (let i = 0; i < ENTRY_WORDS; i++) words[at + i] = sent;
      sent = (sent + 1) & 0x3fffffff;
    }
    Atomics.store(words, REQUEST, sent);
    let now = Atomics.load(words, REPLY);
    while (now === answered) now = Atomics.load(words, REPLY);
    const count = (now - answered) & 0x3fffffff;
    answered = now;
    return count;
  };
}

/** Replies come in order, so the oldest call is always the one that is answered. */
async function post(to: MessagePort): Promise<Float64Array> {
  const waiting: (() => void)[] = [];
  to.on("message", () => waiting.shift()?.());
  const call = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      to.postMessage(1);
    });
  return depth === 1
    ? await sampleAsyncCalls(call, span)
    : await samplePipeline({ ...span, depth, amount: 1, call });
}
