/**
 * The thread behind byte-ring.test.ts: one of several readers of a ring. It takes records of four
 * bytes, notes which it got, and sleeps on the tail when there is none. Ends when the writer is
 * gone.
 */

import { parentPort, workerData } from "node:worker_threads";
import { ByteRing, WRITER_GONE } from "../../ipc/byte-ring.js";

const { memory, seen } = workerData as { memory: SharedArrayBuffer; seen: SharedArrayBuffer };
const ring = new ByteRing(memory);
const counts = new Int32Array(seen);
const bytes = new Uint8Array(4);
const view = new DataView(bytes.buffer);

parentPort?.postMessage("ready");
for (;;) {
  const over = (ring.gone & WRITER_GONE) !== 0;
  const count = ring.read(bytes);
  if (count === 4) Atomics.add(counts, view.getUint32(0, true), 1);
  else if (count !== 0) Atomics.add(counts, 0, 1);
  else if (over) break;
}
