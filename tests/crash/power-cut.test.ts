/**
 * The power fails under load: what was acknowledged after a sync is on the medium, whatever else
 * survives or not. And disks that fail in other ways under a whole machine.
 */

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { bootForTest } from "../../cli/testing.js";
import { volatileDisk } from "../../hw/backends/volatile-disk.js";
import { memoryDisk, type SharedBytes } from "../../hw/disk.js";
import { seededRandom } from "../../ipc/clock.js";
import type { File } from "../../user/file.js";
import { testImages } from "./image.js";

const BLOCK = 4096;
const SECTOR = 512;
const BLOCKS = 64;

const images = testImages();
afterAll(() => {
  images.remove();
});

/** What each block was last given, and what is promised of it. */
interface Promised {
  /** Version that a sync has covered. */
  durable: number[];
  written: number[];
}

/** Fills a block so that each sector tells its version. */
function blockOf(version: number): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  for (let at = 0; at < BLOCK; at += 4) bytes.writeUInt32LE(version, at);
  return bytes;
}

/** Writes and syncs at random until the power is gone. */
async function workUntilDark(file: File, seed: number): Promise<Promised> {
  const random = seededRandom(seed);
  const promised = { durable: Array(BLOCKS).fill(0), written: Array(BLOCKS).fill(0) };
  try {
    for (let version = 1; ; version++) {
      const block = random.below(BLOCKS);
      promised.written[block] = version;
      await file.write(blockOf(version), block * BLOCK);
      if (random.below(10) > 0) continue;
      const before = [...promised.written];
      await file.sync();
      promised.durable = before;
    }
  } catch (error) {
    expect(error).toMatchObject({ code: "EIO" });
  }
  return promised;
}

/** Checks each sector of the medium; returns how many blocks were torn. */
function compare(medium: Buffer, { durable, written }: Promised, seed: number): number {
  let torn = 0;
  for (let block = 0; block < BLOCKS; block++) {
    const versions = new Set<number>();
    for (let at = block * BLOCK; at < (block + 1) * BLOCK; at += SECTOR) {
      const version = medium.readUInt32LE(at);
      expect(version, `seed ${seed}, block ${block}`).toBeGreaterThanOrEqual(durable[block] ?? 0);
      expect(version, `seed ${seed}, block ${block}`).toBeLessThanOrEqual(written[block] ?? 0);
      versions.add(version);
    }
    if (versions.size > 1) torn++;
  }
  return torn;
}

describe("power cut", () => {
  const seed = Date.now() % 2 ** 31;

  it(`what a sync has covered survives it (seed ${seed})`, async () => {
    const image = images.make("cut.img", 1);
    const faults = { seed, disks: [{ powerCutAfterWrites: 150 }] };
    const os = await bootForTest({ disk: image.path, faults });
    let promised: Promised;
    try {
      const file = await os.open("disk:/0", { mode: "read-write" });
      promised = await workUntilDark(file, seed);
    } finally {
      await os.close();
    }
    expect(promised.durable.some((version) => version > 0)).toBe(true);
    compare(readFileSync(image.path), promised, seed);
  });

  it(`tears and reorders what was not flushed, and only that (seed ${seed})`, async () => {
    let torn = 0;
    for (let round = 0; round < 20; round++) {
      const bytes = new Uint8Array(BLOCKS * BLOCK);
      const disk = volatileDisk(memoryDisk(bytes), { seed: seed + round });
      const random = seededRandom(seed + round);
      const promised: Promised = { durable: Array(BLOCKS).fill(0), written: Array(BLOCKS).fill(0) };
      for (let version = 1; version <= 200; version++) {
        const block = random.below(BLOCKS);
        promised.written[block] = version;
        const errno = await write(disk, block * BLOCK, blockOf(version));
        expect(errno).toBe(0);
        expect((await read(disk, block * BLOCK)).equals(blockOf(version))).toBe(true);
        if (random.below(20) > 0) continue;
        await new Promise((resolve) => disk.flush(resolve));
        promised.durable = [...promised.written];
      }
      await disk.cutPower();
      expect(await write(disk, 0, blockOf(1))).toBe(5);
      torn += compare(Buffer.from(bytes), promised, seed + round);
    }
    expect(torn).toBeGreaterThan(0);
  });
});

type CuttableDisk = ReturnType<typeof volatileDisk>;

function shared(length: number): SharedBytes {
  return new Uint8Array(new SharedArrayBuffer(length));
}

function write(disk: CuttableDisk, position: number, bytes: Buffer): Promise<number> {
  const copy = shared(bytes.length);
  copy.set(bytes);
  return new Promise((resolve) => disk.write(position, copy, resolve));
}

async function read(disk: CuttableDisk, position: number): Promise<Buffer> {
  const bytes = shared(BLOCK);
  await new Promise((resolve) => disk.read(position, bytes, resolve));
  return Buffer.from(bytes);
}

describe("a machine with faulty hardware", () => {
  it("slow disks with lost and spurious interrupts lose nothing", async () => {
    const image = images.make("slow.img", 1, 4);
    const faults = {
      seed: 6,
      disks: [{ latencyMs: 1, jitterMs: 3 }],
      interrupts: { lost: 0.2, spurious: 0.2 },
    };
    const os = await bootForTest({ disk: image.path, faults });
    try {
      const file = await os.open("disk:/0");
      const all = await file.readAll();
      expect(Buffer.compare(all, image.bytes)).toBe(0);
    } finally {
      await os.close();
    }
  });

  it("a disk that stops answering: EIO after a while, and the machine still ends", async () => {
    const image = images.make("silent.img", 1, 5);
    const os = await bootForTest({
      disk: image.path,
      omit: ["virtio-blkd"],
      faults: { seed: 1, disks: [{ silentAfter: 3 }] },
    });
    try {
      await os.load(new URL("../fixtures/impatient-blkd/", import.meta.url));
      const file = await os.open("disk:/0");
      const bytes = Buffer.alloc(SECTOR);
      // On a busy host an answer may come too late, and be asked for once more.
      const reads: string[] = [];
      while (reads.length < 5) {
        const outcome = file.read(bytes, 0).then(() => "read");
        reads.push(await outcome.catch((error: { code: string }) => error.code));
      }
      expect(reads[0]).toBe("read");
      expect(reads.slice(3)).toEqual(["EIO", "EIO"]);
    } finally {
      await os.close();
    }
  });
});
