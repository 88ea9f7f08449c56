/*
 * The buffers of a virtio request as the device uses them: lists of segments of guest memory, read
 * and written as one run of bytes. Nothing here is trusted: what is out of the device's reach is
 * `undefined` or `false`, and recorded by the IOMMU.
 */
import type { SharedBytes } from "../disk.js";
import type { GuestMemory } from "../memory.js";
import type { Segment } from "./virtqueue.js";

/** Bytes of all segments together. */
export function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.length, 0);
}

/** A private copy of the first `length` bytes; `undefined` if they are not all there. */
export function gather(
  memory: GuestMemory,
  segments: readonly Segment[],
  length: number,
): Uint8Array<ArrayBuffer> | undefined {
  if (length > lengthOf(segments)) return undefined;
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (const segment of segments) {
    if (filled === length) break;
    const piece = memory.view(segment.address, Math.min(segment.length, length - filled), false);
    if (piece === undefined) return undefined;
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return bytes;
}

/** Writes bytes to the front of the segments; `false` if they have no room or are out of reach. */
export function scatter(
  memory: GuestMemory,
  segments: readonly Segment[],
  bytes: Uint8Array,
): boolean {
  let done = 0;
  for (const segment of segments) {
    if (done === bytes.length) break;
    const length = Math.min(segment.length, bytes.length - done);
    const piece = memory.view(segment.address, length, true);
    if (piece === undefined) return false;
    piece.set(bytes.subarray(done, done + length));
    done += length;
  }
  return done === bytes.length;
}

/** The segments in place; `undefined` if one of them is out of reach. */
export function viewsOf(
  memory: GuestMemory,
  segments: readonly Segment[],
  write: boolean,
): SharedBytes[] | undefined {
  const views: SharedBytes[] = [];
  for (const segment of segments) {
    const view = memory.view(segment.address, segment.length, write);
    if (view === undefined) return undefined;
    views.push(view);
  }
  return views;
}

/** Takes bytes off the front. There must be as many. */
export function dropFront(segments: Segment[], length: number): void {
  let rest = length;
  while (rest > 0) {
    const first = segments[0] as Segment;
    const dropped = Math.min(rest, first.length);
    first.address += dropped;
    first.length -= dropped;
    rest -= dropped;
    if (first.length === 0) segments.shift();
  }
}

/** Takes the last byte off and returns its address. There must be one. */
export function dropLastByte(segments: Segment[]): number {
  const last = segments[segments.length - 1] as Segment;
  last.length--;
  if (last.length === 0) segments.pop();
  return last.address + last.length;
}
