/**
 * The block device under a file system inside Anode: a disk or partition, opened like any file.
 * Requests that are in flight when the disk's driver dies are repeated by the gate.
 */

import { EIO } from "../../ipc/errno.js";
import type { File } from "../../user/file.js";
import { BLOCK_BYTES, type BlockDevice } from "../fs/block-device.js";

/** Makes a device over an open `disk:/…`. */
export async function diskDevice(file: File): Promise<BlockDevice> {
  const { size, readOnly = false } = await file.stat();
  return {
    blocks: Math.floor(size / BLOCK_BYTES),
    readOnly,
    async read(index, bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = await file.read(bytes.subarray(done), index * BLOCK_BYTES + done);
        if (count === 0) throw EIO;
        done += count;
      }
    },
    async write(index, bytes) {
      for (let done = 0; done < bytes.length; ) {
        const count = await file.write(bytes.subarray(done), index * BLOCK_BYTES + done);
        if (count === 0) throw EIO;
        done += count;
      }
    },
    flush: () => file.sync(),
  };
}
