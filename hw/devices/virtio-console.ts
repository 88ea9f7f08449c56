/*
 * The virtio console device (virtio 1.2 §5.3) with one port. Output that the terminal does not take
 * waits in the driver's own buffers; input waits with the terminal until the driver has offered
 * buffers. So nothing is held here but the request that is being sent.
 */
import type { AccessSize } from "../device.js";
import {
  CONSOLE_CONFIG,
  CONSOLE_CONFIG_SIZE,
  CONSOLE_QUEUE,
  VIRTIO_CONSOLE_F,
} from "../regs/virtio-console.js";
import { DEVICE_ID, VIRTIO_F } from "../regs/virtio-mmio.js";
import { dropFront, gather, lengthOf, scatter } from "./virtio-buffers.js";
import {
  featureBits,
  serveQueue,
  type VirtioFunction,
  type VirtioPort,
} from "./virtio-function.js";
import type { Chain, VirtQueue } from "./virtqueue.js";

/** Bytes that are copied from guest memory and offered to the terminal at once. */
const PIECE_BYTES_MAX = 4096;

/** Options of a `VirtioConsole`. */
export interface VirtioConsoleOptions {
  /** Takes output and says how many bytes; less than all: not now (then call `drain`). */
  transmit: (bytes: Uint8Array) => number;
  /** The device takes input again, after `receive` had refused some. */
  room?: () => void;
}

/** A console device without its transport. */
export class VirtioConsole implements VirtioFunction {
  readonly deviceId = DEVICE_ID.CONSOLE;
  readonly queueCount = CONSOLE_QUEUE.COUNT;
  readonly features = featureBits([
    VIRTIO_CONSOLE_F.EMERG_WRITE,
    VIRTIO_F.INDIRECT_DESC,
    VIRTIO_F.EVENT_IDX,
    VIRTIO_F.VERSION_1,
    VIRTIO_F.RING_RESET,
  ]);
  readonly config = new Uint8Array(CONSOLE_CONFIG_SIZE);

  readonly #transmit: (bytes: Uint8Array) => number;
  readonly #room: () => void;
  #port: VirtioPort | undefined;
  /** The driver's receive queue, once it has rung its doorbell. */
  #receiveQueue: VirtQueue | undefined;
  /** The request that is being sent: what is left of its bytes. */
  #sending: { queue: VirtQueue; chain: Chain } | undefined;

  constructor(options: VirtioConsoleOptions) {
    this.#transmit = options.transmit;
    this.#room = options.room ?? (() => {});
    new DataView(this.config.buffer).setUint32(CONSOLE_CONFIG.max_nr_ports, 1, true);
  }

  /** An emergency character goes out at once, or not at all; no queue needs to be there. */
  writeConfig(offset: number, _size: AccessSize, value: number): void {
    if (offset === CONSOLE_CONFIG.emerg_wr) this.#transmit(Uint8Array.of(value & 0xff));
  }

  start(port: VirtioPort): void {
    this.#port = port;
  }

  stop(): undefined {
    this.#port = undefined;
    this.#receiveQueue = undefined;
    this.#sending = undefined;
  }

  stopQueue(queue: VirtQueue): undefined {
    if (queue === this.#receiveQueue) this.#receiveQueue = undefined;
    if (queue === this.#sending?.queue) this.#sending = undefined;
  }

  notify(queue: VirtQueue): void {
    if (queue.index === CONSOLE_QUEUE.RECEIVE) {
      this.#receiveQueue = queue;
      this.#room();
    } else if (queue.index === CONSOLE_QUEUE.TRANSMIT) {
      serveQueue(queue, () => this.#send(queue));
    }
  }

  /** The terminal takes output again. */
  drain(): void {
    const queue = this.#sending?.queue;
    if (queue !== undefined) serveQueue(queue, () => this.#send(queue));
  }

  /** Input from the terminal. Returns how many bytes were taken. */
  receive(bytes: Uint8Array): number {
    const port = this.#port;
    const queue = this.#receiveQueue;
    if (port === undefined || queue?.ready !== true) return 0;
    let taken = 0;
    let used = 0;
    for (; taken < bytes.length && used < queue.size; used++) {
      const chain = queue.pop();
      if (chain === undefined) break;
      const written = chain === "broken" ? 0 : this.#fill(port, chain, bytes.subarray(taken));
      if (chain === "broken" || !queue.push(chain.head, written)) {
        this.#break(port);
        return taken;
      }
      taken += written;
    }
    if (used > 0) port.used(queue);
    // The ring was not seen empty, so nobody will tell of new buffers: the terminal tries again.
    if (used === queue.size && taken < bytes.length) setImmediate(this.#room);
    return taken;
  }

  /** Fills a buffer as far as it goes; one out of reach stays empty, and the fault is recorded. */
  #fill(port: VirtioPort, chain: Chain, bytes: Uint8Array): number {
    const piece = bytes.subarray(0, lengthOf(chain.writable));
    return scatter(port.memory, chain.writable, piece) ? piece.length : 0;
  }

  /** Sends a piece of the next request; `false` if there is none, or the terminal is full. */
  #send(queue: VirtQueue): boolean {
    const port = this.#port;
    if (port === undefined) return false;
    if (this.#sending === undefined) {
      const chain = queue.pop();
      if (chain === undefined) return false;
      if (chain === "broken") {
        this.#break(port);
        return false;
      }
      this.#sending = { queue, chain };
    }
    const { chain } = this.#sending;
    const length = Math.min(lengthOf(chain.readable), PIECE_BYTES_MAX);
    // Bytes out of reach can't be sent: the fault is recorded, the request ends.
    const piece = gather(port.memory, chain.readable, length);
    const sent = piece === undefined || length === 0 ? length : this.#transmit(piece);
    if (piece === undefined) chain.readable.length = 0;
    else dropFront(chain.readable, sent);
    if (chain.readable.length > 0) return sent === length;
    this.#sending = undefined;
    if (queue.push(chain.head, 0)) port.used(queue);
    else this.#break(port);
    return this.#port !== undefined;
  }

  #break(port: VirtioPort): void {
    this.#port = undefined;
    this.#sending = undefined;
    port.broken();
  }
}
