/**
 * What comes from confined code, taken without running any of it: primitives by `typeof`, bytes by
 * their internal slots. Nothing here reads a property that a foreign object could have defined.
 */

import { isUint8Array } from "node:util/types";
import type { NameView } from "../../../ipc/abi.js";

const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string): unknown => Object.getOwnPropertyDescriptor(TYPED_ARRAY, name)?.get;
const lengthGetter = getter("length") as () => number;
const offsetGetter = getter("byteOffset") as () => number;
const bufferGetter = getter("buffer") as () => ArrayBuffer;
const setBytes = (TYPED_ARRAY as Uint8Array).set;
const fillBytes = (TYPED_ARRAY as Uint8Array).fill;

/** A private copy of genuine bytes; undefined for anything else, and for more than `max`. */
export function copyIn(value: unknown, max: number): Uint8Array | undefined {
  if (!isUint8Array(value)) return undefined;
  const length = Reflect.apply(lengthGetter, value, []);
  if (length > max) return undefined;
  const copy = new Uint8Array(length);
  copyTo(copy, value);
  return copy;
}

/** Length of genuine bytes; -1 for anything else. */
export function lengthOf(value: unknown): number {
  return isUint8Array(value) ? Reflect.apply(lengthGetter, value, []) : -1;
}

/** Copies the first `count` bytes of `from`, which is foreign. False: it does not have as many. */
export function copyPart(to: Uint8Array, from: Uint8Array, count: number): boolean {
  const length = Reflect.apply(lengthGetter, from, []);
  if (length < count) return false;
  if (length === count) copyTo(to, from);
  else {
    const start = Reflect.apply(offsetGetter, from, []);
    copyTo(to, new Uint8Array(Reflect.apply(bufferGetter, from, []), start, count));
  }
  return true;
}

/** Fills bytes with zeros. */
export function clear(bytes: Uint8Array): void {
  Reflect.apply(fillBytes, bytes, [0]);
}

/** Copies `from` to the beginning of `to`, which is long enough. */
export function copyTo(to: Uint8Array, from: Uint8Array): void {
  Reflect.apply(setBytes, to, [from]);
}

/** Puts bytes into foreign memory, as far as there is room. */
export function copyOut(value: unknown, bytes: Uint8Array): void {
  const room = lengthOf(value);
  if (room <= 0 || bytes.length === 0) return;
  copyTo(value as Uint8Array, room < bytes.length ? bytes.subarray(0, room) : bytes);
}

/** A whole number from 0 to `max`. */
export function isIndex(value: unknown, max = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

/** A string of at most `max` code units. */
export function isText(value: unknown, max: number): value is string {
  return typeof value === "string" && value.length <= max;
}

/** A name view, from its JSON; "" is none. Undefined: malformed. */
export function viewOf(text: string): NameView | "none" | undefined {
  if (text === "") return "none";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length > 64) return undefined;
  const entries: NameView[number][] = [];
  for (const entry of value as unknown[]) {
    const fields = (typeof entry === "object" && entry !== null ? entry : {}) as Record<
      string,
      unknown
    >;
    const { scheme, root, rights, capability, provider } = fields;
    if (!isText(scheme, 64) || !isText(root, 4096) || !isIndex(rights)) return undefined;
    if (!isIndex(capability) || !isIndex(provider)) return undefined;
    entries.push({ scheme, root, rights, capability, provider });
  }
  return entries;
}
