/**
 * The far side of the bare baselines: answers whatever comes, and does nothing else. Worker
 * entry.
 */

import { type MessagePort, workerData } from "node:worker_threads";
import type { PingSetup } from "./ping.js";
import { END, ENTRIES, ENTRY_WORDS, REPLY, REQUEST, RING_DEPTH } from "./ping-memory.js";

const { way, memory, port } = workerData as PingSetup;
const words = new Int32Array(memory);

switch (way) {
  case "spin":
    spin();
    break;
  case "park":
    park();
    break;
  case "ring":
    ring();
    break;
  case "post":
    post(port as MessagePort);
    break;
}

function spin(): void {
  let last = 0;
  for (;;) {
    const request = Atomics.load(words, REQUEST);
    if (request === last) continue;
    if (request === END) return;
    last = request;
    Atomics.store(words, REPLY, request);
  }
}

function park(): void {
  let last = 0;
  for (;;) {
    Atomics.wait(words, REQUEST, last);
    const request = Atomics.load(words, REQUEST);
    if (request === last) continue;
    if (request === END) return;
    last = request;
    Atomics.store(words, REPLY, request);
    Atomics.notify(words, REPLY, 1);
  }
}

/** Takes entries as they come, reads each whole, and counts all that were there as answered. */
function ring(): void {
  let taken = 0;
  const entry = new Int32Array(ENTRY_WORDS);
  for (;;) {
    const published = Atomics.load(words, REQUEST);
    if (published === END) return;
    while (taken !== published) {
      const at = ENTRIES + (taken % RING_DEPTH) * ENTRY_WORDS;
      for (let i = 0; i < ENTRY_WORDS; i++) entry[i] = words[at + i] as number;
      taken = (taken + 1) & 0x3fffffff;
    }
    Atomics.store(words, REPLY, taken);
  }
}

function post(to: MessagePort): void {
  to.on("message", (message: number) => {
    if (message === END) to.close();
    else to.postMessage(message);
  });
}
