/**
 * The part of Node's `Buffer` that Anode's own library and plain daemons use: bytes from text and
 * back, and putting bytes together. Each has memory of its own; there is no pool.
 */

import { EINVAL } from "../../ipc/errno.js";
import { bridge } from "./bridge.js";

type Encoding = "utf8" | "utf-8" | "latin1" | "ascii" | "hex";

/** Bytes with text. */
export class ConfinedBuffer extends Uint8Array {
  static override from(source: unknown, second?: unknown, length?: unknown): ConfinedBuffer {
    if (typeof source === "string") return wrap(encode(source, (second ?? "utf8") as Encoding));
    if (source instanceof ArrayBuffer) {
      return new ConfinedBuffer(source, second as number | undefined, length as number | undefined);
    }
    const bytes = Uint8Array.from(source as ArrayLike<number>);
    return wrap(bytes);
  }

  static alloc(size: number, fill = 0): ConfinedBuffer {
    return new ConfinedBuffer(size).fill(fill);
  }

  static allocUnsafe(size: number): ConfinedBuffer {
    return new ConfinedBuffer(size);
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof ConfinedBuffer;
  }

  static byteLength(source: string | ArrayBufferView, encoding: Encoding = "utf8"): number {
    return typeof source === "string" ? encode(source, encoding).length : source.byteLength;
  }

  static concat(list: readonly Uint8Array[], total?: number): ConfinedBuffer {
    const size = total ?? list.reduce((sum, bytes) => sum + bytes.length, 0);
    const all = new ConfinedBuffer(size);
    let at = 0;
    for (const bytes of list) {
      const piece = bytes.subarray(0, size - at);
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  static compare(a: Uint8Array, b: Uint8Array): number {
    const shorter = Math.min(a.length, b.length);
    for (let i = 0; i < shorter; i++) {
      const difference = (a[i] as number) - (b[i] as number);
      if (difference !== 0) return Math.sign(difference);
    }
    return Math.sign(a.length - b.length);
  }

  override toString(encoding: Encoding = "utf8", start = 0, end = this.length): string {
    const bytes = this.subarray(start, end);
    switch (encoding) {
      case "utf8":
      case "utf-8":
        return bridge().decodeText(bytes, false) ?? "";
      case "latin1":
      case "ascii":
        return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
      case "hex":
        return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
      default:
        throw EINVAL;
    }
  }

  equals(other: Uint8Array): boolean {
    return ConfinedBuffer.compare(this, other) === 0;
  }

  copy(to: Uint8Array, at = 0, start = 0, end = this.length): number {
    const piece = this.subarray(start, Math.min(end, start + to.length - at));
    to.set(piece, at);
    return piece.length;
  }
}

function wrap(bytes: Uint8Array): ConfinedBuffer {
  return new ConfinedBuffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
}

function encode(text: string, encoding: Encoding): Uint8Array {
  switch (encoding) {
    case "utf8":
    case "utf-8":
      return bridge().encodeText(text);
    case "latin1":
    case "ascii":
      return Uint8Array.from(text, (character) => character.charCodeAt(0));
    case "hex":
      return Uint8Array.from(text.match(/[\da-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16));
    default:
      throw EINVAL;
  }
}
