/*
 * The virtio network device (virtio 1.2 §5.1) in front of a link: one pair of queues and the
 * control queue. It offers what QEMU offers on a link without offloads: no checksums and no
 * segmentation, so each packet is one whole frame. All work is done before a call returns.
 */
import type { NetworkBackend } from "../network.js";
import { isFrameLength } from "../network.js";
import { DEVICE_ID, VIRTIO_F } from "../regs/virtio-mmio.js";
import {
  FRAME_BYTES_MAX,
  FRAME_BYTES_MIN,
  NET_CONFIG,
  NET_CONFIG_SIZE,
  NET_CTRL,
  NET_CTRL_ACK,
  NET_CTRL_CLASS,
  NET_CTRL_OFFLOADS_SET,
  NET_HEADER,
  NET_QUEUE,
  NET_STATUS,
  VIRTIO_NET_F,
} from "../regs/virtio-net.js";
import { dropFront, gather, lengthOf, scatter } from "./virtio-buffers.js";
import {
  featureBits,
  hasFeature,
  serveQueue,
  type VirtioFunction,
  type VirtioPort,
} from "./virtio-function.js";
import { ReceiveFilter } from "./virtio-net-filter.js";
import type { Chain, VirtQueue } from "./virtqueue.js";

/** Longest control command that is looked at: room for a thousand addresses. */
const COMMAND_BYTES_MAX = 8192;

/** Options of a `VirtioNet`. */
export interface VirtioNetOptions {
  network: NetworkBackend;
  /** Six bytes. */
  mac: Uint8Array;
}

/** A network device without its transport. */
export class VirtioNet implements VirtioFunction {
  readonly deviceId = DEVICE_ID.NET;
  readonly queueCount = NET_QUEUE.COUNT;
  readonly features = featureBits([
    VIRTIO_NET_F.CTRL_GUEST_OFFLOADS,
    VIRTIO_NET_F.MAC,
    VIRTIO_NET_F.MRG_RXBUF,
    VIRTIO_NET_F.STATUS,
    VIRTIO_NET_F.CTRL_VQ,
    VIRTIO_NET_F.CTRL_RX,
    VIRTIO_NET_F.CTRL_VLAN,
    VIRTIO_NET_F.CTRL_RX_EXTRA,
    VIRTIO_NET_F.GUEST_ANNOUNCE,
    VIRTIO_NET_F.CTRL_MAC_ADDR,
    VIRTIO_F.INDIRECT_DESC,
    VIRTIO_F.EVENT_IDX,
    VIRTIO_F.VERSION_1,
    VIRTIO_F.RING_RESET,
  ]);
  readonly config = new Uint8Array(NET_CONFIG_SIZE);

  readonly #network: NetworkBackend;
  readonly #filter: ReceiveFilter;
  #port: VirtioPort | undefined;
  #features = 0n;
  /** The driver's receive queue, once it has rung its doorbell. */
  #receiveQueue: VirtQueue | undefined;

