/*
 * The virtio transport over MMIO, version 2 (virtio 1.2 §4.2): the registers of one slot in front
 * of a device function (block, network …). The interrupt line is high while InterruptStatus is not
 * zero. A reset is complete, and Status reads 0, only when the function has no work under way;
 * until then other writes are ignored (§4.2.3.1: the driver waits for the 0).
 */
import { type AccessSize, type Device, UNCONNECTED, type Wire } from "../device.js";
import type { GuestMemory } from "../memory.js";
import {
  INTERRUPT,
  STATUS,
  VIRTIO_F,
  VIRTIO_MMIO,
  VIRTIO_MMIO_MAGIC,
  VIRTIO_MMIO_VERSION,
} from "../regs/virtio-mmio.js";
import { VIRTQ_SIZE_MAX } from "../regs/virtqueue.js";
import type { VirtioFunction, VirtioPort } from "./virtio-function.js";
import { VirtQueue } from "./virtqueue.js";

const VENDOR_QEMU = 0x554d4551;
/** QueueSel above this is ignored. */
const QUEUE_INDEX_MAX = VIRTQ_SIZE_MAX - 1;

/** One slot with a device in it. */
export class VirtioMmio implements Device, VirtioPort {
  readonly memory: GuestMemory;
  readonly #function: VirtioFunction;
  readonly #interrupt: Wire;
  readonly #queues: VirtQueue[] = [];
  /** QueueReady of queues that do not exist: they are storage too. */
  readonly #phantomReady = new Set<number>();
  #deviceFeaturesSel = 0;
  #driverFeaturesSel = 0;
  readonly #driverFeatures = new Uint32Array(2);
  #negotiated = 0n;
  #queueSel = 0;
  #interruptStatus = 0;
  #configGeneration = 0;
  #status = 0;
  #stopping: Promise<void> | undefined;
  /** Queues whose reset is not complete, by index, and the generation that it made. */
  readonly #queuesStopping = new Map<number, number>();

  constructor(deviceFunction: VirtioFunction, memory: GuestMemory, interrupt: Wire = UNCONNECTED) {
    this.#function = deviceFunction;
    this.memory = memory;
    this.#interrupt = interrupt;
    for (let i = 0; i < deviceFunction.queueCount; i++) this.#queues.push(new VirtQueue(i, memory));
  }

