/**
 * Driver side of a split virtqueue (virtio 1.2 §2.7), in DMA memory. Knows no device type. What the
 * device writes is not trusted: an answer that makes no sense is "broken", and the device is to be
 * reset.
 */

import {
  availEventOffset,
  needsEvent,
  usedEventOffset,
  VIRTQ_AVAIL,
  VIRTQ_DESC,
  VIRTQ_DESC_F,
  VIRTQ_USED,
  VIRTQ_USED_F_NO_NOTIFY,
  virtqLayout,
} from "../../hw/regs/virtqueue.js";
import type { DmaRegion } from "../../user/driver.js";

const INDEX_MASK = 0xffff;

/** One buffer of a request, by bus address. */
export interface Segment {
  address: number;
  length: number;
  /** The device writes it. */
  deviceWrites: boolean;
}

/** A chain that the device has. */
interface Chain {
  descriptors: number[];
  /** Bytes that the device may write. */
  writable: number;
}

/** A queue. The driver owns descriptors and available ring, the device the used ring. */
export class DriverQueue {
  readonly size: number;
  readonly descAddress: number;
  readonly availAddress: number;
  readonly usedAddress: number;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #halves: Uint16Array;
  readonly #layout: ReturnType<typeof virtqLayout>;
  #eventIndex = false;
  #free: number[] = [];
  /** Chains by the descriptor at their head. */
  readonly #chains = new Map<number, Chain>();
  #availIndex = 0;
  #usedIndex = 0;
  /** The available index when the device was last considered for a notification. */
  #considered = 0;

  /** Bytes of DMA memory that a queue of `size` entries needs. */
  static bytes(size: number): number {
    return virtqLayout(size).bytes;
  }

  constructor(region: DmaRegion, size: number) {
    this.size = size;
    this.#layout = virtqLayout(size);
    this.#memory = new Uint8Array(region.memory, 0, this.#layout.bytes);
    this.#view = new DataView(region.memory);
    this.#halves = new Uint16Array(region.memory, 0, Math.floor(this.#layout.bytes / 2));
    this.descAddress = region.address + this.#layout.desc;
    this.availAddress = region.address + this.#layout.avail;
    this.usedAddress = region.address + this.#layout.used;
    this.clear(false);
  }

  /**
   * Forgets everything. The device must have been reset: it knows nothing of this queue.
   * @param eventIndex - whether VIRTIO_F_EVENT_IDX was negotiated
   */
  clear(eventIndex: boolean): void {
    this.#memory.fill(0);
    this.#eventIndex = eventIndex;
    this.#free = Array.from({ length: this.size }, (_, i) => this.size - 1 - i);
    this.#chains.clear();
    this.#availIndex = 0;
    this.#usedIndex = 0;
    this.#considered = 0;
  }

  /** Makes a chain available to the device. Returns its head, or -1 when there is no room now. */
  add(segments: readonly Segment[]): number {
    if (segments.length === 0 || this.#free.length < segments.length) return -1;
    const descriptors = segments.map(() => this.#free.pop() as number);
    let writable = 0;
    segments.forEach((segment, i) => {
      this.#describe(descriptors[i] as number, segment, descriptors[i + 1]);
      if (segment.deviceWrites) writable += segment.length;
    });
    const head = descriptors[0] as number;
    this.#chains.set(head, { descriptors, writable });
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

  /** Whether the device wants to be told of what was added since the last call. */
  wantsNotification(): boolean {
    const before = this.#considered;
    this.#considered = this.#availIndex;
    if (before === this.#availIndex) return false;
    const { used } = this.#layout;
    if (!this.#eventIndex) {
      const flags = Atomics.load(this.#halves, (used + VIRTQ_USED.flags) >> 1);
      return (flags & VIRTQ_USED_F_NO_NOTIFY) === 0;
    }
    // Partner: the device stores avail_event, then looks at avail.idx once more.
    const event = Atomics.load(this.#halves, (used + availEventOffset(this.size)) >> 1);
    return needsEvent(event, this.#availIndex, before);
  }

  /** Takes the next finished chain: its head, and how many bytes the device wrote. */
  take(): { head: number; length: number } | "broken" | undefined {
    const { used } = this.#layout;
    // Partner: the device's release of used.idx.
    const index = Atomics.load(this.#halves, (used + VIRTQ_USED.idx) >> 1);
    if (index === this.#usedIndex) return undefined;
    if (((index - this.#usedIndex) & INDEX_MASK) > this.#chains.size) return "broken";
    const at = used + VIRTQ_USED.ring + VIRTQ_USED.ENTRY_SIZE * (this.#usedIndex % this.size);
    const head = this.#view.getUint32(at + VIRTQ_USED.id, true);
    const length = this.#view.getUint32(at + VIRTQ_USED.len, true);
    const chain = this.#chains.get(head);
    if (chain === undefined || length > chain.writable) return "broken";
    this.#usedIndex = (this.#usedIndex + 1) & INDEX_MASK;
    this.#chains.delete(head);
    this.#free.push(...chain.descriptors);
    return { head, length };
  }

  /** Asks for an interrupt when more is finished. Look once more after this. */
  rearm(): void {
    if (!this.#eventIndex) return;
    const event = this.#layout.avail + usedEventOffset(this.size);
    // Partner: the device stores used.idx, then reads this.
    Atomics.store(this.#halves, event >> 1, this.#usedIndex);
  }

  /** Chains that the device has. */
  get inFlight(): number {
    return this.#chains.size;
  }
}
