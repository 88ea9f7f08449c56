/** Damage of every kind that a check knows, and its repair. */

import { describe, expect, it } from "vitest";
import { check, type Finding } from "../../schemes/fs/check.js";
import type { FileSystem } from "../../schemes/fs/file-system.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { type Node, ROOT_NODE } from "../../schemes/fs/node.js";
import { mountForRepair, repair } from "../../schemes/fs/repair.js";
import { content } from "./random.js";
import {
  expectClean,
  MEBIBYTE,
  makeDirectory,
  mounted,
  namesIn,
  newFileSystem,
  readFile,
  statOf,
  testClock,
  writeFile,
} from "./volume.js";

const BLOCK = 4096;

interface Prepared {
  image: Buffer;
  fs: FileSystem;
}

async function prepared(): Promise<Prepared> {
  const { fs, image } = await newFileSystem(8 * MEBIBYTE);
  await makeDirectory(fs, "/d");
  for (let at = 0; at < 120; at++) {
    await writeFile(fs, `/d/${`${at}`.padEnd(80, "-")}`, `file ${at}`);
  }
  await makeDirectory(fs, "/d/sub");
  await writeFile(fs, "/d/sub/deep", "deep");
  await writeFile(fs, "/data", content(2, 1, 300_000));
  await writeFile(fs, "/far", content(2, 2, 5000), 140 * 131_072);
  await fs.volume.unmount();
  return { fs, image };
}

/** Changes a node behind the back of everything that keeps it right. */
async function changeNode(fs: FileSystem, id: number, change: (node: Node) => void): Promise<void> {
  await fs.volume.change(async () => {
    const node = await fs.volume.tree.get(id);
    fs.volume.tree.touch(node);
    change(node);
  });
  await fs.volume.sync();
}

function smash(image: Buffer, index: number): void {
  image.fill(0x5a, index * BLOCK + 100, index * BLOCK + 120);
}

/** Checks, repairs, and expects that nothing is left; returns the kinds that were found. */
async function repaired(image: Buffer): Promise<Finding["kind"][]> {
  const { volume } = await mountForRepair(memoryDevice(image));
  const { findings } = await check(volume);
  const done = await repair(volume, { now: testClock() });
  expect(done.length).toBeGreaterThanOrEqual(findings.length);
  await volume.unmount();
  await expectClean(await mounted(memoryDevice(image)));
  return [...new Set(findings.map(({ kind }) => kind))].sort();
}

describe("fs: repair", () => {
  it("repair: an intact file system is left as it is", async () => {
    const { image } = await prepared();
    const before = Buffer.from(image);
    expect(await repaired(image).catch(String)).toEqual([]);
    expect(image.equals(before)).toBe(true);
  });

  it("repair: wrong counts are set right", async () => {
    const { image, fs } = await prepared();
    const { node } = await statOf(fs, "/data");
    await changeNode(fs, node, (data) => {
      data.links = 5;
      data.blocks += 3;
    });
    expect(await repaired(image)).toEqual(["block-count", "link-count"]);
    const again = await mounted(memoryDevice(image));
    expect((await readFile(again, "/data")).equals(content(2, 1, 300_000))).toBe(true);
  });

  it("repair: a node without a name gets one in lost+found", async () => {
    const { image, fs } = await prepared();
    const root = await fs.volume.tree.get(ROOT_NODE);
    await fs.volume.change(() => fs.volume.directories.remove(root, Buffer.from("d")));
    await fs.volume.sync();
    expect(await repaired(image)).toEqual(["orphan-node"]);
    const again = await mounted(memoryDevice(image));
    const [name] = await namesIn(again, "/lost+found");
    expect((await readFile(again, `/lost+found/${name}/sub/deep`)).toString()).toBe("deep");
  });

  it("repair: a damaged record becomes a hole, a damaged list a larger one", async () => {
    const { image, fs } = await prepared();
    const data = await fs.volume.tree.get((await statOf(fs, "/data")).node);
    smash(image, (await fs.volume.map.get(data, 1)).index);
    const far = await fs.volume.tree.get((await statOf(fs, "/far")).node);
    for await (const visit of fs.volume.map.visit(far)) {
      if (visit.tag !== "list") continue;
      smash(image, visit.pointer.index);
      break;
    }
    expect(await repaired(image)).toEqual(["blocks-lost", "damaged-record"]);
    const again = await mounted(memoryDevice(image));
    const expected = content(2, 1, 300_000).fill(0, 131_072, 262_144);
    expect((await readFile(again, "/data")).equals(expected)).toBe(true);
    expect((await statOf(again, "/far")).size).toBe(140 * 131_072 + 5000);
  });

  it("repair: a damaged leaf costs names, not files", async () => {
    const { image, fs } = await prepared();
    const directory = await fs.volume.tree.get((await statOf(fs, "/d")).node);
    const leaves: number[] = [];
    for await (const visit of fs.volume.directories.visit(directory)) {
      if (visit.tag === "block") leaves.push(visit.pointer.index);
    }
    smash(image, leaves.at(-1) as number);
    const kinds = await repaired(image);
    expect(kinds).toContain("damaged-directory");
    expect(kinds).toContain("orphan-node");
    const again = await mounted(memoryDevice(image));
    const named = (await namesIn(again, "/d")).length;
    const found = (await namesIn(again, "/lost+found")).length;
    expect(named).toBeGreaterThan(0);
    expect(found).toBeGreaterThan(0);
    expect(named + found).toBe(121);
  });

  it("repair: a damaged node loses its name, and its number is free again", async () => {
    const { image, fs } = await prepared();
    const { node } = await statOf(fs, "/data");
    smash(image, (await fs.volume.tree.get(node)).pointer?.index as number);
    expect(await repaired(image)).toContain("damaged-node");
    const again = await mounted(memoryDevice(image));
    expect((await namesIn(again, "/")).sort()).toEqual(["d", "far"]);
    await writeFile(again, "/new", "new");
    expect((await statOf(again, "/new")).node).toBe(node);
    await expectClean(again);
  });

  it("repair: blocks that nobody has are freed, a log that is damaged is made anew", async () => {
    const { image, fs } = await prepared();
    await fs.volume.change(async () => {
      fs.volume.store.put(fs.volume.store.allocate(0), content(2, 3, BLOCK));
      fs.volume.tree.touch(await fs.volume.tree.get(ROOT_NODE));
    });
    await fs.volume.unmount();
    expect(await repaired(image)).toEqual(["blocks-lost"]);
    const newest = (await mounted(memoryDevice(image), true)).volume.log.newest;
    smash(image, newest.index);
    expect(await repaired(image)).toEqual(["blocks-lost"]);
    const again = await mounted(memoryDevice(image));
    expect((await readFile(again, "/data")).equals(content(2, 1, 300_000))).toBe(true);
  });
});
