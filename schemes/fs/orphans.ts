/**
 * Nodes without a name that are still open. The release list on the disk (release-list.ts) names
 * them, so that the next mount frees those that a power cut has left behind.
 */

import { type BlockPointer, NULL_POINTER } from "./block-pointer.js";
import type { BlockStore } from "./block-store.js";
import { corrupt } from "./corruption.js";
import { decodeReleaseList, encodeReleaseList, RELEASE_LIST_ENTRIES } from "./release-list.js";
import type { Undo } from "./undo.js";

export class Orphans {
  readonly #store: BlockStore;
  readonly #undo: Undo;
  readonly #nodes = new Set<number>();
  /** The list as the last commit, or a failed one, has left it. */
  #chain: BlockPointer[] = [];
  #newest: BlockPointer;
  #changed = false;

  constructor(store: BlockStore, undo: Undo, newest: BlockPointer) {
    this.#store = store;
    this.#undo = undo;
    this.#newest = newest;
  }

  /** Reads the list. @throws EIO */
  async read(): Promise<void> {
    const chain: BlockPointer[] = [];
    for (let pointer = this.#newest; pointer.index !== 0; ) {
      if (chain.length > this.#store.blocks) throw corrupt("the release list has no end");
      const bytes = await this.#store.readBlock(pointer, "release list");
      const { previous, nodes } = decodeReleaseList(bytes);
      for (const node of nodes) this.#nodes.add(node);
      chain.push(pointer);
      pointer = previous;
    }
    this.#chain = chain;
  }

  get nodes(): readonly number[] {
    return [...this.#nodes];
  }

  /** Blocks of the list. */
  get blocks(): readonly BlockPointer[] {
    return this.#chain;
  }

  get newest(): BlockPointer {
    return this.#newest;
  }

  get changed(): boolean {
    return this.#changed;
  }

  get reserve(): number {
    return Math.ceil(this.#nodes.size / RELEASE_LIST_ENTRIES) + this.#chain.length + 1;
  }

  has(node: number): boolean {
    return this.#nodes.has(node);
  }

  add(node: number): void {
    if (this.#nodes.has(node)) return;
    this.#nodes.add(node);
    this.#change(() => this.#nodes.delete(node));
  }

  remove(node: number): void {
    if (!this.#nodes.delete(node)) return;
    this.#change(() => this.#nodes.add(node));
  }

  #change(back: () => void): void {
    const before = this.#changed;
    this.#changed = true;
    this.#undo.note(() => {
      back();
      this.#changed = before;
    });
  }

  /** Brings the list into the store, if it has changed. Can be repeated. @throws ENOSPC */
  store(): void {
    if (!this.#changed) return;
    for (const pointer of this.#chain) this.#store.release(pointer);
    this.#chain = [];
    this.#newest = NULL_POINTER;
    const nodes = this.nodes;
    for (let at = 0; at < nodes.length; at += RELEASE_LIST_ENTRIES) {
      const bytes = encodeReleaseList(this.#newest, nodes.slice(at, at + RELEASE_LIST_ENTRIES));
      this.#newest = this.#store.rewriteReserved(undefined, bytes);
      this.#chain.push(this.#newest);
    }
  }

  /** The commit is on the disk. */
  committed(): void {
    this.#changed = false;
  }
}
