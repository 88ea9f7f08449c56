/*
 * Layout of a split virtqueue (virtio 1.2 §2.7): descriptor table, available ring (written by the
 * driver), used ring (written by the device). All fields are little-endian. Pure constants and
 * arithmetic, shared by device and driver.
 */

/** Most entries that a queue may have, and the most descriptors that one request may have. */
export const VIRTQ_SIZE_MAX = 1024;

/** Descriptor (§2.7.5): address u64, length u32, flags u16, next u16. */
export const VIRTQ_DESC = { addr: 0, len: 8, flags: 12, next: 14, SIZE: 16 } as const;

/** Descriptor flags. */
export const VIRTQ_DESC_F = {
  NEXT: 1, //     `next` continues the chain
  WRITE: 2, //    the device writes this buffer; otherwise it reads it
  INDIRECT: 4, // the buffer holds a table of descriptors
} as const;

/** Available ring (§2.7.6): flags u16, idx u16, ring u16 each, then used_event u16. */
export const VIRTQ_AVAIL = { flags: 0, idx: 2, ring: 4, ENTRY_SIZE: 2 } as const;

/** Available ring flag: the driver asks for no interrupt. */
export const VIRTQ_AVAIL_F_NO_INTERRUPT = 1;

/** Used ring (§2.7.8): flags u16, idx u16, {id u32, len u32} each, then avail_event u16. */
export const VIRTQ_USED = { flags: 0, idx: 2, ring: 4, ENTRY_SIZE: 8, id: 0, len: 4 } as const;

/** Used ring flag: the device asks for no notification. */
export const VIRTQ_USED_F_NO_NOTIFY = 1;

/** Alignments that the three parts need (§2.7). */
export const VIRTQ_ALIGN = { desc: 16, avail: 2, used: 4 } as const;

/** Offset of `used_event` in the available ring of a queue with `size` entries. */
export function usedEventOffset(size: number): number {
  return VIRTQ_AVAIL.ring + VIRTQ_AVAIL.ENTRY_SIZE * size;
}

/** Offset of `avail_event` in the used ring of a queue with `size` entries. */
export function availEventOffset(size: number): number {
  return VIRTQ_USED.ring + VIRTQ_USED.ENTRY_SIZE * size;
}

/** Bytes of the descriptor table. */
export function descBytes(size: number): number {
  return VIRTQ_DESC.SIZE * size;
}

/** Bytes of the available ring, `used_event` included. */
export function availBytes(size: number): number {
  return usedEventOffset(size) + 2;
}

/** Bytes of the used ring, `avail_event` included. */
export function usedBytes(size: number): number {
  return availEventOffset(size) + 2;
}

/**
 * Offsets of the three parts when they stand one after another in one region, and the bytes that
 * the region needs. The base of the region must be aligned to 16 bytes.
 */
export function virtqLayout(size: number): {
  desc: number;
  avail: number;
  used: number;
  bytes: number;
} {
  const avail = descBytes(size);
  const used = alignUp(avail + availBytes(size), VIRTQ_ALIGN.used);
  return { desc: 0, avail, used, bytes: used + usedBytes(size) };
}

/**
 * Whether an event at `event` lies in the step from index `old` to index `now`, all modulo 2^16:
 * the rule for `used_event` and `avail_event` (§2.7.10).
 */
export function needsEvent(event: number, now: number, old: number): boolean {
  return ((now - event - 1) & 0xffff) < ((now - old) & 0xffff);
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
