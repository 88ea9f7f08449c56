/** Driver side of a split virtqueue (virtio 1.2 §2.7), in DMA memory. Knows no device type. */

import {
  VIRTQ_AVAIL,
  VIRTQ_DESC,
  VIRTQ_DESC_F,
  VIRTQ_USED,
  virtqLayout,
} from "../../hw/regs/virtqueue.js";
import { assert } from "../../ipc/assert.js";
import type { DmaRegion } from "../../user/driver.js";

const INDEX_MASK = 0xffff;

/** One buffer of a request, by bus address. */
export interface Segment {
  address: number;
  length: number;
  /** The device writes it. */
  deviceWrites: boolean;
}

/** A queue. The driver owns descriptors and available ring, the device the used ring. */
export class DriverQueue {
  readonly size: number;
  readonly descAddress: number;
  readonly availAddress: number;
  readonly usedAddress: number;
  readonly #view: DataView;
  readonly #halves: Uint16Array;
  readonly #layout: ReturnType<typeof virtqLayout>;
  readonly #free: number[] = [];
  /** Descriptors of the chain that begins at a head. */
  readonly #chains = new Map<number, number[]>();
  #availIndex = 0;
  #usedIndex = 0;

  /** Bytes of DMA memory that a queue of `size` entries needs. */
  static bytes(size: number): number {
    return virtqLayout(size).bytes;
  }

  constructor(region: DmaRegion, size: number) {
    this.size = size;
    this.#layout = virtqLayout(size);
    this.#view = new DataView(region.memory);
    this.#halves = new Uint16Array(region.memory, 0, Math.floor(this.#layout.bytes / 2));
    this.descAddress = region.address + this.#layout.desc;
    this.availAddress = region.address + this.#layout.avail;
    this.usedAddress = region.address + this.#layout.used;
    for (let i = size - 1; i >= 0; i--) this.#free.push(i);
  }

  /** Makes a chain available to the device. Returns its head, or -1 when there is no room now. */
  add(segments: readonly Segment[]): number {
    if (this.#free.length < segments.length) return -1;
    const chain = segments.map(() => this.#free.pop() as number);
    segments.forEach((segment, i) => {
      this.#describe(chain[i] as number, segment, chain[i + 1]);
    });
    const head = chain[0] as number;
    this.#chains.set(head, chain);
    const { avail } = this.#layout;
    const slot = this.#availIndex % this.size;
    this.#view.setUint16(avail + VIRTQ_AVAIL.ring + VIRTQ_AVAIL.ENTRY_SIZE * slot, head, true);
    this.#availIndex = (this.#availIndex + 1) & INDEX_MASK;
    // Partner: the device's acquire of avail.idx. Everything above is visible before it.
    Atomics.store(this.#halves, (avail + VIRTQ_AVAIL.idx) >> 1, this.#availIndex);
    return head;
  }

  #describe(index: number, segment: Segment, next: number | undefined): void {
    const at = this.#layout.desc + VIRTQ_DESC.SIZE * index;
    const flags =
      (next === undefined ? 0 : VIRTQ_DESC_F.NEXT) |
      (segment.deviceWrites ? VIRTQ_DESC_F.WRITE : 0);
    this.#view.setBigUint64(at + VIRTQ_DESC.addr, BigInt(segment.address), true);
    this.#view.setUint32(at + VIRTQ_DESC.len, segment.length, true);
    this.#view.setUint16(at + VIRTQ_DESC.flags, flags, true);
    this.#view.setUint16(at + VIRTQ_DESC.next, next ?? 0, true);
  }

  /** Takes the next finished chain: its head, and how many bytes the device wrote. */
  take(): { head: number; length: number } | undefined {
    const { used } = this.#layout;
    // Partner: the device's release of used.idx.
    const index = Atomics.load(this.#halves, (used + VIRTQ_USED.idx) >> 1);
    if (index === this.#usedIndex) return undefined;
    const at = used + VIRTQ_USED.ring + VIRTQ_USED.ENTRY_SIZE * (this.#usedIndex % this.size);
    this.#usedIndex = (this.#usedIndex + 1) & INDEX_MASK;
    const head = this.#view.getUint32(at + VIRTQ_USED.id, true);
    const length = this.#view.getUint32(at + VIRTQ_USED.len, true);
    const chain = this.#chains.get(head);
    assert(chain !== undefined, `the device finished ${head}, which it was not given`);
    this.#chains.delete(head);
    this.#free.push(...chain);
    return { head, length };
  }
}
