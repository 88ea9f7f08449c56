/**
 * A virtio entropy device (virtio 1.2 §5.4): a request is a buffer that the device fills with
 * random bytes, perhaps not all of it.
 */

import { DEVICE_ID } from "../../hw/regs/virtio-mmio.js";
import { EIO } from "../../ipc/errno.js";
import type { Device } from "../../user/driver.js";
import { VirtioDevice } from "../virtio/device.js";
import { DmaSlots } from "../virtio/dma-slots.js";

/** Requests in flight, and the bytes of one. */
const SLOTS = 8;
const SLOT_BYTES = 4096;
/** Entropy may be scarce, but not for ever. */
const TIMEOUT_MS = 10_000;
const QUEUE = 0;

/** One source of entropy. */
export class VirtioEntropy {
  readonly device: VirtioDevice;
  readonly #slots: DmaSlots;

  private constructor(device: VirtioDevice, slots: DmaSlots) {
    this.device = device;
    this.#slots = slots;
  }

  /** Brings a device up and serves it. @throws ENODEV, EIO */
  static async open(device: Device, options: { timeoutMs?: number } = {}): Promise<VirtioEntropy> {
    const { timeoutMs = TIMEOUT_MS } = options;
    const opened = await VirtioDevice.open(device, {
      deviceId: DEVICE_ID.ENTROPY,
      features: [],
      queues: [{ index: QUEUE, size: SLOTS, timeoutMs }],
    });
    const slots = await DmaSlots.allocate(device, SLOTS, SLOT_BYTES);
    opened.start();
    return new VirtioEntropy(opened, slots);
  }

  /** Fills the front of `bytes`, and resolves to how much: 1 to 4096. @throws EIO */
  async read(bytes: Uint8Array): Promise<number> {
    const slot = await this.#slots.take();
    try {
      const wanted = Math.min(bytes.length, SLOT_BYTES);
      const length = await this.#request(slot, wanted);
      // A device that answers without a byte has none to give; asking again could go on for ever.
      if (length === 0) throw EIO;
      const random = this.#slots.bytes(slot, length);
      bytes.set(random);
      random.fill(0); // Nobody shall find in DMA memory what has become a key.
      return length;
    } finally {
      this.#slots.give(slot);
    }
  }

  #request(slot: number, length: number): Promise<number> {
    const address = this.#slots.address(slot);
    return new Promise((resolve, reject) => {
      this.device.submit(QUEUE, {
        segments: [{ address, length, deviceWrites: true }],
        done: resolve,
        failed: () => reject(EIO),
      });
    });
  }
}
