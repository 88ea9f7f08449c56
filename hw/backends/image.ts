/*
 * Disk images: raw files (or block devices) as disks. Operations go to the board's I/O threads and
 * run on shared memory in place. A writable image is locked against every other Anode on this host;
 * read-only opens take no lock and may share, but are refused while somebody writes.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from "node:fs";
import { type DiskBackend, SECTOR_SIZE } from "../disk.js";
import {
  type FileIdentity,
  type ImageLock,
  lockImage,
  lockOwner,
  type Owner,
} from "./image-lock.js";
import { OPERATION } from "./io-mailbox.js";
import type { IoThreads } from "./io-threads.js";

/** An image can't be used. The message names the image and says what to do. */
export class ImageError extends Error {
  override name = "ImageError";
  /** `ENOENT`, `EACCES`, `EROFS`, `EISDIR`, `EINVAL` or `EBUSY`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Options of `openImage`. */
export interface ImageOptions {
  readOnly?: boolean;
  /** The threads that do the work; closed by whoever made them, after the image. */
  io: IoThreads;
  /** The process that boots this machine holds the host's part of the lock already. */
  held?: boolean;
}

/** An open image. */
export interface ImageDisk extends DiskBackend {
  readonly path: string;
  readonly identity: FileIdentity;
}

/**
 * Opens a disk image.
 * @throws ImageError if it is missing, not a file or block device, empty, of a size that is not a
 *   multiple of 512 bytes, not writable (without `readOnly`), or in use by another Anode.
 */
export async function openImage(path: string, options: ImageOptions): Promise<ImageDisk> {
  const readOnly = options.readOnly ?? false;
  const fd = openFile(path, readOnly);
  try {
    const stat = fstatSync(fd, { bigint: true });
    const identity = { dev: stat.dev, ino: stat.ino };
    const sizeBytes = checkedSize(path, stat, readOnly);
    const lock = await claimImage(path, identity, options);
    return imageDisk({ path, fd, identity, lock, readOnly, io: options.io, sizeBytes });
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Opens all images of a machine, or none.
 * @throws ImageError as `openImage`, and if one image is given twice and not read-only each time.
 */
export async function openImages(
  images: readonly { path: string; readOnly?: boolean }[],
  options: Omit<ImageOptions, "readOnly">,
): Promise<ImageDisk[]> {
  const disks: ImageDisk[] = [];
  try {
    for (const { path, readOnly = false } of images) {
      const identity = identityAt(path);
      const twin = disks.find((other) => identity && isSameFile(other.identity, identity));
      if (twin !== undefined && !(twin.readOnly && readOnly)) {
        throw new ImageError("EBUSY", `${path} is given twice: give each disk an image of its own`);
      }
      disks.push(await openImage(path, { ...options, readOnly }));
    }
    return disks;
  } catch (error) {
    await Promise.all(disks.map((disk) => disk.close()));
    throw error;
  }
}

function imageDisk(image: {
  path: string;
  fd: number;
  identity: FileIdentity;
  lock: ImageLock | undefined;
  readOnly: boolean;
  io: IoThreads;
  sizeBytes: number;
}): ImageDisk {
  const { path, fd, identity, lock, readOnly, io, sizeBytes } = image;
  let open = true;
  return {
    path,
    identity,
    readOnly,
    sectorCount: sizeBytes / SECTOR_SIZE,
    read: (position, bytes, done) =>
      io.submit({ operation: OPERATION.READ, fd, position, bytes, done }),
    write: (position, bytes, done) =>
      io.submit({ operation: OPERATION.WRITE, fd, position, bytes, done }),
    zero: (position, length, done) =>
      io.submit({ operation: OPERATION.ZERO, fd, position, length, done }),
    flush: (done) => io.submit({ operation: OPERATION.FLUSH, fd, done }),
    async close() {
      if (!open) return;
      open = false;
      closeSync(fd);
      await lock?.release();
    },
  };
}

/** `O_NONBLOCK`: opening a FIFO must not wait for its other end. */
function openFile(path: string, readOnly: boolean): number {
  const access = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  try {
    return openSync(path, access | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw openError(path, error as NodeJS.ErrnoException);
  }
}

function openError(path: string, error: NodeJS.ErrnoException): Error {
  switch (error.code) {
    case "ENOENT":
      return new ImageError("ENOENT", `${path} does not exist: make it with "anode mkfs ${path}"`);
    case "EISDIR":
      return new ImageError("EISDIR", `${path} is a directory: give the path of a disk image`);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new ImageError(error.code, `${path} can't be opened for writing: ${READ_ONLY_HINT}`);
    default:
      return new ImageError(error.code ?? "EIO", `${path} can't be opened: ${error.message}`);
  }
}

const READ_ONLY_HINT = "make it writable, or open the disk read-only";

interface Stat {
  size: bigint;
  mode: bigint;
  rdev: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
  isBlockDevice(): boolean;
}

/** The size of an image in bytes. */
function checkedSize(path: string, stat: Stat, readOnly: boolean): number {
  if (stat.isDirectory()) {
    throw new ImageError("EISDIR", `${path} is a directory: give the path of a disk image`);
  }
  if (!stat.isFile() && !stat.isBlockDevice()) {
    throw new ImageError(
      "EINVAL",
      `${path} is neither a file nor a block device: give a disk image`,
    );
  }
  // A superuser may write to files that nobody is meant to write to.
  if (!readOnly && (stat.mode & 0o222n) === 0n) {
    throw new ImageError("EACCES", `${path} is write-protected: ${READ_ONLY_HINT}`);
  }
  const size = stat.isBlockDevice() ? blockDeviceSize(path, stat.rdev) : Number(stat.size);
  if (size === 0) {
    throw new ImageError("EINVAL", `${path} is empty: make it with "anode mkfs ${path}"`);
  }
  if (size % SECTOR_SIZE !== 0) {
    const hint = `fill it up with "truncate -s %${SECTOR_SIZE} ${path}"`;
    const fact = `has ${size} bytes, not a multiple of ${SECTOR_SIZE}`;
    throw new ImageError("EINVAL", `${path} ${fact}: is it a raw disk image? If so, ${hint}`);
  }
  return size;
}

/** Linux tells the size of a block device in its device file system, in sectors. */
function blockDeviceSize(path: string, rdev: bigint): number {
  const major = (rdev >> 8n) & 0xfffn;
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xfff00n);
  try {
    const sectors = Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, "utf8"));
    return sectors * SECTOR_SIZE;
  } catch {
    throw new ImageError("EINVAL", `${path}: block devices can be used on Linux only: use a file`);
  }
}

/** Takes the lock of an image; for a read-only one, makes sure that nobody holds it. */
async function claimImage(
  path: string,
  identity: FileIdentity,
  options: ImageOptions,
): Promise<ImageLock | undefined> {
  const { readOnly = false, held = false } = options;
  const host = held ? undefined : await claimForHost(path, identity, readOnly);
  // A read-only machine that is booted again was let in before.
  if (readOnly) return undefined;
  try {
    const machine = await claimForMachine(path, identity);
    return {
      async release() {
        await machine.release();
        await host?.release();
      },
    };
  } catch (error) {
    await host?.release();
    throw error;
  }
}

/** The host's part: only one may boot machines that write to this image. */
async function claimForHost(
  path: string,
  identity: FileIdentity,
  readOnly: boolean,
): Promise<ImageLock | undefined> {
  const lock = readOnly ? await lockOwner(path, identity) : await lockImage(path, identity, "host");
  if (lock === undefined || "release" in lock) return lock;
  throw busyError(path, lock);
}

/** Left by a host that is gone, a machine ends within this time, in milliseconds. */
const ORPHAN_MS_MAX = 4000;
const ORPHAN_POLL_MS = 20;

/** The machine's part. With the host's part taken, only a machine that is ending can have it. */
async function claimForMachine(path: string, identity: FileIdentity): Promise<ImageLock> {
  const endMs = performance.now() + ORPHAN_MS_MAX;
  for (;;) {
    const lock = await lockImage(path, identity, "machine");
    if ("release" in lock) return lock;
    if (lock.pid === process.pid || performance.now() > endMs) throw busyError(path, lock);
    await new Promise((resolve) => setTimeout(resolve, ORPHAN_POLL_MS));
  }
}

/** An image that this process keeps for the machines that it boots, one after the other. */
export interface HeldImage {
  /** False when the path leads to another file by now. */
  isSame(): boolean;
  release(): Promise<void>;
}

/**
 * Takes the host's part of an image's lock. What else may be wrong with the image, a machine's
 * `openImage` finds out.
 * @throws ImageError EBUSY when another Anode has it
 */
export async function holdImage(path: string, readOnly: boolean): Promise<HeldImage> {
  const identity = identityAt(path);
  const lock = identity === undefined ? undefined : await claimForHost(path, identity, readOnly);
  return {
    isSame() {
      const now = identityAt(path);
      return now !== undefined && identity !== undefined && isSameFile(now, identity);
    },
    async release() {
      await lock?.release();
    },
  };
}

/** Which file a path leads to; `undefined` for none, or none that can be looked at. */
function identityAt(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { dev, ino };
  } catch {
    return undefined; // Opening it says why.
  }
}

function busyError(path: string, owner: Owner): ImageError {
  if (owner.pid === process.pid) {
    return new ImageError("EBUSY", `${path} is in use by this process already: use another image`);
  }
  const who = owner.pid === undefined ? "" : ` (pid ${owner.pid})`;
  return new ImageError("EBUSY", `${path} is in use by another Anode${who}: stop that one first`);
}

function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}
