/**
 * Driver side of the virtio MMIO transport, version 2 (virtio 1.2 §3.1, §4.2.3): reset, feature
 * negotiation, queue set-up, notification, interrupt status. Registers only: no waiting, no memory.
 */

import {
  INTERRUPT,
  STATUS,
  VIRTIO_F,
  VIRTIO_MMIO,
  VIRTIO_MMIO_MAGIC,
  VIRTIO_MMIO_VERSION,
} from "../../hw/regs/virtio-mmio.js";
import { EIO, ENODEV } from "../../ipc/errno.js";
import type { Window } from "../../user/driver.js";
import type { DriverQueue } from "./queue.js";

const WORD_BITS = 32;
const WORD = 2 ** WORD_BITS;
/** A configuration that changes while it is read is read again, so often at most. */
const CONFIG_READS_MAX = 16;

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

  /** Begins a reset. It is complete when `isReset` says so. */
  reset(): void {
    this.#write(VIRTIO_MMIO.Status, 0);
  }

  /** Until this is so, requests from before the reset may still be at work (§4.2.2.1). */
  isReset(): boolean {
    return this.#read(VIRTIO_MMIO.Status) === 0;
  }

  /** Agrees on those of `wanted` that the device offers, after a reset. @throws EIO */
  negotiate(wanted: readonly number[]): void {
    this.features.clear();
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

  /** The largest size of a queue; 0 when there is no such queue. */
  queueSizeMax(index: number): number {
    this.#write(VIRTIO_MMIO.QueueSel, index);
    return this.#read(VIRTIO_MMIO.QueueNumMax);
  }

  /** Tells the device where a queue is. It must be clear. */
  setQueue(index: number, queue: DriverQueue): void {
    this.#write(VIRTIO_MMIO.QueueSel, index);
    this.#write(VIRTIO_MMIO.QueueNum, queue.size);
    this.#writeAddress(VIRTIO_MMIO.QueueDescLow, VIRTIO_MMIO.QueueDescHigh, queue.descAddress);
    this.#writeAddress(VIRTIO_MMIO.QueueDriverLow, VIRTIO_MMIO.QueueDriverHigh, queue.availAddress);
    this.#writeAddress(VIRTIO_MMIO.QueueDeviceLow, VIRTIO_MMIO.QueueDeviceHigh, queue.usedAddress);
    this.#write(VIRTIO_MMIO.QueueReady, 1);
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

  /** Whether the device has given up and asks for a reset (§2.1.2). */
  needsReset(): boolean {
    return (this.#read(VIRTIO_MMIO.Status) & STATUS.DEVICE_NEEDS_RESET) !== 0;
  }

  /** Tells the device that a queue has new buffers. */
  notify(queue: number): void {
    this.#write(VIRTIO_MMIO.QueueNotify, queue);
  }

  /**
   * Acknowledges the interrupt and returns when the device has seen it: what it finishes from now
   * on raises the line again. Only then may the used rings be looked at. Returns whether the
   * configuration has changed, too.
   */
  acknowledge(): boolean {
    this.#write(VIRTIO_MMIO.InterruptACK, INTERRUPT.USED_BUFFER);
    const rest = this.#read(VIRTIO_MMIO.InterruptStatus);
    if ((rest & INTERRUPT.CONFIGURATION_CHANGE) === 0) return false;
    this.#write(VIRTIO_MMIO.InterruptACK, INTERRUPT.CONFIGURATION_CHANGE);
    return true;
  }

  /** Reads a field of the device's configuration. */
  config(offset: number, bytes: 1 | 2 | 4): number {
    return this.registers.read(VIRTIO_MMIO.Config + offset, bytes);
  }

  /**
   * Reads what takes more than one access: again, if the configuration has changed meanwhile
   * (§2.5.1). @throws EIO if it never stands still
   */
  steady<T>(read: () => T): T {
    for (let i = 0; i < CONFIG_READS_MAX; i++) {
      const before = this.#read(VIRTIO_MMIO.ConfigGeneration);
      const value = read();
      if (this.#read(VIRTIO_MMIO.ConfigGeneration) === before) return value;
    }
    throw EIO;
  }

  /** Reads a 64-bit field; sizes beyond 2^53 do not occur. @throws EIO */
  config64(offset: number): number {
    return this.steady(() => this.config(offset, 4) + this.config(offset + 4, 4) * WORD);
  }
}
