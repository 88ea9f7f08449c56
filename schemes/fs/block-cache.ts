/**
 * A bounded cache of verified bytes, by block index. What it keeps is known by hash as well, so
 * that a block that was freed and written anew is never taken for its old contents; nothing needs
 * to be invalidated. The least recently used goes first.
 */

import type { BlockPointer } from "./block-pointer.js";

interface Kept {
  readonly pointer: BlockPointer;
  readonly bytes: Buffer;
}

export class BlockCache {
  readonly #bytesMax: number;
  /** In the order of their last use. */
  readonly #kept = new Map<number, Kept>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** What `pointer` leads to, or undefined. Not to be changed. */
  get(pointer: BlockPointer): Buffer | undefined {
    const kept = this.#kept.get(pointer.index);
    if (kept === undefined || !samePointer(kept.pointer, pointer)) return undefined;
    this.#kept.delete(pointer.index);
    this.#kept.set(pointer.index, kept);
    return kept.bytes;
  }

  set(pointer: BlockPointer, bytes: Buffer): void {
    this.#drop(pointer.index);
    this.#kept.set(pointer.index, { pointer, bytes });
    this.#bytes += bytes.length;
    for (const index of this.#kept.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#drop(index);
    }
  }

  #drop(index: number): void {
    const kept = this.#kept.get(index);
    if (kept === undefined) return;
    this.#kept.delete(index);
    this.#bytes -= kept.bytes.length;
  }
}

/** True when both lead to the same contents at the same place. */
export function samePointer(a: BlockPointer, b: BlockPointer): boolean {
  return (
    a.index === b.index &&
    a.low === b.low &&
    a.high === b.high &&
    a.level === b.level &&
    a.expandsTo === b.expandsTo
  );
}
