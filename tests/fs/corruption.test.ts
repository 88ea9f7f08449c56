/**
 * Bits that flip anywhere on the disk: a mount succeeds or fails with a clear error, every read
 * gives the right bytes or EIO, and a check sees the damage. Nothing crashes, hangs, or lies.
 */

import { describe, expect, it } from "vitest";
import { O_READ } from "../../ipc/open-flags.js";
import { SysError } from "../../ipc/sys-error.js";
import { check } from "../../schemes/fs/check.js";
import { FileSystem } from "../../schemes/fs/file-system.js";
import { HEADER_RING } from "../../schemes/fs/header.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { mount } from "../../schemes/fs/mount.js";
import { content, randomFrom } from "./random.js";
import {
  expectClean,
  formatted,
  linkFile,
  MEBIBYTE,
  makeDirectory,
  mounted,
  namesIn,
  newFileSystem,
  readFile,
  statOf,
  testClock,
  withFile,
  writeFile,
} from "./volume.js";

const ROUNDS = 100;
/** Enough for a directory of several leaves. */
const SMALL_FILES = 40;
const BLOCK = 4096;
/** Beyond the records that the node itself leads to. */
const FAR = 200 * 131_072;

/** Files by path, as they were written. */
async function furnished(): Promise<{ image: Buffer; files: Map<string, Buffer>; used: number[] }> {
  const { fs, image } = await newFileSystem(4 * MEBIBYTE);
  const files = new Map<string, Buffer>();
  const put = async (path: string, bytes: Buffer): Promise<void> => {
    files.set(path, bytes);
    await writeFile(fs, path, bytes);
  };
  await makeDirectory(fs, "/d");
  for (let at = 0; at < SMALL_FILES; at++) {
    await put(`/d/${`${at}`.padEnd(220, "-")}`, Buffer.from(`file ${at}`));
  }
  await put("/random", content(2, 1, 300_000));
  await put("/pattern", content(1, 2, 400_000));
  await writeFile(fs, "/far", "far out", FAR);
  await fs.symlink("/link", "d");
  await fs.volume.unmount();
  const { reachable } = await check(fs.volume);
  const used: number[] = [];
  for (const { index, count } of reachable) {
    for (let at = index; at < index + count; at++) used.push(at);
  }
  return { image, files, used };
}

/** Reads everything that can be reached; returns how many operations failed with EIO. */
async function readAll(fs: FileSystem, files: Map<string, Buffer>, place: string): Promise<number> {
  let failed = 0;
  const eio = (error: unknown): undefined => {
    expect(error).toMatchObject({ code: "EIO" });
    failed += 1;
    return undefined;
  };
  for (const [path, expected] of files) {
    const bytes = await readFile(fs, path).catch(eio);
    if (bytes !== undefined) expect(bytes.equals(expected), `${path} at ${place}`).toBe(true);
  }
  for (const path of ["/", "/d"]) {
    const names = await namesIn(fs, path).catch(eio);
    if (names !== undefined) expect(names).toHaveLength(path === "/" ? 5 : SMALL_FILES);
  }
  const far = await withFile(fs, "/far", O_READ, async (file) => {
    const bytes = Buffer.alloc(20);
    return bytes.toString("latin1", 0, await fs.read(file, bytes, FAR - 2));
  }).catch(eio);
  if (far !== undefined) expect(far, `${place}`).toBe("\0\0far out");
  const target = await fs.readlink("/link").catch(eio);
  if (target !== undefined) expect(target).toBe("d");
  return failed;
}