  constructor(options: VirtioNetOptions) {
    this.#network = options.network;
    this.#filter = new ReceiveFilter(options.mac);
    this.config.set(this.#filter.mac, NET_CONFIG.mac);
    this.config[NET_CONFIG.status] = NET_STATUS.LINK_UP;
    options.network.connect({
      receive: (frame) => this.#receive(frame),
      linkChanged: (up) => this.#setLink(up),
    });
  }

  /** A modern driver sets the address by command; the fields are read-only (§5.1.4). */
  writeConfig(): void {}

  start(port: VirtioPort, features: bigint): void {
    this.#port = port;
    this.#features = features;
    this.#filter.reset(this.#has(VIRTIO_NET_F.CTRL_VLAN));
    this.#showMac();
  }

  stop(): undefined {
    this.#port = undefined;
    this.#features = 0n;
    this.#receiveQueue = undefined;
    this.#filter.reset(false);
    this.#showMac();
  }

  stopQueue(queue: VirtQueue): undefined {
    if (queue === this.#receiveQueue) this.#receiveQueue = undefined;
  }

  notify(queue: VirtQueue): void {
    switch (queue.index) {
      case NET_QUEUE.RECEIVE:
        this.#receiveQueue = queue;
        this.#network.resume();
        break;
      case NET_QUEUE.TRANSMIT:
        serveQueue(queue, () => this.#take(queue, (port, chain) => this.#transmit(port, chain)));
        break;
      case NET_QUEUE.CONTROL:
        if (!this.#has(VIRTIO_NET_F.CTRL_VQ)) break;
        serveQueue(queue, () => this.#take(queue, (port, chain) => this.#command(port, chain)));
        break;
    }
  }

  /** Does one request with `work`, which says how many bytes it wrote, or that it is malformed. */
  #take(queue: VirtQueue, work: (port: VirtioPort, chain: Chain) => number | "malformed"): boolean {
    const port = this.#port;
    if (port === undefined) return false;
    const chain = queue.pop();
    if (chain === undefined) return false;
    const written = chain === "broken" ? "malformed" : work(port, chain);
    if (written === "malformed" || chain === "broken" || !queue.push(chain.head, written)) {
      this.#break(port);
      return false;
    }
    port.used(queue);
    return true;
  }

  #transmit(port: VirtioPort, chain: Chain): number | "malformed" {
    const length = lengthOf(chain.readable) - this.#headerSize;
    if (length < 0) return "malformed";
    dropFront(chain.readable, this.#headerSize);
    // What can be no frame, or is out of reach, is swallowed: the driver gets its buffers back.
    if (!isFrameLength(length)) return 0;
    const frame = gather(port.memory, chain.readable, length);
    if (frame !== undefined) this.#network.transmit(frame);
    return 0;
  }

  // --- receiving -----------------------------------------------------------------------------

  /** A frame from the link; `false`: there is no buffer for it yet. */
  #receive(frame: Uint8Array): boolean {
    const port = this.#port;
    const queue = this.#receiveQueue;
    if (port === undefined || queue?.ready !== true) return false;
    if (frame.length > FRAME_BYTES_MAX || !this.#filter.accepts(frame)) return true;
    const packet = new Uint8Array(this.#headerSize + Math.max(frame.length, FRAME_BYTES_MIN));
    packet.set(frame, this.#headerSize);
    const chains = this.#buffersFor(queue, packet.length);
    if (chains === "broken") this.#break(port);
    if (chains === "wait" || chains === "broken") return false;
    if (chains.length > 0) this.#fill(port, queue, { chains, packet });
    return true;
  }

  /**
   * Takes buffers for a packet: as many as it needs with MRG_RXBUF, else one. None if one is too
   * small: then the packet is dropped and the buffer stays.
   */
  #buffersFor(queue: VirtQueue, length: number): Chain[] | "wait" | "broken" {
    const chains: Chain[] = [];
    let room = 0;
    while (room < length) {
      const chain = queue.pop();
      if (chain === "broken") return "broken";
      if (chain === undefined) {
        queue.rewind(chains.length);
        return "wait";
      }
      const size = lengthOf(chain.writable);
      if (size < this.#headerSize) return "broken";
      chains.push(chain);
      room += size;
      if (room >= length || this.#has(VIRTIO_NET_F.MRG_RXBUF)) continue;
      queue.rewind(1);
      return [];
    }
    return chains;
  }

  #fill(
    port: VirtioPort,
    queue: VirtQueue,
    { chains, packet }: { chains: Chain[]; packet: Uint8Array<ArrayBuffer> },
  ): void {
    // Without MRG_RXBUF QEMU leaves the count 0, where §5.1.6.4.1 would have 1.
    const count = this.#has(VIRTIO_NET_F.MRG_RXBUF) ? chains.length : 0;
    if (this.#headerSize === NET_HEADER.SIZE) {
      new DataView(packet.buffer).setUint16(NET_HEADER.num_buffers, count, true);
    }
    let at = 0;
    for (const chain of chains) {
      const piece = packet.subarray(at, at + lengthOf(chain.writable));
      at += piece.length;
      // A buffer out of reach is a recorded fault; its packet is lost.
      const written = scatter(port.memory, chain.writable, piece) ? piece.length : 0;
      if (queue.push(chain.head, written)) continue;
      this.#break(port);
      return;
    }
    port.used(queue);
  }

  // --- control -------------------------------------------------------------------------------

  #command(port: VirtioPort, chain: Chain): number | "malformed" {
    const length = lengthOf(chain.readable);
    if (length < NET_CTRL.data || chain.writable.length === 0) return "malformed";
    const bytes =
      length <= COMMAND_BYTES_MAX ? gather(port.memory, chain.readable, length) : undefined;
    const done = bytes !== undefined && this.#perform(bytes);
    const ack = done ? NET_CTRL_ACK.OK : NET_CTRL_ACK.ERR;
    return scatter(port.memory, chain.writable, Uint8Array.of(ack)) ? 1 : "malformed";
  }

  #perform(bytes: Uint8Array): boolean {
    const command = bytes[NET_CTRL.command];
    switch (bytes[NET_CTRL.class]) {
      case NET_CTRL_CLASS.ANNOUNCE:
        return false; // This device never asks the driver to announce itself.
      case NET_CTRL_CLASS.OFFLOADS:
        return (
          this.#has(VIRTIO_NET_F.CTRL_GUEST_OFFLOADS) &&
          command === NET_CTRL_OFFLOADS_SET &&
          bytes.length === NET_CTRL.data + 8 &&
          // No offload is offered, so none can be switched on.
          bytes.subarray(NET_CTRL.data).every((byte) => byte === 0)
        );
      default: {
        const done = this.#filter.command(bytes);
        this.#showMac();
        return done;
      }
    }
  }

  #showMac(): void {
    this.config.set(this.#filter.mac, NET_CONFIG.mac);
  }

  #setLink(up: boolean): void {
    this.config[NET_CONFIG.status] = up ? NET_STATUS.LINK_UP : 0;
    if (this.#has(VIRTIO_NET_F.STATUS)) this.#port?.configChanged();
  }

  // -------------------------------------------------------------------------------------------

  #break(port: VirtioPort): void {
    this.#port = undefined;
    port.broken();
  }

  get #headerSize(): number {
    const modern = this.#has(VIRTIO_F.VERSION_1) || this.#has(VIRTIO_NET_F.MRG_RXBUF);
    return modern ? NET_HEADER.SIZE : NET_HEADER.LEGACY_SIZE;
  }

  #has(feature: number): boolean {
    return hasFeature(this.#features, feature);
  }
}
