/** Moving bytes between open files: partial reads and writes are ordinary here and handled once. */

import { EIO } from "../ipc/errno.js";
import type { BlockingFile } from "./file.js";

/** Block in bytes for copies where the user gave none. */
export const COPY_BYTES = 1024 * 1024;

/**
 * Writes all of `bytes`, in as many writes as the scheme wants.
 * @throws EIO when the scheme takes nothing without an error, and what `write` throws.
 */
export function writeAll(file: BlockingFile, bytes: Uint8Array | string): void {
  let rest: Uint8Array = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  while (rest.length > 0) {
    const count = file.write(rest);
    if (count <= 0) throw EIO;
    rest = rest.subarray(count);
  }
}

/** Fills `bytes` unless the end comes first; returns the count. */
export function readFull(file: BlockingFile, bytes: Uint8Array): number {
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.read(filled === 0 ? bytes : bytes.subarray(filled));
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** Yields what each read brings until the end; the view is valid until the next step. */
export function* readBlocks(file: BlockingFile, blockBytes = COPY_BYTES): Generator<Uint8Array> {
  const buffer = new Uint8Array(blockBytes);
  for (;;) {
    const count = file.read(buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

/** Copies from the position of `source` to its end; returns the count of bytes. */
export function copyAll(source: BlockingFile, target: BlockingFile): number {
  let total = 0;
  for (const block of readBlocks(source)) {
    writeAll(target, block);
    total += block.length;
  }
  return total;
}