describe("fs: flipped bits", () => {
  it("flipped bits: a mount or a clear error, right bytes or EIO, a check that sees", async () => {
    const seed = 20251121;
    const next = randomFrom(seed);
    const { image, files, used } = await furnished();
    const outcomes = { refused: 0, failed: 0, unread: 0, older: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const block = used[next() % used.length] as number;
      const at = block * BLOCK + (next() % BLOCK);
      const intact = image[at] as number;
      image[at] = intact ^ (1 << (next() % 8));
      const place = JSON.stringify({ seed, round, block, at: at % BLOCK });
      try {
        const { volume, skipped } = await mount(memoryDevice(image), { readOnly: true });
        const fs = new FileSystem(volume, testClock());
        if (skipped.length > 0 || block < HEADER_RING) {
          // An older state, and (but for a header, which looks like a power cut) it is said so.
          await expectClean(fs);
          outcomes.older += 1;
          continue;
        }
        const failed = await readAll(fs, files, place);
        const { findings } = await check(fs.volume);
        if (block > HEADER_RING) expect(findings, `${place}`).not.toEqual([]);
        outcomes[failed > 0 ? "failed" : "unread"] += 1;
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        expect(error.message, `${place}`).toMatch(/block \d+|no RedoxFS|generation/);
        outcomes.refused += 1;
      } finally {
        image[at] = intact;
      }
    }
    expect(outcomes.failed).toBeGreaterThan(ROUNDS / 8);
    expect(outcomes.older).toBeGreaterThan(0);
  });

  it("flipped bits: only the damaged file fails, and can be overwritten and removed", async () => {
    const { fs, device, image } = await newFileSystem(4 * MEBIBYTE);
    await writeFile(fs, "/bad", content(2, 7, 131_072));
    await writeFile(fs, "/good", content(2, 8, 131_072));
    await fs.volume.unmount();
    const at = image.indexOf(content(2, 7, 64));
    image[at] = (image[at] as number) ^ 1;
    const again = await mounted(device);
    await expect(readFile(again, "/bad")).rejects.toThrow(/checksum.*EIO|EIO.*checksum/);
    expect((await readFile(again, "/good")).equals(content(2, 8, 131_072))).toBe(true);
    const { findings } = await check(again.volume);
    expect(findings).toMatchObject([{ kind: "damaged-record", path: "/bad" }]);
    await writeFile(again, "/bad", content(2, 9, 131_072));
    expect((await readFile(again, "/bad")).equals(content(2, 9, 131_072))).toBe(true);
    await again.unlink("/bad", "file");
    await expectClean(again);
  });

  it("mount: takes the newest generation that verifies, and the next commit wins", async () => {
    const { fs, device, image } = await newFileSystem(4 * MEBIBYTE);
    await writeFile(fs, "/old", "old");
    await fs.volume.sync();
    await writeFile(fs, "/new", "new");
    await fs.volume.sync();
    const { generation, tree } = fs.volume.header;
    image.fill(0x11, tree.index * BLOCK, (tree.index + 1) * BLOCK);
    const again = await mounted(device);
    expect(again.volume.header.generation).toBe(generation - 1);
    expect(await namesIn(again, "/")).toEqual(["old"]);
    await writeFile(again, "/next", "next");
    await again.volume.sync();
    expect(again.volume.header.generation).toBe(generation + 1);
    const third = await mounted(device);
    expect((await namesIn(third, "/")).sort()).toEqual(["next", "old"]);
    await expectClean(third);
  });

  it("mount: says what is wrong with a disk that it refuses", async () => {
    const empty = memoryDevice(Buffer.alloc(4 * MEBIBYTE));
    await expect(mounted(empty)).rejects.toThrow("there is no RedoxFS on it");
    const small = memoryDevice(Buffer.alloc(MEBIBYTE));
    await expect(formatted(small)).rejects.toThrow("it needs at least");
    const { image, fs } = await newFileSystem(4 * MEBIBYTE);
    await linkFile(fs, "/", "/x").catch(() => undefined);
    expect((await statOf(fs, "/")).kind).toBe("directory");
    const half = memoryDevice(image.subarray(0, 2 * MEBIBYTE));
    await expect(mounted(half)).rejects.toThrow(
      "the file system has 1024 blocks, the disk only 512",
    );
    for (let slot = 0; slot < HEADER_RING; slot++) image[slot * BLOCK + 8] = 7;
    await expect(mounted(memoryDevice(image))).rejects.toThrow("RedoxFS version 7, not 8");
  });
});
