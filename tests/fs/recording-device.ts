/**
 * A disk with a write cache: writes are remembered in order, and a flush makes those before it
 * safe. From the record any disk can be made that a power cut could leave behind: everything that
 * was flushed, and any part of what was not.
 */

import { BLOCK_BYTES, type BlockDevice } from "../../schemes/fs/block-device.js";

/** One block that was written, and how many flushes came before. */
interface Written {
  readonly index: number;
  readonly bytes: Buffer;
  readonly epoch: number;
}

export class RecordingDevice implements BlockDevice {
  readonly blocks: number;
  readonly readOnly = false;
  /** What a reader sees. */
  readonly image: Buffer;
  readonly #start: Buffer;
  readonly #written: Written[] = [];
  #flushes = 0;

  constructor(image: Buffer) {
    this.image = image;
    this.#start = Buffer.from(image);
    this.blocks = image.length / BLOCK_BYTES;
  }

  /** Blocks written so far. */
  get length(): number {
    return this.#written.length;
  }

  /** What was written, a block at a time. */
  writes(): { index: number; bytes: Buffer; at: number }[] {
    return this.#written.map(({ index, bytes }, at) => ({ index, bytes, at }));
  }

  async read(index: number, bytes: Buffer): Promise<void> {
    this.image.copy(bytes, 0, index * BLOCK_BYTES, index * BLOCK_BYTES + bytes.length);
  }

  async write(index: number, bytes: Buffer): Promise<void> {
    bytes.copy(this.image, index * BLOCK_BYTES);
    // A disk promises a block at a time, not more.
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const block = Buffer.from(bytes.subarray(at, at + BLOCK_BYTES));
      this.#written.push({ index: index + at / BLOCK_BYTES, bytes: block, epoch: this.#flushes });
    }
  }

  async flush(): Promise<void> {
    this.#flushes += 1;
  }

  /** Where each flush stands among the writes: the writes before it are safe. */
  flushPoints(): number[] {
    return Array.from({ length: this.#flushes }, (_, epoch) => {
      const at = this.#written.findIndex((written) => written.epoch > epoch);
      return at < 0 ? this.#written.length : at;
    });
  }

  /**
   * The disk after a power cut when `cut` blocks had been written, and no flush since the last.
   * @param survives - asked for each of them that no flush had made safe: is it there, gone, or
   * torn
   */
  after(cut: number, survives: (at: number) => "there" | "gone" | "torn"): Buffer {
    const image = Buffer.from(this.#start);
    const before = this.#written.slice(0, cut);
    const epoch = before.at(-1)?.epoch ?? 0;
    for (const [at, written] of before.entries()) {
      const fate = written.epoch < epoch ? "there" : survives(at);
      if (fate === "gone") continue;
      const end = fate === "torn" ? BLOCK_BYTES / 8 : BLOCK_BYTES;
      written.bytes.copy(image, written.index * BLOCK_BYTES, 0, end);
    }
    return image;
  }

  /** How many of the first `cut` blocks no flush had made safe. */
  unsafe(cut: number): number {
    const before = this.#written.slice(0, cut);
    const epoch = before.at(-1)?.epoch ?? 0;
    return before.filter((written) => written.epoch === epoch).length;
  }
}
