/**
 * Finding and opening a file system. The newest generation whose roots verify is taken; an older
 * one only if the newest does not, which is what a power cut in the middle of a commit leaves
 * behind.
 */

import { EINVAL, EIO, EOPNOTSUPP, errnoOf } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import { BLOCK_BYTES, type BlockDevice } from "./block-device.js";
import { corrupt } from "./corruption.js";
import {
  decodeHeader,
  FORMAT_VERSION,
  HEADER_RING,
  type Header,
  RESERVED_BLOCKS,
} from "./header.js";
import { ROOT_NODE } from "./node.js";
import { Volume } from "./volume.js";

/** The first header stands in one of these blocks; RedoxFS looks as far. */
const SEARCHED_BLOCKS = 65536;

export interface MountOptions {
  readOnly?: boolean;
  /** Mount although the allocation log is damaged; nothing is free then. For repairs. */
  ignoreLog?: boolean;
}

/** A mounted file system, and how it was found. */
export interface Mounted {
  volume: Volume;
  /** Newer generations that did not verify, newest first, with the reason. */
  skipped: { generation: number; error: unknown }[];
}

/**
 * Mounts the first file system on `device`.
 * @throws EINVAL when there is none, EOPNOTSUPP for another version or an encrypted one, EIO when
 * no generation verifies
 */
export async function mount(device: BlockDevice, options: MountOptions = {}): Promise<Mounted> {
  const { start, headers } = await findRing(device);
  const generationMax = Math.max(...headers.map(({ generation }) => generation));
  const skipped: Mounted["skipped"] = [];
  for (const header of headers) {
    const readOnly = options.readOnly ?? false;
    const volume = new Volume({ device, start, header, generationMax, readOnly });
    try {
      await open(volume, header, options.ignoreLog ?? false);
      if (!volume.readOnly && options.ignoreLog !== true) await freeOrphans(volume);
      return { volume, skipped };
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      skipped.push({ generation: header.generation, error });
    }
  }
  throw skipped[0]?.error ?? EIO;
}

/** Reads what everything else hangs from. @throws EIO */
async function open(volume: Volume, header: Header, ignoreLog: boolean): Promise<void> {
  const { blocks } = volume.store;
  if (header.sizeBytes % BLOCK_BYTES !== 0 || blocks <= RESERVED_BLOCKS) {
    throw corrupt(`the header's size, ${header.sizeBytes} bytes, is impossible`);
  }
  if (volume.start + blocks > volume.device.blocks) {
    throw corrupt(
      `the file system has ${blocks} blocks, the disk only ${volume.device.blocks - volume.start}`,
    );
  }
  try {
    volume.setFree(await volume.log.read(volume.store, header.alloc));
  } catch (error) {
    if (!ignoreLog || errnoOf(error) === undefined) throw error;
  }
  await volume.orphans.read();
  const root = await volume.tree.get(ROOT_NODE);
  if (root.kind !== "directory") throw corrupt("the root is no directory", root.pointer?.index);
}

/** Frees nodes that were open without a name when the disk was used last. */
async function freeOrphans(volume: Volume): Promise<void> {
  for (const id of volume.orphans.nodes) {
    try {
      await volume.change(async () => {
        const node = await volume.tree.get(id);
        if (node.links === 0) await volume.free(node);
        else volume.orphans.remove(id);
      }, true);
    } catch (error) {
      // A damaged one keeps its space until a check repairs it; the others are not held up.
      if (errnoOf(error) === undefined) throw error;
    }
  }
}

/** All valid headers of the first ring, newest first. */
async function findRing(device: BlockDevice): Promise<{ start: number; headers: Header[] }> {
  const end = Math.min(device.blocks, SEARCHED_BLOCKS);
  let refusal: SysError | undefined;
  for (let from = 0; from < end; from += HEADER_RING) {
    for (const { block, bytes } of await readBlocks(
      device,
      from,
      Math.min(HEADER_RING, end - from),
    )) {
      const slot = decodeHeader(bytes);
      if (slot.tag === "valid") {
        const start = block - (slot.header.generation % HEADER_RING);
        if (start >= 0) return { start, headers: await readRing(device, start) };
      }
      refusal ??= refusalFor(slot, block);
    }
  }
  throw refusal ?? new SysError(EINVAL, { operation: "mount", hint: "there is no RedoxFS on it" });
}

function refusalFor(slot: ReturnType<typeof decodeHeader>, block: number): SysError | undefined {
  switch (slot.tag) {
    case "version": {
      const hint = `block ${block}: RedoxFS version ${slot.version}, not ${FORMAT_VERSION}`;
      return new SysError(EOPNOTSUPP, { operation: "mount", hint });
    }
    case "encrypted": {
      const hint = `block ${block}: the file system is encrypted`;
      return new SysError(EOPNOTSUPP, { operation: "mount", hint });
    }
    case "damaged":
      return corrupt("a header's checksum is wrong", block);
    default:
      return undefined;
  }
}

async function readRing(device: BlockDevice, start: number): Promise<Header[]> {
  const headers: Header[] = [];
  const count = Math.min(HEADER_RING, device.blocks - start);
  for (const { block, bytes } of await readBlocks(device, start, count)) {
    const slot = decodeHeader(bytes);
    if (slot.tag !== "valid") continue;
    if (slot.header.generation % HEADER_RING === block - start) headers.push(slot.header);
  }
  return headers.sort((a, b) => b.generation - a.generation);
}

/** Reads some blocks; those that the disk cannot read are left out. */
async function readBlocks(
  device: BlockDevice,
  from: number,
  count: number,
): Promise<{ block: number; bytes: Buffer }[]> {
  const all = Buffer.alloc(count * BLOCK_BYTES);
  const split = (): { block: number; bytes: Buffer }[] =>
    Array.from({ length: count }, (_, at) => ({
      block: from + at,
      bytes: all.subarray(at * BLOCK_BYTES, (at + 1) * BLOCK_BYTES),
    }));
  try {
    await device.read(from, all);
    return split();
  } catch (thrown) {
    if (errnoOf(thrown) !== EIO) throw thrown;
  }
  const readable: { block: number; bytes: Buffer }[] = [];
  for (const one of split()) {
    try {
      await device.read(one.block, one.bytes);
      readable.push(one);
    } catch (thrown) {
      if (errnoOf(thrown) !== EIO) throw thrown;
    }
  }
  return readable;
}
