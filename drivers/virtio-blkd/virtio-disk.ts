/**
 * A virtio block device (virtio 1.2 §5.2): requests with a header, data and a status byte, several
 * in flight. Data goes through DMA slots of this driver; long requests take several slots at once.
 */

import {
  BLK_CONFIG,
  BLK_REQUEST,
  BLK_SECTOR_SIZE,
  VIRTIO_BLK_F,
  VIRTIO_BLK_S,
  VIRTIO_BLK_T,
} from "../../hw/regs/virtio-blk.js";
import { DEVICE_ID } from "../../hw/regs/virtio-mmio.js";
import { EIO, EOPNOTSUPP } from "../../ipc/errno.js";
import type { Device } from "../../user/driver.js";
import type { BlockDevice } from "../block/block-device.js";
import { VirtioDevice } from "../virtio/device.js";
import { DmaSlots } from "../virtio/dma-slots.js";
import type { Segment } from "../virtio/queue.js";

/** Requests in flight, and bytes of data that one carries. */
const SLOTS = 32;
const SLOT_BYTES = 128 * 1024;
/** Header, data, status; descriptors beyond what all slots need cost nothing. */
const DESCRIPTORS = 4;
/** Header and status of a slot. */
const HEAD_BYTES = 32;
const STATUS_OFFSET = BLK_REQUEST.SIZE;
/** What no device answers. */
const STATUS_NONE = 0xff;
/** A flush of a busy host may take long; one that takes longer than this will not come back. */
const TIMEOUT_MS = 10_000;

/** Options of `VirtioDisk.open`. */
export interface VirtioDiskOptions {
  /** How long a request may take before the device is reset. Default 10 s. */
  timeoutMs?: number;
}

/** One disk. */
export class VirtioDisk implements BlockDevice {
  readonly sectorSize = BLK_SECTOR_SIZE;
  readonly sectorCount: number;
  readonly readOnly: boolean;
  readonly device: VirtioDevice;
  readonly #heads: DmaSlots;
  readonly #data: DmaSlots;

  private constructor(parts: { device: VirtioDevice; heads: DmaSlots; data: DmaSlots }) {
    this.device = parts.device;
    this.#heads = parts.heads;
    this.#data = parts.data;
    const { transport } = parts.device;
    this.readOnly = transport.features.has(VIRTIO_BLK_F.RO);
    this.sectorCount = transport.config64(BLK_CONFIG.capacity);
  }

  /** Brings a device up and serves it. @throws ENODEV, EIO */
  static async open(device: Device, options: VirtioDiskOptions = {}): Promise<VirtioDisk> {
    const { timeoutMs = TIMEOUT_MS } = options;
    const opened = await VirtioDevice.open(device, {
      deviceId: DEVICE_ID.BLOCK,
      features: [VIRTIO_BLK_F.RO, VIRTIO_BLK_F.FLUSH, VIRTIO_BLK_F.SEG_MAX],
      queues: [{ index: 0, size: SLOTS * DESCRIPTORS, timeoutMs }],
    });
    const [heads, data] = await Promise.all([
      DmaSlots.allocate(device, SLOTS, HEAD_BYTES),
      DmaSlots.allocate(device, SLOTS, SLOT_BYTES),
    ]);
    const disk = new VirtioDisk({ device: opened, heads, data });
    opened.start();
    return disk;
  }

  async read(position: number, bytes: Uint8Array): Promise<void> {
    await this.#pieces(bytes, async (piece, at) => {
      const slot = await this.#data.take();
      try {
        await this.#request(slot, VIRTIO_BLK_T.IN, position + at, piece.length);
        piece.set(this.#data.bytes(slot, piece.length));
      } finally {
        this.#data.give(slot);
      }
    });
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await this.#pieces(bytes, async (piece, at) => {
      const slot = await this.#data.take();
      try {
        this.#data.bytes(slot).set(piece);
        await this.#request(slot, VIRTIO_BLK_T.OUT, position + at, piece.length);
      } finally {
        this.#data.give(slot);
      }
    });
  }

  async flush(): Promise<void> {
    if (!this.device.transport.features.has(VIRTIO_BLK_F.FLUSH)) return;
    const slot = await this.#data.take();
    try {
      await this.#request(slot, VIRTIO_BLK_T.FLUSH, 0, 0);
    } finally {
      this.#data.give(slot);
    }
  }

  async #pieces(
    bytes: Uint8Array,
    each: (piece: Uint8Array, at: number) => Promise<void>,
  ): Promise<void> {
    if (bytes.length <= SLOT_BYTES) {
      await each(bytes, 0);
      return;
    }
    const work: Promise<void>[] = [];
    for (let at = 0; at < bytes.length; at += SLOT_BYTES) {
      work.push(each(bytes.subarray(at, at + SLOT_BYTES), at));
    }
    await Promise.all(work);
  }

  async #request(slot: number, type: number, position: number, length: number): Promise<void> {
    const head = this.#heads.bytes(slot);
    const header = new DataView(head.buffer, head.byteOffset, HEAD_BYTES);
    header.setUint32(BLK_REQUEST.type, type, true);
    header.setUint32(BLK_REQUEST.reserved, 0, true);
    header.setBigUint64(BLK_REQUEST.sector, BigInt(position / BLK_SECTOR_SIZE), true);
    const address = this.#heads.address(slot);
    const segments: Segment[] = [{ address, length: BLK_REQUEST.SIZE, deviceWrites: false }];
    if (length > 0) {
      const deviceWrites = type === VIRTIO_BLK_T.IN;
      segments.push({ address: this.#data.address(slot), length, deviceWrites });
    }
    segments.push({ address: address + STATUS_OFFSET, length: 1, deviceWrites: true });
    const status = await new Promise<number>((resolve) => {
      this.device.submit(0, {
        segments,
        prepare: () => {
          head[STATUS_OFFSET] = STATUS_NONE;
        },
        done: () => resolve(head[STATUS_OFFSET] as number),
        failed: () => resolve(STATUS_NONE),
      });
    });
    if (status === VIRTIO_BLK_S.UNSUPP) throw EOPNOTSUPP;
    if (status !== VIRTIO_BLK_S.OK) throw EIO;
  }
}
