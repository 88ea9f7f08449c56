/*
 * The virtio block device (virtio 1.2 §5.2) over a disk back end. Requests run asynchronously,
 * several at a time, and end in any order; data goes between disk and guest memory in place. What a
 * request touches is decided when it is taken; whether its driver has reset the device or lost it
 * (another IOMMU domain) is asked again before it is completed, and then nothing is written.
 */

import type { AccessSize } from "../device.js";
import type { DiskBackend, DiskDone } from "../disk.js";
import type { GuestMemory } from "../memory.js";
import {
  BLK_CONFIG,
  BLK_CONFIG_SIZE,
  BLK_ID_SIZE,
  BLK_RANGE,
  BLK_RANGE_UNMAP,
  BLK_REQUEST,
  BLK_SECTOR_SIZE,
  VIRTIO_BLK_F,
  VIRTIO_BLK_S,
  VIRTIO_BLK_T,
} from "../regs/virtio-blk.js";
import { DEVICE_ID, VIRTIO_F } from "../regs/virtio-mmio.js";
import { dropFront, dropLastByte, gather, lengthOf, viewsOf } from "./virtio-buffers.js";
import {
  featureBits,
  serveQueue,
  type VirtioFunction,
  type VirtioPort,
} from "./virtio-function.js";
import type { Chain, Segment, VirtQueue } from "./virtqueue.js";

/** Data segments in one request, and sectors in one discard or write-zeroes segment. */
const SEG_MAX = 254;
const RANGE_SECTORS_MAX = 0x3fffff;

/** Options of a `VirtioBlk`. */
export interface VirtioBlkOptions {
  disk: DiskBackend;
  /** What GET_ID answers, at most 20 bytes of ASCII. */
  serial: string;
}

/** A request that was taken from the queue. */
interface Request {
  readonly queue: VirtQueue;
  /** Those of queue and memory when it was taken: it must not be reported to any other. */
  readonly generation: number;
  readonly epoch: number;
  readonly head: number;
  /** The length to report: all that the device may write, used or not. */
  readonly length: number;
  readonly statusAddress: number;
}

/** A block device without its transport. */
export class VirtioBlk implements VirtioFunction {
  readonly deviceId = DEVICE_ID.BLOCK;
  readonly queueCount = 1;
  readonly features: bigint;
  readonly config: Uint8Array;

  readonly #disk: DiskBackend;
  readonly #serial: Uint8Array;
  readonly #config: DataView;
  #port: VirtioPort | undefined;
  #features = 0n;
  /** Requests that the disk is at work on, those of past generations included. */
  #inFlight = 0;
  #idle: (() => void) | undefined;
  #draining = false;

