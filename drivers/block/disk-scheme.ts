/**
 * `disk:`: block devices as files. `disk:/0` is the whole first disk, `disk:/0p1` its first
 * partition. Reads may begin and end anywhere; writes are whole sectors, for only those are atomic.
 */

import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_WRITE } from "../../ipc/open-flags.js";
import {
  type DirectoryEntry,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  EROFS,
  opened,
  type Scheme,
} from "../../user/scheme.js";
import type { BlockDevice } from "./block-device.js";
import { findPartitions, type Partition } from "./partitions.js";

/** An open disk or partition; without a device, the directory. */
interface DiskHandle {
  device: BlockDevice | undefined;
  /** First byte on the device, and how many. */
  base: number;
  size: number;
}

const EXCLUSIVE = O_CREATE | O_EXCLUSIVE;
const NAME = /^\/(\d+)(?:p(\d+))?$/;

/** Makes the scheme for the disks of one driver. */
export function diskScheme(disks: readonly BlockDevice[]): Scheme<DiskHandle> {
  return {
    async open(path, context) {
      if (path === "/" && (context.flags & O_WRITE) !== 0) throw EISDIR;
      if (path === "/") return opened(DIRECTORY, { positioned: true, identity: ROOT });
      const [, disk, partition] = NAME.exec(path) ?? [];
      const device = disk === undefined ? undefined : disks[Number(disk)];
      if (device === undefined) throw ENOENT;
      if ((context.flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      if ((context.flags & EXCLUSIVE) === EXCLUSIVE) throw EEXIST;
      if (device.readOnly && (context.flags & O_WRITE) !== 0) throw EROFS;
      const handle = await place(device, partition);
      const identity = { object: `disk${disk}`, generation: device.sectorCount, base: handle.base };
      return opened(handle, { positioned: true, identity });
    },
    async read({ device, base, size }, bytes, offset) {
      if (device === undefined) throw EISDIR;
      const length = Math.min(bytes.length, size - offset);
      if (length <= 0) return 0;
      await readAnywhere(device, base + offset, bytes.subarray(0, length));
      return length;
    },
    async write({ device, base, size }, bytes, offset) {
      if (device === undefined) throw EISDIR;
      if (device.readOnly) throw EROFS;
      const { sectorSize } = device;
      if (offset % sectorSize !== 0 || bytes.length % sectorSize !== 0 || offset < 0) throw EINVAL;
      const length = Math.min(bytes.length, size - offset);
      if (length <= 0) {
        if (bytes.length === 0) return 0;
        throw ENOSPC;
      }
      await device.write(base + offset, bytes.subarray(0, length));
      return length;
    },
    fsize: ({ size }) => size,
    fsync: ({ device }) => device?.flush(),
    fstat: ({ device, size }) =>
      device === undefined
        ? { kind: "directory", size: 0, mode: 0o555 }
        : {
            kind: "device",
            size,
            mode: device.readOnly ? 0o400 : 0o600,
            blockSize: device.sectorSize,
            readOnly: device.readOnly,
          },
    async getdents({ device }, cursor) {
      if (device !== undefined) throw ENOTDIR;
      return (await entries(disks)).slice(cursor);
    },
  };
}

const DIRECTORY: DiskHandle = { device: undefined, base: 0, size: 0 };
const ROOT = { object: "/", generation: 0 };

/** Where a disk or one of its partitions lies. @throws ENOENT */
async function place(device: BlockDevice, partition: string | undefined): Promise<DiskHandle> {
  const { sectorSize, sectorCount } = device;
  if (partition === undefined) return { device, base: 0, size: sectorCount * sectorSize };
  const found = (await partitionsOf(device)).find(({ number }) => number === Number(partition));
  if (found === undefined) throw ENOENT;
  return { device, base: found.start * sectorSize, size: found.count * sectorSize };
}

/** The table is read anew each time: somebody may have written it. */
function partitionsOf(device: BlockDevice): Promise<Partition[]> {
  return findPartitions(async (first, count) => {
    const bytes = new Uint8Array(count * device.sectorSize);
    await device.read(first * device.sectorSize, bytes);
    return bytes;
  }, device);
}

async function entries(disks: readonly BlockDevice[]): Promise<DirectoryEntry[]> {
  const names: string[] = [];
  for (const [i, device] of disks.entries()) {
    names.push(String(i));
    for (const { number } of await partitionsOf(device)) names.push(`${i}p${number}`);
  }
  return names.map((name, i) => ({ name, kind: "device", next: i + 1 }));
}

/** Reads any range: the sectors around it go through a buffer when it is not aligned. */
async function readAnywhere(
  device: BlockDevice,
  position: number,
  bytes: Uint8Array,
): Promise<void> {
  const { sectorSize } = device;
  const before = position % sectorSize;
  if (before === 0 && bytes.length % sectorSize === 0) {
    await device.read(position, bytes);
    return;
  }
  const length = Math.ceil((before + bytes.length) / sectorSize) * sectorSize;
  const around = new Uint8Array(length);
  await device.read(position - before, around);
  bytes.set(around.subarray(before, before + bytes.length));
}
