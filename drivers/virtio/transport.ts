/**
 * Driver side of the virtio MMIO transport, version 2 (virtio 1.2 §3.1, §4.2.3): reset, feature
 * negotiation, queue set-up, notification, interrupt status. Shared by all virtio drivers.
 */

import {
  STATUS,
  VIRTIO_F,
  VIRTIO_MMIO,
  VIRTIO_MMIO_MAGIC,
  VIRTIO_MMIO_VERSION,
} from "../../hw/regs/virtio-mmio.js";
import { EIO, ENODEV } from "../../ipc/errno.js";
import { allocateDma, type Window } from "../../user/driver.js";
import { DriverQueue } from "./queue.js";

const WORD_BITS = 32;
const WORD = 2 ** WORD_BITS;
/**
 * How often the status is read after a reset before the device counts as broken; about a second.
 */
const RESET_READS_MAX = 100_000;

/** One virtio device. */
export class VirtioTransport {
  readonly registers: Window;
  /** Negotiated feature bits, as bit numbers. */
  readonly features = new Set<number>();

  /** @throws ENODEV when the window holds no device of this kind */
  constructor(registers: Window, deviceId: number) {
    this.registers = registers;
    if (
      this.#read(VIRTIO_MMIO.MagicValue) !== VIRTIO_MMIO_MAGIC ||
      this.#read(VIRTIO_MMIO.Version) !== VIRTIO_MMIO_VERSION ||
      this.#read(VIRTIO_MMIO.DeviceID) !== deviceId
    ) {
      throw ENODEV;
    }
  }

  #read(register: number): number {
    return this.registers.read(register, 4);
  }

  #write(register: number, value: number): void {
    this.registers.write(register, 4, value);
  }

  /** Resets the device and agrees on those of `wanted` that it offers. @throws EIO if it refuses */
  negotiate(wanted: readonly number[]): void {
    this.#write(VIRTIO_MMIO.Status, 0);
    // Until it reads 0, requests from before the reset may still be at work (§4.2.2.1).
    for (let i = 0; this.#read(VIRTIO_MMIO.Status) !== 0; i++) if (i >= RESET_READS_MAX) throw EIO;
    this.#write(VIRTIO_MMIO.Status, STATUS.ACKNOWLEDGE);
    this.#write(VIRTIO_MMIO.Status, STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    for (const word of [0, 1]) {
      this.#write(VIRTIO_MMIO.DeviceFeaturesSel, word);
      const offered = this.#read(VIRTIO_MMIO.DeviceFeatures);
      let accepted = 0;
      for (const bit of [...wanted, VIRTIO_F.VERSION_1]) {
        const mask = (1 << (bit % WORD_BITS)) >>> 0;
        if (Math.floor(bit / WORD_BITS) !== word || (offered & mask) === 0) continue;
        accepted |= mask;
        this.features.add(bit);
      }
      this.#write(VIRTIO_MMIO.DriverFeaturesSel, word);
      this.#write(VIRTIO_MMIO.DriverFeatures, accepted >>> 0);
    }
    if (!this.features.has(VIRTIO_F.VERSION_1)) throw EIO;
    const status = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK;
    this.#write(VIRTIO_MMIO.Status, status);
    if ((this.#read(VIRTIO_MMIO.Status) & STATUS.FEATURES_OK) === 0) throw EIO;
  }

  /** Sets a queue up in DMA memory of its own. @throws ENODEV when the device has no such queue */
  async queue(index: number, sizeMax: number): Promise<DriverQueue> {
    this.#write(VIRTIO_MMIO.QueueSel, index);
    const size = Math.min(sizeMax, this.#read(VIRTIO_MMIO.QueueNumMax));
    if (size === 0) throw ENODEV;
    const region = await allocateDma(DriverQueue.bytes(size));
    const queue = new DriverQueue(region, size);
    this.#write(VIRTIO_MMIO.QueueSel, index);
    this.#write(VIRTIO_MMIO.QueueNum, size);
    this.#writeAddress(VIRTIO_MMIO.QueueDescLow, VIRTIO_MMIO.QueueDescHigh, queue.descAddress);
    this.#writeAddress(VIRTIO_MMIO.QueueDriverLow, VIRTIO_MMIO.QueueDriverHigh, queue.availAddress);
    this.#writeAddress(VIRTIO_MMIO.QueueDeviceLow, VIRTIO_MMIO.QueueDeviceHigh, queue.usedAddress);
    this.#write(VIRTIO_MMIO.QueueReady, 1);
    return queue;
  }

  #writeAddress(low: number, high: number, address: number): void {
    this.#write(low, address % WORD);
    this.#write(high, Math.floor(address / WORD));
  }

  /** Says that the driver is ready; the device may run from here on. */
  ready(): void {
    const status = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK | STATUS.DRIVER_OK;
    this.#write(VIRTIO_MMIO.Status, status);
  }

  /** Tells the device that a queue has new buffers. */
  notify(queue: number): void {
    this.#write(VIRTIO_MMIO.QueueNotify, queue);
  }

  /**
   * Acknowledges the interrupt and returns when the device has seen it: what it finishes from now
   * on raises the line again. Only then may the used ring be looked at.
   */
  acknowledge(): void {
    this.#write(VIRTIO_MMIO.InterruptACK, 3);
    this.#read(VIRTIO_MMIO.InterruptStatus);
  }

  /** Reads a field of the device's configuration. */
  config(offset: number, bytes: 1 | 2 | 4): number {
    return this.registers.read(VIRTIO_MMIO.Config + offset, bytes);
  }

  /** Reads a 64-bit field; sizes beyond 2^53 do not occur. */
  config64(offset: number): number {
    return this.config(offset, 4) + this.config(offset + 4, 4) * WORD;
  }
}
