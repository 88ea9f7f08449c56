/*
 * The smallest driver for any virtio device model: registers, rings and buffers in the test's
 * hands, and memory beside them that the device must never touch.
 */
import { Bus } from "../../hw/bus.js";
import type { VirtioFunction } from "../../hw/devices/virtio-function.js";
import { VirtioMmio } from "../../hw/devices/virtio-mmio.js";
import { GuestMemory, PhysicalMemory } from "../../hw/memory.js";
import { STATUS, VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import { VIRTQ_AVAIL, VIRTQ_DESC, VIRTQ_USED, virtqLayout } from "../../hw/regs/virtqueue.js";

const WINDOW = 0x0a00_0000;
/** The driver's memory, and somebody else's. */
export const RAM = 0x4000_0000;
export const RAM_BYTES = 1 << 17;
export const OTHER = 0x5000_0000;
/** Entries of each queue, and where its rings lie in the driver's memory. */
export const SIZE = 16;
export const RINGS_BYTES = 0x1000;

/** A device, its driver's memory, and memory that is none of its driver's. */
export class VirtioStand {
  readonly bus: Bus;
  readonly memory = new PhysicalMemory();
  readonly bytes = new Uint8Array(new SharedArrayBuffer(RAM_BYTES));
  readonly other = new Uint8Array(new SharedArrayBuffer(4096)).fill(0xee);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #layout = virtqLayout(SIZE);
  readonly #queues: number;

  /** Levels that the interrupt line has had. */
  readonly line: number[] = [];

  constructor(model: VirtioFunction) {
    this.memory.attach({ domain: 1, address: RAM, buffer: this.bytes.buffer });
    this.memory.attach({ domain: 2, address: OTHER, buffer: this.other.buffer });
    const device = new VirtioMmio(model, new GuestMemory(this.memory, 1), (level) => {
      if (level !== (this.line.at(-1) ?? 0)) this.line.push(level);
    });
    this.bus = new Bus([{ name: "fuzz", base: WINDOW, size: 0x200, device }]);
    this.#queues = model.queueCount;
  }

  write(register: number, value: number, size = 4): void {
    this.bus.write(WINDOW + register, size, value);
  }

  read(register: number, size = 4): number {
    return this.bus.read(WINDOW + register, size);
  }

  /** Resets and starts the device as a good driver does, with these feature words. */
  start(features: (word: number) => number): void {
    this.write(VIRTIO_MMIO.Status, 0);
    this.write(VIRTIO_MMIO.Status, STATUS.ACKNOWLEDGE | STATUS.DRIVER);
    for (const word of [0, 1]) {
      this.write(VIRTIO_MMIO.DriverFeaturesSel, word);
      this.write(VIRTIO_MMIO.DriverFeatures, features(word));
    }
    const agreed = STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK;
    this.write(VIRTIO_MMIO.Status, agreed);
    for (let queue = 0; queue < this.#queues; queue++) this.setUp(queue);
    this.write(VIRTIO_MMIO.Status, agreed | STATUS.DRIVER_OK);
  }

  setUp(queue: number): void {
    const base = RAM + RINGS_BYTES * queue;
    this.bytes.fill(0, RINGS_BYTES * queue, RINGS_BYTES * (queue + 1));
    this.write(VIRTIO_MMIO.QueueSel, queue);
    this.write(VIRTIO_MMIO.QueueNum, SIZE);
    this.write(VIRTIO_MMIO.QueueDescLow, base + this.#layout.desc);
    this.write(VIRTIO_MMIO.QueueDescHigh, 0);
    this.write(VIRTIO_MMIO.QueueDriverLow, base + this.#layout.avail);
    this.write(VIRTIO_MMIO.QueueDriverHigh, 0);
    this.write(VIRTIO_MMIO.QueueDeviceLow, base + this.#layout.used);
    this.write(VIRTIO_MMIO.QueueDeviceHigh, 0);
    this.write(VIRTIO_MMIO.QueueReady, 1);
  }

  /** Bytes for buffers, behind the rings. */
  data(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(0x8000 + offset, 0x8000 + offset + length);
  }

  text(offset: number, length: number): string {
    return Buffer.from(this.data(offset, length)).toString();
  }

  segment(offset: number, length: number, deviceWrites: boolean) {
    return { address: RAM + 0x8000 + offset, length, flags: deviceWrites ? 2 : 0 };
  }

  describe(queue: number, index: number, descriptor: number[]): void {
    const at = RINGS_BYTES * queue + this.#layout.desc + VIRTQ_DESC.SIZE * index;
    const [address = 0, length = 0, flags = 0, next = 0] = descriptor;
    this.#view.setBigUint64(at + VIRTQ_DESC.addr, BigInt(address), true);
    this.#view.setUint32(at + VIRTQ_DESC.len, length, true);
    this.#view.setUint16(at + VIRTQ_DESC.flags, flags, true);
    this.#view.setUint16(at + VIRTQ_DESC.next, next, true);
  }

  offer(queue: number, head: number): void {
    const avail = RINGS_BYTES * queue + this.#layout.avail;
    const index = this.#view.getUint16(avail + VIRTQ_AVAIL.idx, true);
    const entry = VIRTQ_AVAIL.ring + VIRTQ_AVAIL.ENTRY_SIZE * (index % SIZE);
    this.#view.setUint16(avail + entry, head, true);
    this.#view.setUint16(avail + VIRTQ_AVAIL.idx, (index + 1) & 0xffff, true);
  }

  /** Makes one request right after `start`; the length that the device says, or -1. */
  request(queue: number, segments: { address: number; length: number; flags: number }[]): number {
    this.chain(queue, 0, segments);
    this.write(VIRTIO_MMIO.QueueNotify, queue);
    return this.usedIndex(queue) === 1 ? this.usedLength(queue, 0) : -1;
  }

  /** Makes a chain of descriptors from `first` on, and offers it without a notification. */
  chain(
    queue: number,
    first: number,
    segments: { address: number; length: number; flags: number }[],
  ): void {
    segments.forEach(({ address, length, flags }, i) => {
      const last = i === segments.length - 1;
      this.describe(queue, first + i, [address, length, flags | (last ? 0 : 1), first + i + 1]);
    });
    this.offer(queue, first);
  }

  usedIndex(queue: number): number {
    return this.#view.getUint16(RINGS_BYTES * queue + this.#layout.used + VIRTQ_USED.idx, true);
  }

  /** What the device said of the request that it finished as number `index`. */
  usedLength(queue: number, index: number): number {
    const entry = VIRTQ_USED.ring + VIRTQ_USED.ENTRY_SIZE * index + VIRTQ_USED.len;
    return this.#view.getUint32(RINGS_BYTES * queue + this.#layout.used + entry, true);
  }
}
