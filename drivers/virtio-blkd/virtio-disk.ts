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
import { allocateDma, type Device, type DmaRegion, type InterruptLine } from "../../user/driver.js";
import type { BlockDevice } from "../block/block-device.js";
import type { DriverQueue, Segment } from "../virtio/queue.js";
import { VirtioTransport } from "../virtio/transport.js";

/** Requests in flight, and bytes of data that one carries. */
const SLOTS = 32;
const SLOT_BYTES = 128 * 1024;
/** Header and status of a slot stand before its data. */
const HEAD_BYTES = 32;
const STATUS_OFFSET = BLK_REQUEST.SIZE;
/** Header, data, status. */
const DESCRIPTORS = 3;

/** A request that the device is at work on. */
interface Flight {
  slot: number;
  resolve: (status: number) => void;
}

/** One disk. */
export class VirtioDisk implements BlockDevice {
  readonly sectorSize = BLK_SECTOR_SIZE;
  readonly sectorCount: number;
  readonly readOnly: boolean;
  readonly #transport: VirtioTransport;
  readonly #queue: DriverQueue;
  readonly #line: InterruptLine;
  readonly #heads: DmaRegion;
  readonly #headView: DataView;
  readonly #data: DmaRegion;
  readonly #bytes: Uint8Array;
  readonly #flights = new Map<number, Flight>();
  readonly #freeSlots: number[] = [];
  #slotWaiters: ((slot: number) => void)[] = [];
  #notifyPending = false;

  private constructor(parts: {
    transport: VirtioTransport;
    queue: DriverQueue;
    line: InterruptLine;
    heads: DmaRegion;
    data: DmaRegion;
  }) {
    this.#transport = parts.transport;
    this.#queue = parts.queue;
    this.#line = parts.line;
    this.#heads = parts.heads;
    this.#headView = new DataView(parts.heads.memory);
    this.#data = parts.data;
    this.#bytes = new Uint8Array(parts.data.memory);
    this.readOnly = parts.transport.features.has(VIRTIO_BLK_F.RO);
    this.sectorCount = parts.transport.config64(BLK_CONFIG.capacity);
    for (let slot = SLOTS - 1; slot >= 0; slot--) this.#freeSlots.push(slot);
  }

  /** Brings a device up. @throws ENODEV, EIO */
  static async open(device: Device): Promise<VirtioDisk> {
    const transport = new VirtioTransport(device.registers, DEVICE_ID.BLOCK);
    transport.negotiate([VIRTIO_BLK_F.RO, VIRTIO_BLK_F.FLUSH, VIRTIO_BLK_F.SEG_MAX]);
    const [queue, heads, data] = await Promise.all([
      transport.queue(0, SLOTS * DESCRIPTORS + 32),
      allocateDma(SLOTS * HEAD_BYTES),
      allocateDma(SLOTS * SLOT_BYTES),
    ]);
    const line = device.interrupts[0] as InterruptLine;
    transport.ready();
    return new VirtioDisk({ transport, queue, line, heads, data });
  }

  /** Serves interrupts for ever. */
  async run(): Promise<never> {
    for (;;) {
      await this.#line.next();
      this.#transport.acknowledge();
      for (let done = this.#queue.take(); done !== undefined; done = this.#queue.take()) {
        const flight = this.#flights.get(done.head) as Flight;
        this.#flights.delete(done.head);
        flight.resolve(this.#headView.getUint8(flight.slot * HEAD_BYTES + STATUS_OFFSET));
      }
      this.#line.acknowledge();
    }
  }

  async read(position: number, bytes: Uint8Array): Promise<void> {
    await this.#pieces(bytes, async (piece, at) => {
      const slot = await this.#takeSlot();
      try {
        await this.#request(slot, VIRTIO_BLK_T.IN, position + at, piece.length);
        const from = slot * SLOT_BYTES;
        piece.set(this.#bytes.subarray(from, from + piece.length));
      } finally {
        this.#giveSlot(slot);
      }
    });
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    await this.#pieces(bytes, async (piece, at) => {
      const slot = await this.#takeSlot();
      try {
        this.#bytes.set(piece, slot * SLOT_BYTES);
        await this.#request(slot, VIRTIO_BLK_T.OUT, position + at, piece.length);
      } finally {
        this.#giveSlot(slot);
      }
    });
  }

  async flush(): Promise<void> {
    if (!this.#transport.features.has(VIRTIO_BLK_F.FLUSH)) return;
    const slot = await this.#takeSlot();
    try {
      await this.#request(slot, VIRTIO_BLK_T.FLUSH, 0, 0);
    } finally {
      this.#giveSlot(slot);
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

  #takeSlot(): Promise<number> | number {
    const slot = this.#freeSlots.pop();
    if (slot !== undefined) return slot;
    return new Promise((resolve) => {
      this.#slotWaiters.push(resolve);
    });
  }

  #giveSlot(slot: number): void {
    const waiter = this.#slotWaiters.shift();
    if (waiter === undefined) this.#freeSlots.push(slot);
    else waiter(slot);
  }

  async #request(slot: number, type: number, position: number, length: number): Promise<void> {
    const head = slot * HEAD_BYTES;
    this.#headView.setUint32(head + BLK_REQUEST.type, type, true);
    this.#headView.setUint32(head + BLK_REQUEST.reserved, 0, true);
    const sector = BigInt(position / BLK_SECTOR_SIZE);
    this.#headView.setBigUint64(head + BLK_REQUEST.sector, sector, true);
    const headAddress = this.#heads.address + head;
    const segments: Segment[] = [
      { address: headAddress, length: BLK_REQUEST.SIZE, deviceWrites: false },
    ];
    if (length > 0) {
      const address = this.#data.address + slot * SLOT_BYTES;
      segments.push({ address, length, deviceWrites: type === VIRTIO_BLK_T.IN });
    }
    segments.push({ address: headAddress + STATUS_OFFSET, length: 1, deviceWrites: true });
    const status = await new Promise<number>((resolve) => {
      // There are at least as many descriptors as all slots need.
      const id = this.#queue.add(segments);
      this.#flights.set(id, { slot, resolve });
      this.#notifySoon();
    });
    if (status === VIRTIO_BLK_S.UNSUPP) throw EOPNOTSUPP;
    if (status !== VIRTIO_BLK_S.OK) throw EIO;
  }

  /** One notification for all requests that one turn has made. */
  #notifySoon(): void {
    if (this.#notifyPending) return;
    this.#notifyPending = true;
    queueMicrotask(() => {
      this.#notifyPending = false;
      this.#transport.notify(0);
    });
  }
}