  constructor(options: VirtioBlkOptions) {
    this.#disk = options.disk;
    this.#serial = new TextEncoder().encode(`${options.serial}\0`);
    this.features = featureBits([
      VIRTIO_BLK_F.SEG_MAX,
      VIRTIO_BLK_F.GEOMETRY,
      VIRTIO_BLK_F.BLK_SIZE,
      VIRTIO_BLK_F.FLUSH,
      VIRTIO_BLK_F.TOPOLOGY,
      VIRTIO_BLK_F.CONFIG_WCE,
      VIRTIO_BLK_F.DISCARD,
      VIRTIO_BLK_F.WRITE_ZEROES,
      VIRTIO_F.INDIRECT_DESC,
      VIRTIO_F.EVENT_IDX,
      VIRTIO_F.VERSION_1,
      VIRTIO_F.RING_RESET,
      ...(options.disk.readOnly ? [VIRTIO_BLK_F.RO] : []),
    ]);
    this.config = new Uint8Array(BLK_CONFIG_SIZE);
    this.#config = new DataView(this.config.buffer);
    fillConfig(this.#config, options.disk.sectorCount);
  }

  writeConfig(offset: number, _size: AccessSize, value: number): void {
    if (offset !== BLK_CONFIG.writeback || !this.#has(VIRTIO_BLK_F.CONFIG_WCE)) return;
    this.#config.setUint8(BLK_CONFIG.writeback, value & 1);
  }

  start(port: VirtioPort, features: bigint): void {
    this.#port = port;
    this.#features = features;
    // A driver that can't flush must get durable writes (§5.2.5.2).
    this.#config.setUint8(BLK_CONFIG.writeback, this.#has(VIRTIO_BLK_F.FLUSH) ? 1 : 0);
  }

  stop(): Promise<void> | undefined {
    this.#port = undefined;
    this.#features = 0n;
    return this.#drained();
  }

  /** There is only one queue: what is under way is its own. */
  stopQueue(): Promise<void> | undefined {
    return this.#drained();
  }

  /** Resolves when the disk is at work on nothing any more; `undefined` if that is so already. */
  #drained(): Promise<void> | undefined {
    if (this.#inFlight === 0) return undefined;
    return new Promise((resolve) => {
      const earlier = this.#idle;
      this.#idle = () => {
        earlier?.();
        resolve();
      };
    });
  }

  /** Takes requests while the queue has some, with as many in flight as the queue has entries. */
  notify(queue: VirtQueue): void {
    if (this.#draining) return; // A disk that answers at once completes within `#take`.
    this.#draining = true;
    serveQueue(queue, () => this.#inFlight < queue.size && this.#take(queue));
    this.#draining = false;
  }

  /** Takes and starts one request; `false` if there was none or the queue is broken. */
  #take(queue: VirtQueue): boolean {
    const port = this.#port;
    if (port === undefined) return false;
    const chain = queue.pop();
    if (chain === undefined) return false;
    const header = chain === "broken" ? undefined : readHeader(port.memory, chain);
    if (chain === "broken" || header === undefined || chain.writable.length === 0) {
      this.#break(port);
      return false;
    }
    const length = lengthOf(chain.writable);
    const request: Request = {
      queue,
      generation: queue.generation,
      epoch: port.memory.epoch,
      head: chain.head,
      length,
      statusAddress: dropLastByte(chain.writable),
    };
    this.#inFlight++;
    this.#execute(port, request, { ...header, ...chain });
    return true;
  }

  /** Starts the request that `header` asks for. */
  #execute(port: VirtioPort, request: Request, header: Header & Chain): void {
    switch (header.type) {
      case VIRTIO_BLK_T.IN:
        this.#read(port.memory, request, header);
        break;
      case VIRTIO_BLK_T.OUT:
        this.#write(port.memory, request, header);
        break;
      case VIRTIO_BLK_T.FLUSH:
        this.#disk.flush(this.#completion(request));
        break;
      case VIRTIO_BLK_T.GET_ID:
        this.#identify(port.memory, request, header.writable);
        break;
      case VIRTIO_BLK_T.DISCARD:
      case VIRTIO_BLK_T.WRITE_ZEROES:
        this.#range(port.memory, request, header);
        break;
      default:
        this.#complete(request, VIRTIO_BLK_S.UNSUPP);
        break;
    }
  }

  #read(memory: GuestMemory, request: Request, header: Header & Chain): void {
    const views = viewsOf(memory, header.writable, true);
    if (views === undefined || !this.#isWithin(header.sector, lengthOf(header.writable))) {
      this.#complete(request, VIRTIO_BLK_S.IOERR);
      return;
    }
    let position = Number(header.sector) * BLK_SECTOR_SIZE;
    const done = afterAll(views.length, this.#completion(request));
    for (const view of views) {
      this.#disk.read(position, view, done);
      position += view.length;
    }
  }

  #write(memory: GuestMemory, request: Request, header: Header & Chain): void {
    const views = viewsOf(memory, header.readable, false);
    const within = this.#isWithin(header.sector, lengthOf(header.readable));
    if (views === undefined || !within || this.#disk.readOnly) {
      this.#complete(request, VIRTIO_BLK_S.IOERR);
      return;
    }
    let position = Number(header.sector) * BLK_SECTOR_SIZE;
    const done = afterAll(views.length, this.#durably(request));
    for (const view of views) {
      this.#disk.write(position, view, done);
      position += view.length;
    }
  }

  /** Discarding is a hint, and leaves the sectors as they are; zeroes are written. */
  #range(memory: GuestMemory, request: Request, header: Header & Chain): void {
    const bytes = gather(memory, header.readable, BLK_RANGE.SIZE);
    if (bytes === undefined || lengthOf(header.readable) !== BLK_RANGE.SIZE) {
      this.#complete(request, VIRTIO_BLK_S.IOERR);
      return;
    }
    const segment = new DataView(bytes.buffer);
    const sector = segment.getBigUint64(BLK_RANGE.sector, true);
    const count = segment.getUint32(BLK_RANGE.num_sectors, true);
    const flags = segment.getUint32(BLK_RANGE.flags, true);
    const flagsAllowed = header.type === VIRTIO_BLK_T.WRITE_ZEROES ? BLK_RANGE_UNMAP : 0;
    const length = count * BLK_SECTOR_SIZE;
    if ((flags & ~flagsAllowed) !== 0) this.#complete(request, VIRTIO_BLK_S.UNSUPP);
    else if (this.#disk.readOnly || count > RANGE_SECTORS_MAX || !this.#isWithin(sector, length)) {
      this.#complete(request, VIRTIO_BLK_S.IOERR);
    } else if (header.type === VIRTIO_BLK_T.DISCARD) this.#complete(request, VIRTIO_BLK_S.OK);
    else this.#disk.zero(Number(sector) * BLK_SECTOR_SIZE, length, this.#durably(request));
  }

