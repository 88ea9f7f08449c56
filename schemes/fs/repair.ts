/**
 * Repair of what a check finds. What can be read is kept: a directory is made anew from its
 * readable leaves, nodes without a name get one in `/lost+found`, a damaged record becomes a hole,
 * and the allocation is made anew from what is in use. What is shared by two owners is left alone:
 * nobody can say whose it is.
 */

import { ENOENT, errnoOf } from "../../ipc/errno.js";
import type { BlockDevice } from "./block-device.js";
import { type CheckOptions, check, type Finding } from "./check.js";
import { ExtentSet } from "./extent-set.js";
import { type Mounted, mount } from "./mount.js";
import { type DiskTime, type Node, ROOT_NODE } from "./node.js";
import type { Volume } from "./volume.js";

/** One repair can bring another fault to light. */
const ROUNDS_MAX = 5;
const LOST_AND_FOUND = Buffer.from("lost+found");

export interface RepairOptions extends Pick<CheckOptions, "progress"> {
  now: () => DiskTime;
}

/** Mounts a file system whose allocation log may be damaged. @throws as `mount` */
export async function mountForRepair(device: BlockDevice): Promise<Mounted> {
  return await mount(device, { ignoreLog: true });
}

/**
 * Repairs what can be repaired, in a volume without open files.
 * @returns the findings that a check no longer has @throws EIO, ENOSPC when the disk does not take
 * it
 */
export async function repair(volume: Volume, options: RepairOptions): Promise<Finding[]> {
  const repaired: Finding[] = [];
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { findings, reachable } = await check(volume, options);
    const some = findings.filter(({ kind }) => REPAIRS[kind] !== undefined);
    if (some.length === 0) break;
    // First of all: nothing that is in use may be written over.
    volume.setFree(complementOf(reachable, volume.store.blocks));
    const done = new Set<string>();
    for (const finding of some) {
      const work = `${REPAIRS[finding.kind]} ${finding.node} ${finding.detail}`;
      if (!done.has(work)) await repairOne(volume, finding, options);
      done.add(work);
    }
    await volume.squash();
    repaired.push(...some);
  }
  return repaired;
}

function complementOf(used: ExtentSet, blocks: number): ExtentSet {
  const free = new ExtentSet();
  free.add(0, blocks);
  for (const { index, count } of used) free.remove(index, count);
  return free;
}

type Repair = "directory" | "name" | "counts" | "adopt" | "contents" | "allocation";

const REPAIRS: Readonly<Partial<Record<Finding["kind"], Repair>>> = {
  "damaged-directory": "directory",
  "directory-order": "directory",
  "duplicate-name": "directory",
  "directory-size": "directory",
  "dangling-name": "directory",
  "damaged-node": "directory",
  "link-count": "counts",
  "block-count": "counts",
  "orphan-node": "adopt",
  "damaged-record": "contents",
  "stale-records": "contents",
  "blocks-lost": "allocation",
  "blocks-missing": "allocation",
};

async function repairOne(volume: Volume, finding: Finding, options: RepairOptions): Promise<void> {
  await volume.change(async () => {
    switch (REPAIRS[finding.kind]) {
      case "directory":
        return await remakeDirectories(volume, finding);
      case "counts":
        return await recount(volume, finding);
      case "adopt":
        return await adopt(volume, finding.node, options.now());
      case "contents":
        return await salvage(volume, await volume.tree.get(finding.node));
      default:
        return undefined;
    }
  }, true);
}

/** Makes the directory anew, with the names that lead somewhere. */
async function remakeDirectories(
  volume: Volume,
  { kind, node: id, owner }: Finding,
): Promise<void> {
  if (kind === "damaged-node") await volume.tree.drop(id);
  const directoryId = kind === "damaged-node" ? owner : id;
  if (directoryId === undefined) return;
  const directory = await volume.tree.get(directoryId);
  const entries = new Map<string, { name: Buffer; node: number }>();
  for await (const visit of volume.directories.visit(directory)) {
    if (visit.tag !== "entry") continue;
    const { name, node } = visit.entry;
    if (await leadsSomewhere(volume, node)) entries.set(name.toString("hex"), { name, node });
  }
  volume.directories.forget(directory);
  for (const { name, node } of entries.values()) {
    await volume.directories.insert(directory, Buffer.from(name), node);
  }
}

async function leadsSomewhere(volume: Volume, id: number): Promise<boolean> {
  try {
    await volume.tree.get(id);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

async function recount(volume: Volume, { node: id, expected }: Finding): Promise<void> {
  const node = await volume.tree.get(id);
  volume.tree.touch(node);
  if (expected?.links !== undefined) node.links = expected.links;
  if (expected?.blocks !== undefined) node.blocks = expected.blocks;
}

/** Gives a node without a name one in `/lost+found`. */
async function adopt(volume: Volume, id: number, now: DiskTime): Promise<void> {
  const { directories, tree } = volume;
  const root = await tree.get(ROOT_NODE);
  const there = await directories.find(root, LOST_AND_FOUND);
  let home: Node;
  if (there === undefined) {
    home = await tree.create({ kind: "directory", mode: 0o700, user: 0, group: 0, created: now });
    await directories.insert(root, LOST_AND_FOUND, home.id);
    home.links = 1;
  } else home = await tree.get(there);
  const node = await tree.get(id);
  const name = Buffer.from(`node-${id}`);
  if ((await directories.find(home, name)) !== undefined) return;
  await directories.insert(home, name, id);
  tree.touch(node);
  node.links = 1;
}

/** Turns what cannot be read into holes, and drops what is behind the end. */
async function salvage(volume: Volume, node: Node): Promise<void> {
  volume.tree.touch(node);
  await volume.map.keep(node, async (pointer, depth, record) => {
    try {
      if (depth > 0) await volume.store.readBlock(pointer, "list");
      else await volume.records.load(node, pointer);
      return record * node.recordBytes < node.size;
    } catch (error) {
      if (errnoOf(error) === undefined || error === ENOENT) throw error;
      return false;
    }
  });
}