  read(offset: number, size: AccessSize): number {
    if (offset >= VIRTIO_MMIO.Config) return this.#readConfig(offset - VIRTIO_MMIO.Config, size);
    if (size !== 4) return 0;
    switch (offset) {
      case VIRTIO_MMIO.MagicValue:
        return VIRTIO_MMIO_MAGIC;
      case VIRTIO_MMIO.Version:
        return VIRTIO_MMIO_VERSION;
      case VIRTIO_MMIO.DeviceID:
        return this.#function.deviceId;
      case VIRTIO_MMIO.VendorID:
        return VENDOR_QEMU;
      case VIRTIO_MMIO.DeviceFeatures:
        return this.#readFeatures();
      case VIRTIO_MMIO.QueueNumMax:
        return this.#queue() === undefined ? 0 : VIRTQ_SIZE_MAX;
      case VIRTIO_MMIO.QueueReady:
        return this.#readQueueReady();
      case VIRTIO_MMIO.InterruptStatus:
        return this.#interruptStatus;
      case VIRTIO_MMIO.Status:
        return this.#status;
      case VIRTIO_MMIO.QueueReset:
        return this.#queuesStopping.has(this.#queueSel) ? 1 : 0;
      case VIRTIO_MMIO.ConfigGeneration:
        return this.#configGeneration;
      case VIRTIO_MMIO.SHMLenLow:
      case VIRTIO_MMIO.SHMLenHigh:
        return 0xffffffff;
      default:
        return 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (this.#stopping !== undefined) return;
    if (offset >= VIRTIO_MMIO.Config) {
      this.#function.writeConfig(offset - VIRTIO_MMIO.Config, size, value);
      return;
    }
    if (size !== 4) return;
    switch (offset) {
      case VIRTIO_MMIO.DeviceFeaturesSel:
        this.#deviceFeaturesSel = value;
        break;
      case VIRTIO_MMIO.DriverFeaturesSel:
        this.#driverFeaturesSel = value;
        break;
      case VIRTIO_MMIO.DriverFeatures:
        this.#writeFeatures(value);
        break;
      case VIRTIO_MMIO.QueueSel:
        if (value <= QUEUE_INDEX_MAX) this.#queueSel = value;
        break;
      case VIRTIO_MMIO.QueueNotify:
        this.#notify(value);
        break;
      case VIRTIO_MMIO.InterruptACK:
        this.#acknowledge(value);
        break;
      case VIRTIO_MMIO.Status:
        this.#writeStatus(value & 0xff);
        break;
      case VIRTIO_MMIO.QueueReady:
        this.#writeQueueReady(value);
        break;
      case VIRTIO_MMIO.QueueReset:
        this.#resetQueue(value);
        break;
      default:
        this.#writeQueue(offset, value);
        break;
    }
  }

  /** A system reset. Like the driver's own it completes when `quiesced()` says so. */
  reset(): void {
    if (this.#stopping === undefined) this.#reset();
    this.#deviceFeaturesSel = 0;
    this.#driverFeaturesSel = 0;
  }

  /** Resolves when a reset under way is complete; at once if there is none. */
  async quiesced(): Promise<void> {
    await this.#stopping;
  }

  used(queue: VirtQueue): void {
    if (queue.wantsInterrupt()) this.#raise(INTERRUPT.USED_BUFFER);
  }

  configChanged(): void {
    this.#configGeneration = (this.#configGeneration + 1) >>> 0;
    if ((this.#status & STATUS.DRIVER_OK) !== 0) this.#raise(INTERRUPT.CONFIGURATION_CHANGE);
  }

  broken(): void {
    this.#status |= STATUS.DEVICE_NEEDS_RESET;
    if ((this.#status & STATUS.DRIVER_OK) !== 0) this.#raise(INTERRUPT.CONFIGURATION_CHANGE);
  }

  #raise(cause: number): void {
    this.#interruptStatus |= cause;
    this.#interrupt(1);
  }

  /** A cause that is left over gives a new edge: an edge-triggered line would lose it. */
  #acknowledge(causes: number): void {
    this.#interruptStatus &= ~causes;
    this.#interrupt(0);
    if (this.#interruptStatus !== 0) this.#interrupt(1);
  }

  #writeStatus(value: number): void {
    if (value === 0) {
      this.#reset();
      return;
    }
    const rising = value & ~this.#status;
    this.#status = value | (this.#status & STATUS.DEVICE_NEEDS_RESET);
    if ((rising & STATUS.FEATURES_OK) !== 0) this.#negotiate();
    if ((rising & STATUS.DRIVER_OK) !== 0) this.#function.start(this, this.#negotiated);
  }

  #reset(): void {
    for (const queue of this.#queues) queue.reset();
    this.#phantomReady.clear();
    this.#driverFeatures.fill(0);
    this.#negotiated = 0n;
    this.#queueSel = 0;
    this.#interruptStatus = 0;
    this.#queuesStopping.clear();
    this.#interrupt(0);
    const stopped = this.#function.stop();
    if (stopped === undefined) {
      this.#status = 0;
      return;
    }
    // Status keeps its old value, never 0, until the last request has ended.
    this.#status |= STATUS.ACKNOWLEDGE;
    this.#stopping = stopped.then(() => {
      this.#stopping = undefined;
      this.#status = 0;
    });
  }

  // --- features ------------------------------------------------------------------------------

  #readFeatures(): number {
    const shift = this.#deviceFeaturesSel === 0 ? 0n : 32n;
    return Number((this.#function.features >> shift) & 0xffffffffn);
  }

  #writeFeatures(value: number): void {
    this.#driverFeatures[this.#driverFeaturesSel === 0 ? 0 : 1] = value;
  }

  /** QEMU never refuses a set of features; bits that were not offered have no effect. */
  #negotiate(): void {
    const [low, high] = this.#driverFeatures as unknown as [number, number];
    this.#negotiated = ((BigInt(high) << 32n) | BigInt(low)) & this.#function.features;
    const features = {
      indirect: this.#has(VIRTIO_F.INDIRECT_DESC),
      eventIndex: this.#has(VIRTIO_F.EVENT_IDX),
    };
    for (const queue of this.#queues) queue.negotiate(features);
  }

  #has(feature: number): boolean {
    return ((this.#negotiated >> BigInt(feature)) & 1n) === 1n;
  }

  // --- queues --------------------------------------------------------------------------------

  #queue(): VirtQueue | undefined {
    return this.#queues[this.#queueSel];
  }

  #notify(index: number): void {
    const running = (this.#status & STATUS.DRIVER_OK) !== 0;
    if (!running || (this.#status & STATUS.DEVICE_NEEDS_RESET) !== 0) return;
    const queue = this.#queues[index];
    if (queue?.ready === true) this.#function.notify(queue);
  }

  #readQueueReady(): number {
    return (this.#queue()?.ready ?? this.#phantomReady.has(this.#queueSel)) ? 1 : 0;
  }

  #writeQueueReady(value: number): void {
    const queue = this.#queue();
    if (queue !== undefined && this.#queuesStopping.has(queue.index)) return;
    if (queue !== undefined) queue.ready = (value & 1) !== 0;
    else if ((value & 1) !== 0) this.#phantomReady.add(this.#queueSel);
    else this.#phantomReady.delete(this.#queueSel);
  }

  /** §2.6.1: resets one queue; the others go on. Reads 1 until nothing of it is under way. */
  #resetQueue(value: number): void {
    const queue = this.#queue();
    if (queue === undefined || value !== 1 || !this.#has(VIRTIO_F.RING_RESET)) return;
    queue.reset();
    const { index, generation } = queue;
    const stopped = this.#function.stopQueue(queue);
    if (stopped === undefined) return;
    this.#queuesStopping.set(index, generation);
    void stopped.then(() => {
      if (this.#queuesStopping.get(index) === generation) this.#queuesStopping.delete(index);
    });
  }

  #writeQueue(offset: number, value: number): void {
    const queue = this.#queue();
    if (queue === undefined || queue.ready || this.#queuesStopping.has(queue.index)) return;
    switch (offset) {
      case VIRTIO_MMIO.QueueNum:
        queue.size = value;
        break;
      case VIRTIO_MMIO.QueueDescLow:
        queue.desc = withLow(queue.desc, value);
        break;
      case VIRTIO_MMIO.QueueDescHigh:
        queue.desc = withHigh(queue.desc, value);
        break;
      case VIRTIO_MMIO.QueueDriverLow:
        queue.avail = withLow(queue.avail, value);
        break;
      case VIRTIO_MMIO.QueueDriverHigh:
        queue.avail = withHigh(queue.avail, value);
        break;
      case VIRTIO_MMIO.QueueDeviceLow:
        queue.used = withLow(queue.used, value);
        break;
      case VIRTIO_MMIO.QueueDeviceHigh:
        queue.used = withHigh(queue.used, value);
        break;
      default:
        break;
    }
  }

  /** Beyond the end the configuration space reads as ones. */
  #readConfig(offset: number, size: AccessSize): number {
    const { config } = this.#function;
    let value = 0;
    for (let i = size - 1; i >= 0; i--) {
      value = value * 256 + (offset + size > config.length ? 0xff : (config[offset + i] as number));
    }
    return value;
  }
}

const TWO_TO_32 = 0x1_0000_0000;

function withLow(address: number, low: number): number {
  return Math.floor(address / TWO_TO_32) * TWO_TO_32 + low;
}

function withHigh(address: number, high: number): number {
  return high * TWO_TO_32 + (address % TWO_TO_32);
}

/** A slot without a device: it says so by DeviceID 0, at any access size. */
export const EMPTY_SLOT: Device = {
  read(offset, size) {
    const word = offset & ~3;
    let value = 0;
    if (word === VIRTIO_MMIO.MagicValue) value = VIRTIO_MMIO_MAGIC;
    else if (word === VIRTIO_MMIO.Version) value = VIRTIO_MMIO_VERSION;
    else if (word === VIRTIO_MMIO.VendorID) value = VENDOR_QEMU;
    const shifted = value >>> (8 * (offset & 3));
    return size === 4 ? shifted : shifted & ((1 << (8 * size)) - 1);
  },
  write() {},
  reset() {},
};
