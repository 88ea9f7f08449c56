/*
 * The virtio entropy device (virtio 1.2 §5.4): fills each buffer that the driver offers with random
 * bytes. All work is done before a call returns.
 */
import { DEVICE_ID, VIRTIO_F } from "../regs/virtio-mmio.js";
import { lengthOf, scatter } from "./virtio-buffers.js";
import {
  featureBits,
  serveQueue,
  type VirtioFunction,
  type VirtioPort,
} from "./virtio-function.js";
import type { VirtQueue } from "./virtqueue.js";

/** Bytes that one request gets at most; a device may fill less than it is offered (§5.4.6.2). */
export const ENTROPY_BYTES_MAX = 65_536;

/** Fills all of `bytes` with random ones. */
export type EntropySource = (bytes: Uint8Array) => void;

/** An entropy device without its transport. */
export class VirtioRng implements VirtioFunction {
  readonly deviceId = DEVICE_ID.ENTROPY;
  readonly queueCount = 1;
  readonly features = featureBits([
    VIRTIO_F.INDIRECT_DESC,
    VIRTIO_F.EVENT_IDX,
    VIRTIO_F.VERSION_1,
    VIRTIO_F.RING_RESET,
  ]);
  readonly config = new Uint8Array(0);

  readonly #source: EntropySource;
  #port: VirtioPort | undefined;

  constructor(source: EntropySource) {
    this.#source = source;
  }

  writeConfig(): void {}

  start(port: VirtioPort): void {
    this.#port = port;
  }

  stop(): undefined {
    this.#port = undefined;
  }

  stopQueue(): undefined {}

  notify(queue: VirtQueue): void {
    serveQueue(queue, () => this.#take(queue));
  }

  #take(queue: VirtQueue): boolean {
    const port = this.#port;
    if (port === undefined) return false;
    const chain = queue.pop();
    if (chain === undefined) return false;
    if (chain !== "broken") {
      const bytes = new Uint8Array(Math.min(lengthOf(chain.writable), ENTROPY_BYTES_MAX));
      this.#source(bytes);
      const written = scatter(port.memory, chain.writable, bytes) ? bytes.length : 0;
      if (queue.push(chain.head, written)) {
        port.used(queue);
        return true;
      }
    }
    this.#port = undefined;
    port.broken();
    return false;
  }
}
