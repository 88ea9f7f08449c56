/**
 * A disk image as a block device for the tools, without a machine. While a tool writes, no machine
 * can have the image, and the other way round; a reader is refused while somebody writes.
 */

import { type FileHandle, open } from "node:fs/promises";
import { lockImage, lockOwner } from "../hw/backends/image-lock.js";
import { EBUSY, EINVAL, EIO, ENOENT, ENOSPC, type Errno } from "../ipc/errno.js";
import { SysError } from "../ipc/sys-error.js";
import { BLOCK_BYTES, type BlockDevice } from "../schemes/fs/block-device.js";

/** An open image. */
export interface ImageDevice extends BlockDevice {
  close(): Promise<void>;
}

export interface ImageDeviceOptions {
  readOnly: boolean;
  /** Make the file if it is missing, and give it this many bytes. */
  sizeBytes?: number | undefined;
}

/** Opens an image. @throws SysError ENOENT, EBUSY, EINVAL, EIO, each saying what to do */
export async function openImageDevice(
  path: string,
  { readOnly, sizeBytes }: ImageDeviceOptions,
): Promise<ImageDevice> {
  const file = await openFile(path, sizeBytes === undefined ? (readOnly ? "r" : "r+") : "a+");
  await file.close();
  const handle = await openFile(path, readOnly ? "r" : "r+");
  try {
    const release = await claim(path, handle, readOnly);
    if (sizeBytes !== undefined) await handle.truncate(sizeBytes);
    const { size } = await handle.stat();
    const blocks = Math.floor(size / BLOCK_BYTES);
    return { ...deviceOf(handle, blocks, readOnly), close: () => closed(handle, release) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function closed(handle: FileHandle, release: () => Promise<void>): Promise<void> {
  await handle.close();
  await release();
}

async function openFile(path: string, flags: string): Promise<FileHandle> {
  try {
    return await open(path, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") {
      const hint = `make one with 'anode mkfs --size 64M ${path}'`;
      throw new SysError(ENOENT, { operation: "open", url: path, hint });
    }
    throw new SysError(EINVAL, { operation: "open", url: path, hint: String(code) });
  }
}

async function claim(
  path: string,
  handle: FileHandle,
  readOnly: boolean,
): Promise<() => Promise<void>> {
  const { dev, ino } = await handle.stat({ bigint: true });
  const busy = (pid: number | undefined): SysError => {
    const hint = `in use by ${pid === undefined ? "another process" : `process ${pid}`}`;
    return new SysError(EBUSY, { operation: "open", url: path, hint });
  };
  if (readOnly) {
    const owner = await lockOwner(path, { dev, ino });
    if (owner !== undefined) throw busy(owner.pid);
    return async () => undefined;
  }
  const lock = await lockImage(path, { dev, ino }, "host");
  if (!("release" in lock)) throw busy(lock.pid);
  return () => lock.release();
}

function deviceOf(handle: FileHandle, blocks: number, readOnly: boolean): BlockDevice {
  return {
    blocks,
    readOnly,
    async read(index, bytes) {
      const position = index * BLOCK_BYTES;
      for (let done = 0; done < bytes.length; ) {
        const left = bytes.length - done;
        const { bytesRead } = await hostIo(handle.read(bytes, done, left, position + done));
        if (bytesRead === 0) throw EIO;
        done += bytesRead;
      }
    },
    async write(index, bytes) {
      const position = index * BLOCK_BYTES;
      for (let done = 0; done < bytes.length; ) {
        const left = bytes.length - done;
        done += (await hostIo(handle.write(bytes, done, left, position + done))).bytesWritten;
      }
    },
    flush: () => hostIo(handle.datasync()),
  };
}

/** The host's error as one of ours. */
async function hostIo<T>(operation: Promise<T>): Promise<T> {
  try {
    return await operation;
  } catch (error) {
    const full: Errno = (error as NodeJS.ErrnoException).code === "ENOSPC" ? ENOSPC : EIO;
    throw full;
  }
}
