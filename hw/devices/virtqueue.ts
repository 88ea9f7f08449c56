/*
 * The device's side of a split virtqueue (virtio 1.2 §2.7), with indirect descriptors and event
 * indices. Everything in guest memory is hostile: each field is read once, chains are bounded, all
 * addresses go through the IOMMU, and what makes no sense breaks the queue instead of the device.
 */
import type { GuestMemory } from "../memory.js";
import {
  availEventOffset,
  needsEvent,
  usedEventOffset,
  VIRTQ_AVAIL,
  VIRTQ_AVAIL_F_NO_INTERRUPT,
  VIRTQ_DESC,
  VIRTQ_DESC_F,
  VIRTQ_SIZE_MAX,
  VIRTQ_USED,
} from "../regs/virtqueue.js";

/** A piece of a request in guest memory. Not checked: the user asks for a view. */
export interface Segment {
  address: number;
  length: number;
}

/** A request: the buffers that the device reads, then those that it writes. */
export interface Chain {
  head: number;
  readable: Segment[];
  writable: Segment[];
}

/** Optional ring features that were negotiated. */
export interface RingFeatures {
  indirect: boolean;
  eventIndex: boolean;
}

/** One queue of a device. */
export class VirtQueue {
  readonly index: number;
  /** What the driver wrote to the Queue registers. */
  size = 0;
  ready = false;
  desc = 0;
  avail = 0;
  used = 0;
  /** Goes up with every reset, so that work left over from before can be told. */
  generation = 0;
  /** The generation for which more of this queue is to be served in a later turn. */
  continues: number | undefined;

  readonly #memory: GuestMemory;
  #features: RingFeatures = { indirect: false, eventIndex: false };
  #nextAvail = 0;
  #nextUsed = 0;
  /** The used index when the driver was last considered for an interrupt. */
  #considered = 0;

  constructor(index: number, memory: GuestMemory) {
    this.index = index;
    this.#memory = memory;
  }

  /** Forgets everything that the driver has said. */
  reset(): void {
    this.size = 0;
    this.ready = false;
    this.desc = 0;
    this.avail = 0;
    this.used = 0;
    this.#nextAvail = 0;
    this.#nextUsed = 0;
    this.#considered = 0;
    this.generation++;
  }

  /** Sets the features that hold from now on. */
  negotiate(features: RingFeatures): void {
    this.#features = features;
  }

  /**
   * Takes the next request from the available ring. `undefined`: none is there; `"broken"`: the
   * ring makes no sense or is not reachable, and the device needs a reset.
   */
  pop(): Chain | "broken" | undefined {
    if (!isPowerOfTwo(this.size) || this.size > VIRTQ_SIZE_MAX) return "broken";
    let published = this.#memory.acquireU16(this.avail + VIRTQ_AVAIL.idx);
    if (published === this.#nextAvail && this.#features.eventIndex) {
      // Ask for a notification of the next one, then look again, in that order.
      this.#memory.releaseU16(this.used + availEventOffset(this.size), this.#nextAvail);
      published = this.#memory.acquireU16(this.avail + VIRTQ_AVAIL.idx);
    }
    if (published === undefined) return "broken";
    const waiting = (published - this.#nextAvail) & 0xffff;
    if (waiting === 0) return undefined;
    if (waiting > this.size) return "broken";
    const slot = this.#nextAvail % this.size;
    const head = this.#memory.readU16(
      this.avail + VIRTQ_AVAIL.ring + VIRTQ_AVAIL.ENTRY_SIZE * slot,
    );
    this.#nextAvail = (this.#nextAvail + 1) & 0xffff;
    if (head === undefined || head >= this.size) return "broken";
    return this.#walk(head) ?? "broken";
  }

  /** Takes back the last `count` requests that were taken: the next `pop` gives them again. */
  rewind(count: number): void {
    this.#nextAvail = (this.#nextAvail - count) & 0xffff;
  }

  /** Returns a request to the driver; `false` if the used ring is not reachable. */
  push(head: number, length: number): boolean {
    const slot = this.#nextUsed % this.size;
    const entry = this.used + VIRTQ_USED.ring + VIRTQ_USED.ENTRY_SIZE * slot;
    if (!this.#memory.writeU32(entry + VIRTQ_USED.id, head)) return false;
    if (!this.#memory.writeU32(entry + VIRTQ_USED.len, length)) return false;
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    return this.#memory.releaseU16(this.used + VIRTQ_USED.idx, this.#nextUsed);
  }

  /** Whether the driver wants an interrupt for what was pushed since the last call. */
  wantsInterrupt(): boolean {
    const before = this.#considered;
    this.#considered = this.#nextUsed;
    if (this.#features.eventIndex) {
      const event = this.#memory.acquireU16(this.avail + usedEventOffset(this.size));
      return event !== undefined && needsEvent(event, this.#nextUsed, before);
    }
    const flags = this.#memory.acquireU16(this.avail + VIRTQ_AVAIL.flags);
    return flags !== undefined && (flags & VIRTQ_AVAIL_F_NO_INTERRUPT) === 0;
  }

  /** Follows a chain; `undefined` if it makes no sense. */
  #walk(head: number): Chain | undefined {
    const chain: Chain = { head, readable: [], writable: [] };
    let table = this.desc;
    let count = this.size;
    let index = head;
    let inIndirect = false;
    for (let steps = 0; steps < VIRTQ_SIZE_MAX; steps++) {
      if (index >= count) return undefined;
      const descriptor = this.#descriptor(table + VIRTQ_DESC.SIZE * index);
      if (descriptor === undefined) return undefined;
      const { address, length, flags, next } = descriptor;
      if ((flags & VIRTQ_DESC_F.INDIRECT) !== 0) {
        const valid = this.#features.indirect && !inIndirect && length % VIRTQ_DESC.SIZE === 0;
        if (!valid || (flags & VIRTQ_DESC_F.NEXT) !== 0) return undefined;
        inIndirect = true;
        table = address;
        count = length / VIRTQ_DESC.SIZE;
        index = 0;
        continue;
      }
      const writable = (flags & VIRTQ_DESC_F.WRITE) !== 0;
      if (!writable && chain.writable.length > 0) return undefined; // §2.7.4.2
      if (length > 0) (writable ? chain.writable : chain.readable).push({ address, length });
      if ((flags & VIRTQ_DESC_F.NEXT) === 0) return chain;
      index = next;
    }
    return undefined; // A loop.
  }

  #descriptor(
    at: number,
  ): { address: number; length: number; flags: number; next: number } | undefined {
    const address = this.#memory.readU64(at + VIRTQ_DESC.addr);
    const length = this.#memory.readU32(at + VIRTQ_DESC.len);
    const flags = this.#memory.readU16(at + VIRTQ_DESC.flags);
    const next = this.#memory.readU16(at + VIRTQ_DESC.next);
    if (address === undefined || length === undefined) return undefined;
    if (flags === undefined || next === undefined) return undefined;
    // Above 2^53 the number is rounded: no memory is there, so the access will fault.
    return { address: Number(address), length, flags, next };
  }
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}
