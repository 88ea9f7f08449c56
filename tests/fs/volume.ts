/** Small file systems in memory for tests, and the words that tests use on them. */

import { expect } from "vitest";
import {
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_READ,
  O_STAT,
  O_SYMLINK,
  O_WRITE,
} from "../../ipc/open-flags.js";
import type { BlockDevice } from "../../schemes/fs/block-device.js";
import { check, type Finding } from "../../schemes/fs/check.js";
import { type Attributes, FileSystem, type OpenFile } from "../../schemes/fs/file-system.js";
import { makeFileSystem } from "../../schemes/fs/make.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { mount } from "../../schemes/fs/mount.js";
import type { DiskTime } from "../../schemes/fs/node.js";

export const MEBIBYTE = 1024 * 1024;
const IDENTIFIER = Buffer.from("0123456789abcdef");

/** A clock that ticks once a question. */
export function testClock(): () => DiskTime {
  let seconds = 1_700_000_000;
  return () => ({ seconds: seconds++, nanoseconds: 5 });
}

/** An empty file system of `size` bytes, and the bytes that it is made of. */
export async function newFileSystem(
  size = 16 * MEBIBYTE,
): Promise<{ fs: FileSystem; image: Buffer; device: BlockDevice }> {
  const image = Buffer.alloc(size);
  const device = memoryDevice(image);
  return { fs: await formatted(device), image, device };
}

export async function formatted(device: BlockDevice): Promise<FileSystem> {
  const now = testClock();
  const volume = await makeFileSystem(device, { identifier: IDENTIFIER, now: now() });
  return new FileSystem(volume, now);
}

export async function mounted(device: BlockDevice, readOnly = false): Promise<FileSystem> {
  const { volume } = await mount(device, { readOnly });
  return new FileSystem(volume, testClock());
}

/** Makes a file or opens it, writes, and closes. */
export async function writeFile(
  fs: FileSystem,
  path: string,
  bytes: Uint8Array | string,
  offset = 0,
): Promise<void> {
  await withFile(fs, path, O_READ | O_WRITE | O_CREATE, async (file) => {
    const all = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    expect(await fs.write(file, all, offset)).toBe(all.length);
  });
}

export async function readFile(fs: FileSystem, path: string): Promise<Buffer> {
  return await withFile(fs, path, O_READ, async (file) => {
    const bytes = Buffer.alloc(fs.attributes(file).size, 0xee);
    expect(await fs.read(file, bytes, 0)).toBe(bytes.length);
    return bytes;
  });
}

export async function truncateFile(fs: FileSystem, path: string, size: number): Promise<void> {
  await withFile(fs, path, O_WRITE, async (file) => await fs.truncate(file, size));
}

export async function makeDirectory(fs: FileSystem, path: string): Promise<void> {
  await withFile(fs, path, O_CREATE | O_EXCLUSIVE | O_DIRECTORY, async () => undefined);
}

export async function linkFile(fs: FileSystem, from: string, to: string): Promise<void> {
  await withFile(fs, from, O_STAT | O_SYMLINK, async (file) => await fs.link(file, to));
}

export async function statOf(fs: FileSystem, path: string): Promise<Attributes> {
  return await withFile(fs, path, O_STAT | O_SYMLINK, async (file) => fs.attributes(file));
}

/** All names in a directory, listed in small steps. */
export async function namesIn(fs: FileSystem, path: string): Promise<string[]> {
  return await withFile(fs, path, O_READ | O_DIRECTORY, async (file) => {
    const names: string[] = [];
    for (let cursor = 0; ; ) {
      const listed = await fs.list(file, cursor, 3);
      const last = listed.at(-1);
      if (last === undefined) return names;
      cursor = last.cursor;
      names.push(...listed.map(({ name }) => name));
    }
  });
}

export async function withFile<T>(
  fs: FileSystem,
  path: string,
  flags: number,
  act: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const file = await fs.open(path, { flags });
  try {
    return await act(file);
  } finally {
    await fs.close(file);
  }
}

/** Expects that a check of everything finds nothing, or just these kinds. */
export async function expectClean(fs: FileSystem, ...kinds: Finding["kind"][]): Promise<void> {
  const { findings } = await check(fs.volume);
  const others = findings.filter(({ kind }) => !kinds.includes(kind));
  expect(others.slice(0, 10)).toEqual([]);
}

/** Expects that an operation fails with this errno. */
export async function expectErrno(operation: Promise<unknown>, code: string): Promise<void> {
  const got = await operation.then(
    () => "success",
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
  expect(got).toBe(code);
}
