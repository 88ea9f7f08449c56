/*
 * The smallest virtio-blk driver that can test the model: one request at a time or several, with
 * raw access to the ring for requests that no driver should make.
 */
import type { Bus } from "../../hw/bus.js";
import type { PhysicalMemory } from "../../hw/memory.js";
import { BLK_REQUEST } from "../../hw/regs/virtio-blk.js";
import { STATUS, VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import {
  VIRTQ_AVAIL,
  VIRTQ_DESC,
  VIRTQ_DESC_F,
  VIRTQ_USED,
  virtqLayout,
} from "../../hw/regs/virtqueue.js";

/** A descriptor before it is written. */
export interface Descriptor {
  addr: number;
  len: number;
  flags: number;
  next?: number;
}

const QUEUE_SIZE = 16;
const REGION_BYTES = 1 << 20;
/** Offsets in the region: request headers, status bytes, data. */
const HEADERS = 0x1000;
const STATUSES = 0x1800;
const DATA = 0x2000;

/** A driver for the device at `window`, with a DMA region of its own at `base`. */
export class TestDriver {
  readonly base: number;
  readonly domain: number;
  readonly region: SharedArrayBuffer;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly size = QUEUE_SIZE;
  readonly #view: DataView;
  readonly #bus: Bus;
  readonly #window: number;
  readonly #layout = virtqLayout(QUEUE_SIZE);
  #avail = 0;

  constructor(options: {
    bus: Bus;
    memory: PhysicalMemory;
    window: number;
    base: number;
    domain: number;
  }) {
    this.#bus = options.bus;
    this.#window = options.window;
    this.base = options.base;
    this.domain = options.domain;
    this.region = new SharedArrayBuffer(REGION_BYTES);
    this.bytes = new Uint8Array(this.region);
    this.#view = new DataView(this.region);
    options.memory.attach({ domain: this.domain, address: this.base, buffer: this.region });
  }

  read(offset: number): number {
    return this.#bus.read(this.#window + offset, 4);
  }

  write(offset: number, value: number): void {
    this.#bus.write(this.#window + offset, 4, value);
  }

  /** Resets and starts the device with these features, as bit numbers. */
  start(features: readonly number[]): void {
    this.write(VIRTIO_MMIO.Status, 0);
    this.#avail = 0;
    this.bytes.fill(0, 0, HEADERS);
    this.write(VIRTIO_MMIO.Status, STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    for (const word of [0, 1]) {
      const bits = features.filter((bit) => bit >> 5 === word);
      this.write(VIRTIO_MMIO.DriverFeaturesSel, word);
      this.write(
        VIRTIO_MMIO.DriverFeatures,
        bits.reduce((sum, bit) => sum + 2 ** (bit & 31), 0),
      );
    }
    this.#setStatus(STATUS.FEATURES_OK);
    this.setUpQueue();
    this.#setStatus(STATUS.DRIVER_OK);
  }

  setUpQueue(): void {
    this.#avail = 0;
    this.write(VIRTIO_MMIO.QueueSel, 0);
    this.write(VIRTIO_MMIO.QueueNum, QUEUE_SIZE);
    this.write(VIRTIO_MMIO.QueueDescLow, this.base + this.#layout.desc);
    this.write(VIRTIO_MMIO.QueueDriverLow, this.base + this.#layout.avail);
    this.write(VIRTIO_MMIO.QueueDeviceLow, this.base + this.#layout.used);
    this.write(VIRTIO_MMIO.QueueReady, 1);
  }

  /** Writes a descriptor into the table. */
  describe(index: number, { addr, len, flags, next = 0 }: Descriptor): void {
    this.putDescriptor(this.#layout.desc + VIRTQ_DESC.SIZE * index, { addr, len, flags, next });
  }

  /** Writes a descriptor anywhere in the region. */
  putDescriptor(at: number, { addr, len, flags, next = 0 }: Descriptor): void {
    this.#view.setBigUint64(at + VIRTQ_DESC.addr, BigInt(addr), true);
    this.#view.setUint32(at + VIRTQ_DESC.len, len, true);
    this.#view.setUint16(at + VIRTQ_DESC.flags, flags, true);
    this.#view.setUint16(at + VIRTQ_DESC.next, next, true);
  }

  /** Offers a chain without ringing the doorbell. */
  offer(head: number): void {
    const slot = this.#avail % QUEUE_SIZE;
    const ring = this.#layout.avail + VIRTQ_AVAIL.ring;
    this.#view.setUint16(ring + VIRTQ_AVAIL.ENTRY_SIZE * slot, head, true);
    this.#avail = (this.#avail + 1) & 0xffff;
    this.#view.setUint16(this.#layout.avail + VIRTQ_AVAIL.idx, this.#avail, true);
  }

  notify(): void {
    this.write(VIRTIO_MMIO.QueueNotify, 0);
  }

  /**
   * Fills three descriptors from `index` on with a request: header, data, status. Returns where its
   * data is in the region.
   */
  prepare(index: number, request: { type: number; sector?: number; length?: number }): number {
    const { type, sector = 0, length = 512 } = request;
    const header = HEADERS + BLK_REQUEST.SIZE * index;
    const data = DATA + 0x4000 * index;
    this.#view.setUint32(header + BLK_REQUEST.type, type, true);
    this.#view.setBigUint64(header + BLK_REQUEST.sector, BigInt(sector), true);
    this.bytes[STATUSES + index] = 0xff;
    const writes = type === 1 ? 0 : VIRTQ_DESC_F.WRITE;
    const at = (offset: number): number => this.base + offset;
    const { NEXT, WRITE } = VIRTQ_DESC_F;
    this.describe(index, { addr: at(header), len: BLK_REQUEST.SIZE, flags: NEXT, next: index + 1 });
    const dataFlags = NEXT | writes;
    this.describe(index + 1, { addr: at(data), len: length, flags: dataFlags, next: index + 2 });
    this.describe(index + 2, { addr: at(STATUSES + index), len: 1, flags: WRITE });
    return data;
  }

  /** Prepares, offers and notifies. */
  submit(index: number, request: { type: number; sector?: number; length?: number }): number {
    const data = this.prepare(index, request);
    this.offer(index);
    this.notify();
    return data;
  }

  status(index: number): number {
    return this.bytes[STATUSES + index] as number;
  }

  usedIndex(): number {
    return this.#view.getUint16(this.#layout.used + VIRTQ_USED.idx, true);
  }

  setUsedEvent(index: number): void {
    const at = this.#layout.avail + VIRTQ_AVAIL.ring + VIRTQ_AVAIL.ENTRY_SIZE * QUEUE_SIZE;
    this.#view.setUint16(at, index, true);
  }

  #setStatus(bit: number): void {
    this.write(VIRTIO_MMIO.Status, this.read(VIRTIO_MMIO.Status) | bit);
  }
}