  #identify(memory: GuestMemory, request: Request, writable: Segment[]): void {
    const views = viewsOf(memory, writable, true);
    let written = 0;
    const length = Math.min(this.#serial.length, BLK_ID_SIZE);
    for (const view of views ?? []) {
      const piece = this.#serial.subarray(written, Math.min(length, written + view.length));
      view.set(piece);
      written += piece.length;
    }
    this.#complete(request, views === undefined ? VIRTIO_BLK_S.IOERR : VIRTIO_BLK_S.OK);
  }

  #completion(request: Request): DiskDone {
    return (errno) => this.#complete(request, status(errno));
  }

  /** Completes a write, after a flush if the driver has turned the write cache off. */
  #durably(request: Request): DiskDone {
    const complete = this.#completion(request);
    return (errno) => {
      if (errno !== 0 || this.config[BLK_CONFIG.writeback] === 1) complete(errno);
      else this.#disk.flush(complete);
    };
  }

  #complete(request: Request, result: number): void {
    const { queue } = request;
    const port = this.#port;
    this.#inFlight--;
    const current = queue.generation === request.generation;
    if (port !== undefined && current && port.memory.epoch === request.epoch) {
      const reported =
        port.memory.writeU8(request.statusAddress, result) &&
        queue.push(request.head, request.length);
      if (reported) port.used(queue);
      else this.#break(port);
      if (this.#inFlight === queue.size - 1) this.notify(queue); // It was full.
    }
    if (this.#inFlight === 0) {
      const idle = this.#idle;
      this.#idle = undefined;
      idle?.();
    }
  }

  #break(port: VirtioPort): void {
    this.#port = undefined;
    port.broken();
  }

  #isWithin(sector: bigint, length: number): boolean {
    if (length % BLK_SECTOR_SIZE !== 0) return false;
    return sector + BigInt(length / BLK_SECTOR_SIZE) <= BigInt(this.#disk.sectorCount);
  }

  #has(feature: number): boolean {
    return ((this.#features >> BigInt(feature)) & 1n) === 1n;
  }
}

interface Header {
  type: number;
  sector: bigint;
}

/** Takes the request header off the front of a chain; `undefined` if it is not there. */
function readHeader(memory: GuestMemory, chain: Chain): Header | undefined {
  const bytes = gather(memory, chain.readable, BLK_REQUEST.SIZE);
  if (bytes === undefined) return undefined;
  dropFront(chain.readable, BLK_REQUEST.SIZE);
  const view = new DataView(bytes.buffer);
  return {
    type: view.getUint32(BLK_REQUEST.type, true),
    sector: view.getBigUint64(BLK_REQUEST.sector, true),
  };
}

/** Calls `done` with the first failure after `count` operations; at once if there are none. */
function afterAll(count: number, done: DiskDone): DiskDone {
  let outstanding = count;
  let failure = 0;
  if (count === 0) done(0);
  return (errno) => {
    failure ||= errno;
    if (--outstanding === 0) done(failure);
  };
}

function status(errno: number): number {
  return errno === 0 ? VIRTIO_BLK_S.OK : VIRTIO_BLK_S.IOERR;
}

function fillConfig(config: DataView, sectorCount: number): void {
  const heads = 16;
  const sectors = 63;
  const cylinders = Math.min(Math.floor(sectorCount / (heads * sectors)), 0xffff);
  config.setBigUint64(BLK_CONFIG.capacity, BigInt(sectorCount), true);
  config.setUint32(BLK_CONFIG.seg_max, SEG_MAX, true);
  config.setUint16(BLK_CONFIG.geometry_cylinders, cylinders, true);
  config.setUint8(BLK_CONFIG.geometry_heads, heads);
  config.setUint8(BLK_CONFIG.geometry_sectors, sectors);
  config.setUint32(BLK_CONFIG.blk_size, BLK_SECTOR_SIZE, true);
  config.setUint16(BLK_CONFIG.num_queues, 1, true);
  config.setUint32(BLK_CONFIG.max_discard_sectors, RANGE_SECTORS_MAX, true);
  config.setUint32(BLK_CONFIG.max_discard_seg, 1, true);
  config.setUint32(BLK_CONFIG.discard_sector_alignment, 1, true);
  config.setUint32(BLK_CONFIG.max_write_zeroes_sectors, RANGE_SECTORS_MAX, true);
  config.setUint32(BLK_CONFIG.max_write_zeroes_seg, 1, true);
  config.setUint8(BLK_CONFIG.write_zeroes_may_unmap, 1);
}
