/**
 * A virtio console device (virtio 1.2 §5.3) as a terminal: input arrives in buffers that are posted
 * ahead, as long as there is room for it, output goes through slots of DMA memory.
 */

import { CONSOLE_QUEUE } from "../../hw/regs/virtio-console.js";
import { DEVICE_ID } from "../../hw/regs/virtio-mmio.js";
import { EIO } from "../../ipc/errno.js";
import type { Device } from "../../user/driver.js";
import { Terminal } from "../character/terminal.js";
import { VirtioDevice } from "../virtio/device.js";
import { DmaSlots } from "../virtio/dma-slots.js";

/** Buffers for input posted ahead, and bytes of one. */
const RECEIVE_SLOTS = 8;
const RECEIVE_BYTES = 512;
/** Bytes of output in flight at once. */
const TRANSMIT_BYTES = 4096;
const TRANSMIT_SLOT = 0;

/** One console. */
export class VirtioTerminal {
  readonly device: VirtioDevice;
  readonly terminal: Terminal;
  readonly #received: DmaSlots;
  readonly #sending: DmaSlots;
  /** Receive buffers that are not posted: there was no room for what they would bring. */
  #idle: number[] = [];

  private constructor(parts: { device: VirtioDevice; received: DmaSlots; sending: DmaSlots }) {
    this.device = parts.device;
    this.#received = parts.received;
    this.#sending = parts.sending;
    this.terminal = new Terminal({
      transmit: (bytes) => this.#transmit(bytes),
      room: () => {
        for (const slot of this.#idle.splice(0)) this.#post(slot);
      },
    });
  }

  /** Brings a device up and serves it. @throws ENODEV, EIO */
  static async open(device: Device): Promise<VirtioTerminal> {
    const opened = await VirtioDevice.open(device, {
      deviceId: DEVICE_ID.CONSOLE,
      features: [],
      queues: [
        { index: CONSOLE_QUEUE.RECEIVE, size: RECEIVE_SLOTS },
        // No time-out: nobody may be looking, and output waits until somebody does.
        { index: CONSOLE_QUEUE.TRANSMIT, size: 1 },
      ],
    });
    const [received, sending] = await Promise.all([
      DmaSlots.allocate(device, RECEIVE_SLOTS, RECEIVE_BYTES),
      DmaSlots.allocate(device, 1, TRANSMIT_BYTES),
    ]);
    const console = new VirtioTerminal({ device: opened, received, sending });
    opened.start();
    for (let slot = 0; slot < received.count; slot++) console.#post(slot);
    return console;
  }

  /** Posts a receive buffer if there is room for all that may come. */
  #post(slot: number): void {
    if (!this.terminal.accepts(RECEIVE_SLOTS * RECEIVE_BYTES)) {
      this.#idle.push(slot);
      return;
    }
    const address = this.#received.address(slot);
    this.device.submit(CONSOLE_QUEUE.RECEIVE, {
      segments: [{ address, length: RECEIVE_BYTES, deviceWrites: true }],
      done: (length) => {
        this.terminal.feed(this.#received.bytes(slot, length));
        this.#post(slot);
      },
      failed: () => {
        // The device was given up for good: no input comes any more.
      },
    });
  }

  /** The terminal sends one piece after the other, so one slot is enough. */
  async #transmit(bytes: Uint8Array): Promise<void> {
    const address = this.#sending.address(TRANSMIT_SLOT);
    for (let at = 0; at < bytes.length; at += TRANSMIT_BYTES) {
      const piece = bytes.subarray(at, at + TRANSMIT_BYTES);
      this.#sending.bytes(TRANSMIT_SLOT).set(piece);
      await new Promise<void>((resolve, reject) => {
        this.device.submit(CONSOLE_QUEUE.TRANSMIT, {
          segments: [{ address, length: piece.length, deviceWrites: false }],
          done: () => resolve(),
          failed: () => reject(EIO),
        });
      });
    }
  }
}
