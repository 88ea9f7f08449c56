/** Making an empty file system. */

import { assert } from "../../ipc/assert.js";
import { ENOSPC } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import { BLOCK_BYTES, type BlockDevice } from "./block-device.js";
import { ExtentSet } from "./extent-set.js";
import { HEADER_RING, newHeader, RESERVED_BLOCKS } from "./header.js";
import { type DiskTime, ROOT_NODE } from "./node.js";
import { Volume } from "./volume.js";

/** The smallest file system: the reserved blocks, and room for a few files. */
export const BLOCKS_MIN = RESERVED_BLOCKS + 63;

/** What a new file system is made of. */
export interface MakeOptions {
  /** 16 random bytes. */
  identifier: Uint8Array;
  now: DiskTime;
  /** Permissions of the root directory. */
  mode?: number;
}

/**
 * Makes an empty file system on the whole device; what was there is lost.
 * @throws ENOSPC when the device has less than `BLOCKS_MIN` blocks, EIO
 */
export async function makeFileSystem(device: BlockDevice, options: MakeOptions): Promise<Volume> {
  if (device.blocks < BLOCKS_MIN) {
    const hint = `it needs at least ${BLOCKS_MIN * BLOCK_BYTES} bytes`;
    throw new SysError(ENOSPC, { operation: "mkfs", hint });
  }
  // Headers of an older file system could have higher generations than ours.
  await device.write(0, Buffer.alloc(HEADER_RING * BLOCK_BYTES));
  await device.flush();
  const header = newHeader(device.blocks * BLOCK_BYTES, options.identifier);
  const volume = new Volume({ device, start: 0, header, generationMax: 0, readOnly: false });
  const free = new ExtentSet();
  free.add(RESERVED_BLOCKS, device.blocks - RESERVED_BLOCKS);
  volume.setFree(free);
  await volume.change(async () => {
    const mode = options.mode ?? 0o755;
    const facts = { kind: "directory", mode, user: 0, group: 0, created: options.now } as const;
    const root = await volume.tree.create(facts);
    assert(root.id === ROOT_NODE, "the first node is not the root");
    root.links = 1;
  });
  await volume.squash();
  return volume;
}
