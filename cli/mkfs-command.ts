/** `anode mkfs`: an empty RedoxFS in an image. */

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { EEXIST, EINVAL } from "../ipc/errno.js";
import { SysError } from "../ipc/sys-error.js";
import { BLOCK_BYTES } from "../schemes/fs/block-device.js";
import { makeFileSystem } from "../schemes/fs/make.js";
import { mount } from "../schemes/fs/mount.js";
import { formatByteSize, parseByteSize } from "../user/byte-size.js";
import { openImageDevice } from "./image-device.js";
import { diskNow, runTool } from "./tool.js";

/** Options of the command line. */
export interface MkfsOptions {
  size?: string;
  force: boolean;
}

/** Makes the file system; returns the exit status. */
export async function mkfsCommand(path: string, options: MkfsOptions): Promise<number> {
  return await runTool(async () => {
    const sizeBytes = options.size === undefined ? undefined : sizeOf(options.size);
    if (!options.force && existsSync(path)) await refuseToOverwrite(path);
    const device = await openImageDevice(path, { readOnly: false, sizeBytes });
    try {
      const volume = await makeFileSystem(device, {
        identifier: randomBytes(16),
        now: diskNow(),
      });
      await volume.unmount();
      const size = formatByteSize(device.blocks * BLOCK_BYTES);
      const free = formatByteSize(volume.store.free * BLOCK_BYTES);
      process.stdout.write(`${path}: RedoxFS, ${size}, ${free} free\n`);
      return 0;
    } finally {
      await device.close();
    }
  });
}

function sizeOf(text: string): number {
  const size = parseByteSize(text);
  if (size !== undefined && size % BLOCK_BYTES === 0) return size;
  const hint = `--size ${text}: give a multiple of ${BLOCK_BYTES} bytes, like 64M or 2G`;
  throw new SysError(EINVAL, { operation: "mkfs", hint });
}

/** Before anything is written, the image's size included. */
async function refuseToOverwrite(path: string): Promise<void> {
  const device = await openImageDevice(path, { readOnly: true });
  try {
    const there = await mount(device, { readOnly: true }).catch(() => undefined);
    if (there === undefined) return;
  } finally {
    await device.close();
  }
  const hint = "it has a file system already; --force makes a new one, and all files are lost";
  throw new SysError(EEXIST, { operation: "mkfs", url: path, hint });
}
