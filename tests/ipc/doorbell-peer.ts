/** The thread behind doorbell.test.ts: a provider that answers each request and sleeps after it. */

import { parentPort, workerData } from "node:worker_threads";
import { Doorbell } from "../../ipc/doorbell.js";
import { ProviderChannel } from "../../ipc/provider-channel.js";
import type { ChannelMemory } from "../../ipc/ring-block.js";
import { emptySqe } from "../../ipc/sqe.js";
import { sleepUntilReady } from "./handshake.js";

interface Work {
  memory: ChannelMemory;
  own: SharedArrayBuffer;
  peer: SharedArrayBuffer;
  requests: number;
}

const { memory, own, peer, requests } = workerData as Work;
const bell = new Doorbell(own);
const channel = new ProviderChannel(memory, new Doorbell(peer));
const sqe = emptySqe();
let lost = 0;

parentPort?.postMessage("ready");
for (let served = 0; served < requests; ) {
  if (!sleepUntilReady(channel, bell, { looksAgain: true, timeoutMs: 10_000 })) {
    lost++;
    break;
  }
  while (channel.available()) {
    channel.take(sqe);
    served++;
    channel.complete(sqe.tag, sqe.arg1 + 1, 0);
  }
  channel.wake();
}
parentPort?.postMessage({ lost });
