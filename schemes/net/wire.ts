/**
 * Network headers, declared once: each field with offset and size in bytes, the whole checked when
 * the module loads. Fields are big-endian and of any width; code reads them with `get16(bytes, at +
 * TCP.window)`, never with a literal. What lies outside of the array reads as zero, so decoders
 * check lengths first.
 */

import { assert } from "../../ipc/assert.js";

/** Offsets of a header's fields, and its size. */
export type Wire<Names extends string> = Readonly<Record<Names, number>> & {
  readonly SIZE: number;
};

/** Declares a header of `size` bytes whose fields stand in order and without holes. */
export function wire<Names extends string>(
  name: string,
  size: number,
  table: Record<Names, readonly [offset: number, bytes: number]>,
): Wire<Names> {
  const offsets: Record<string, number> = { SIZE: size };
  let end = 0;
  for (const [field, [offset, bytes]] of Object.entries<readonly [number, number]>(table)) {
    assert(offset === end, `${name}.${field} is at ${offset}, expected ${end}`);
    end = offset + bytes;
    offsets[field] = offset;
  }
  assert(end === size, `${name} has ${end} bytes, declared ${size}`);
  return Object.freeze(offsets) as Wire<Names>;
}

export function get8(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

export function get16(bytes: Uint8Array, at: number): number {
  return (get8(bytes, at) << 8) | get8(bytes, at + 1);
}

export function get32(bytes: Uint8Array, at: number): number {
  return ((get16(bytes, at) << 16) | get16(bytes, at + 2)) >>> 0;
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value);
}
