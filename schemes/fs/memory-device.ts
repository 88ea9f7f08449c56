/** A block device in memory, for tests and for images that are never stored. */

import { EIO } from "../../ipc/errno.js";
import { BLOCK_BYTES, type BlockDevice } from "./block-device.js";

/** Makes a device over `bytes`, whose changes are seen there at once. */
export function memoryDevice(bytes: Buffer): BlockDevice {
  const blocks = Math.floor(bytes.length / BLOCK_BYTES);
  const check = (index: number, count: number): void => {
    if (!(index >= 0 && index + count / BLOCK_BYTES <= blocks)) throw EIO;
  };
  return {
    blocks,
    readOnly: false,
    async read(index, target) {
      check(index, target.length);
      bytes.copy(target, 0, index * BLOCK_BYTES, index * BLOCK_BYTES + target.length);
    },
    async write(index, source) {
      check(index, source.length);
      source.copy(bytes, index * BLOCK_BYTES);
    },
    async flush() {},
  };
}
