/**
 * The bytes of a store. Everything is written through here, so that a test can end a writer between
 * any two steps, or in the middle of one. The layout is in ipc/store-header.ts.
 */

import { STORE_HEADER } from "../../ipc/store-header.js";

const MAGIC = 0x54534e41;
const VERSION = 1;

/** Space is given out in units of this many bytes. */
export const UNIT_BYTES = 32;
/** The first unit behind the header. */
export const FIRST_UNIT = STORE_HEADER.SIZE / UNIT_BYTES;

/** What a header says of its memory. */
export type Condition = "unused" | "ours" | "foreign";

/** Access to a store's memory. */
export class StoreMemory {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#view = new DataView(memory);
  }

  /** Units that there are, the header's included. */
  get units(): number {
    return Math.floor(this.#bytes.length / UNIT_BYTES);
  }

  /** What the header says. */
  condition(): Condition {
    const magic = this.#view.getUint32(STORE_HEADER.magic.offset, true);
    if (magic === MAGIC && this.#view.getUint32(STORE_HEADER.version.offset, true) === VERSION)
      return "ours";
    return magic === 0 && this.root === 0 ? "unused" : "foreign";
  }

  /** Makes unused memory a store without a root. The magic comes last: without it, it is unused. */
  format(identity: number): void {
    this.writeWord(STORE_HEADER.identity.offset, identity);
    this.writeWord(STORE_HEADER.version.offset, VERSION);
    this.writeWord(STORE_HEADER.magic.offset, MAGIC);
  }

  get identity(): number {
    return this.#view.getUint32(STORE_HEADER.identity.offset, true);
  }

  get root(): number {
    return Atomics.load(this.#words, STORE_HEADER.root.word);
  }

  /**
   * The commit: from here on everything that hangs on this root is what the store holds. If this
   * thread ends before, nothing has happened; if it ends after, everything has.
   */
  publish(root: number): void {
    Atomics.store(this.#words, STORE_HEADER.root.word, root);
  }

  /** A copy of some bytes. */
  copy(offset: number, length: number): Uint8Array {
    return this.#bytes.slice(offset, offset + length);
  }

  word(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#bytes.set(bytes, offset);
  }

  writeWord(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }
}
