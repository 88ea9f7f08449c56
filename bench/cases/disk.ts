/**
 * Reads of `disk:`, 64 KiB each, 8 in flight: by way of the channel, against the same driver called
 * in its own thread on a machine of its own, and against the host reading the image.
 */

import { open } from "node:fs/promises";
import { CLIENT_DAEMON, DIRECT_DAEMON } from "../daemons.js";
import { askDaemon, bootBench, bootDirect, Image, spanOf } from "../machine.js";
import { samplePipeline } from "../parallel.js";
import type { Case, Probe } from "../probe.js";
import type { Span } from "../sampling.js";

const BLOCK_BYTES = 64 * 2 ** 10;
const DEPTH = 8;
/** Fits into the host's cache: the case is about the way, not about the disk. */
const IMAGE_BYTES = 64 * 2 ** 20;

/** `disk:/0` through its channel. */
export const disk: Case = {
  name: "disk-64k",
  unit: "bytes/s",
  also: { "disk-64k-direct": "direct" },
  async prepare(effort) {
    const images = [new Image(IMAGE_BYTES), new Image(IMAGE_BYTES)] as const;
    const machine = await bootBench({ disk: images[0].path, client: true });
    const direct = await bootDirect(images[1].path);
    const facts = { url: "disk:/0", bytes: BLOCK_BYTES, depth: DEPTH, ...spanOf(effort) };
    return {
      subject: { name: "anode", sample: () => askDaemon(machine, CLIENT_DAEMON, facts) },
      baselines: [
        { name: "direct", sample: () => askDaemon(direct, DIRECT_DAEMON, facts) },
        hostProbe(images[0].path, spanOf(effort)),
      ],
      async close() {
        await machine.close();
        await direct.close();
        for (const image of images) image.remove();
      },
    };
  },
};

/** The host's own positioned reads, as many in flight. */
function hostProbe(path: string, span: Span): Probe {
  return {
    name: "host-read",
    async sample() {
      const file = await open(path);
      const buffers = Array.from({ length: DEPTH }, () => new Uint8Array(BLOCK_BYTES));
      let offset = 0;
      const call = (lane: number): Promise<unknown> => {
        const at = offset;
        offset = (offset + BLOCK_BYTES) % IMAGE_BYTES;
        return file.read(buffers[lane] as Uint8Array, 0, BLOCK_BYTES, at);
      };
      try {
        return await samplePipeline({ ...span, depth: DEPTH, amount: BLOCK_BYTES, call });
      } finally {
        await file.close();
      }
    },
  };
}
