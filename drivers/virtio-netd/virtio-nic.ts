/**
 * A virtio network device (virtio 1.2 §5.1): receive buffers are posted ahead and again after each
 * frame, frames to send go through slots of DMA memory. Of the features it takes the address and
 * the state of the link only: `network:` carries whole frames, so neither side could say that a
 * checksum is still to be made, or that a packet is to be cut into segments.
 */

import { DEVICE_ID } from "../../hw/regs/virtio-mmio.js";
import {
  MAC_SIZE,
  NET_CONFIG,
  NET_HEADER,
  NET_QUEUE,
  NET_STATUS,
  VIRTIO_NET_F,
} from "../../hw/regs/virtio-net.js";
import { EIO } from "../../ipc/errno.js";
import type { Device } from "../../user/driver.js";
import {
  FRAME_BYTES_MAX,
  FRAME_BYTES_MIN,
  type NetworkCounts,
  type NetworkDevice,
} from "../network/network-device.js";
import { VirtioDevice } from "../virtio/device.js";
import { DmaSlots } from "../virtio/dma-slots.js";

/** Receive buffers posted ahead, and frames on their way out. */
const RECEIVE_SLOTS = 64;
const TRANSMIT_SLOTS = 64;
/** Header and frame. */
const SLOT_BYTES = 2048;
/** A frame that was not sent by then will not be sent. */
const TIMEOUT_MS = 2000;
/** An address that was made up by its user, and nobody's (the second bit says so). */
const MAC_UNKNOWN = Uint8Array.of(0x02, 0, 0, 0, 0, 0);

/** One network interface. */
export class VirtioNic implements NetworkDevice {
  readonly device: VirtioDevice;
  readonly mac: Uint8Array;
  readonly counts: NetworkCounts = {
    received: 0,
    receivedBytes: 0,
    receivedBad: 0,
    sent: 0,
    sentBytes: 0,
  };
  linkUp = true;
  readonly #received: DmaSlots;
  readonly #sending: DmaSlots;
  #receive: (frame: Uint8Array) => void = () => {};

  private constructor(parts: { device: VirtioDevice; received: DmaSlots; sending: DmaSlots }) {
    this.device = parts.device;
    this.#received = parts.received;
    this.#sending = parts.sending;
    this.mac = this.#readMac();
  }

  /** Brings a device up and serves it. @throws ENODEV, EIO */
  static async open(device: Device, options: { timeoutMs?: number } = {}): Promise<VirtioNic> {
    const { timeoutMs = TIMEOUT_MS } = options;
    const opened = await VirtioDevice.open(device, {
      deviceId: DEVICE_ID.NET,
      features: [VIRTIO_NET_F.MAC, VIRTIO_NET_F.STATUS],
      queues: [
        { index: NET_QUEUE.RECEIVE, size: RECEIVE_SLOTS },
        { index: NET_QUEUE.TRANSMIT, size: TRANSMIT_SLOTS, timeoutMs },
      ],
      configChanged: () => nic.#readLink(),
    });
    const [received, sending] = await Promise.all([
      DmaSlots.allocate(device, RECEIVE_SLOTS, SLOT_BYTES),
      DmaSlots.allocate(device, TRANSMIT_SLOTS, SLOT_BYTES),
    ]);
    const nic = new VirtioNic({ device: opened, received, sending });
    opened.start();
    for (let slot = 0; slot < received.count; slot++) nic.#post(slot);
    return nic;
  }

  onFrame(receive: (frame: Uint8Array) => void): void {
    this.#receive = receive;
  }

  async send(frame: Uint8Array): Promise<void> {
    const slot = await this.#sending.take();
    try {
      const packet = this.#sending.bytes(slot, NET_HEADER.SIZE + frame.length);
      packet.fill(0, 0, NET_HEADER.SIZE);
      packet.set(frame, NET_HEADER.SIZE);
      await this.#transmit(slot, packet.length);
      this.counts.sent++;
      this.counts.sentBytes += frame.length;
    } finally {
      this.#sending.give(slot);
    }
  }

  #transmit(slot: number, length: number): Promise<void> {
    const address = this.#sending.address(slot);
    return new Promise((resolve, reject) => {
      this.device.submit(NET_QUEUE.TRANSMIT, {
        segments: [{ address, length, deviceWrites: false }],
        done: () => resolve(),
        failed: () => reject(EIO),
      });
    });
  }

  /** Posts a receive buffer; it is posted again whenever it comes back. */
  #post(slot: number): void {
    const address = this.#received.address(slot);
    this.device.submit(NET_QUEUE.RECEIVE, {
      segments: [{ address, length: SLOT_BYTES, deviceWrites: true }],
      done: (length) => {
        this.#arrived(this.#received.bytes(slot, length));
        this.#post(slot);
      },
      failed: () => {
        // The device was given up for good: no frame comes any more.
      },
    });
  }

  #arrived(packet: Uint8Array): void {
    const length = packet.length - NET_HEADER.SIZE;
    const whole = packet[NET_HEADER.flags] === 0 && packet[NET_HEADER.gso_type] === 0;
    // Anything else was not agreed upon.
    if (length < FRAME_BYTES_MIN || length > FRAME_BYTES_MAX || !whole) {
      this.counts.receivedBad++;
      return;
    }
    this.counts.received++;
    this.counts.receivedBytes += length;
    this.#receive(Uint8Array.from(packet.subarray(NET_HEADER.SIZE)));
  }

  #readMac(): Uint8Array {
    const { transport } = this.device;
    if (!transport.features.has(VIRTIO_NET_F.MAC)) return MAC_UNKNOWN;
    return transport.steady(() =>
      Uint8Array.from({ length: MAC_SIZE }, (_, i) => transport.config(NET_CONFIG.mac + i, 1)),
    );
  }

  #readLink(): void {
    const { transport } = this.device;
    if (!transport.features.has(VIRTIO_NET_F.STATUS)) return;
    this.linkUp = (transport.config(NET_CONFIG.status, 2) & NET_STATUS.LINK_UP) !== 0;
  }
}
