/**
 * Partition tables: MBR and GPT as other systems write them, and whatever else sectors can hold:
 * the result is always a list of partitions within the disk, after few and bounded reads.
 */

import { describe, expect, it } from "vitest";
import { findPartitions, type Partition } from "../../drivers/block/partitions.js";
import { seededRandom } from "../../ipc/clock.js";

const SEED = 55_170;
const SECTOR = 512;
const SECTORS = 2048;

interface Entry {
  slot: number;
  type: number;
  start: number;
  count: number;
}

function mbr(entries: readonly Entry[], sectorSize = SECTOR): Buffer {
  const disk = Buffer.alloc(64 * sectorSize);
  for (const { slot, type, start, count } of entries) {
    const at = 446 + 16 * slot;
    disk[at + 4] = type;
    disk.writeUInt32LE(start, at + 8);
    disk.writeUInt32LE(count, at + 12);
  }
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

interface GptFacts {
  entriesAt?: bigint;
  count?: number;
  size?: number;
  sectorSize?: number;
}

function gpt(ranges: readonly [first: bigint, last: bigint][], facts: GptFacts = {}): Buffer {
  const { entriesAt = 2n, count = 128, size = 128, sectorSize = SECTOR } = facts;
  const disk = mbr([{ slot: 0, type: 0xee, start: 1, count: SECTORS - 1 }], sectorSize);
  disk.write("EFI PART", sectorSize);
  disk.writeBigUInt64LE(entriesAt, sectorSize + 72);
  disk.writeUInt32LE(count, sectorSize + 80);
  disk.writeUInt32LE(size, sectorSize + 84);
  ranges.forEach(([first, last], i) => {
    const at = 2 * sectorSize + size * i;
    disk.writeUInt8(0xaf, at);
    disk.writeBigUInt64LE(first, at + 32);
    disk.writeBigUInt64LE(last, at + 40);
  });
  return disk;
}

/** Finds the partitions of a disk that holds `bytes`, zeros behind; checks every read. */
async function find(bytes: Uint8Array, sectorSize = SECTOR): Promise<Partition[]> {
  let reads = 0;
  const read = async (first: number, count: number): Promise<Uint8Array> => {
    expect(Number.isSafeInteger(first) && first >= 0 && first + count <= SECTORS).toBe(true);
    expect(count * sectorSize).toBeLessThanOrEqual(1 << 20);
    expect(++reads).toBeLessThanOrEqual(3);
    const sectors = new Uint8Array(count * sectorSize);
    sectors.set(bytes.subarray(first * sectorSize, (first + count) * sectorSize));
    return sectors;
  };
  return findPartitions(read, { sectorSize, sectorCount: SECTORS });
}

describe("partitions: MBR", () => {
  it("mbr: entries keep their numbers, empty ones are left out", async () => {
    const disk = mbr([
      { slot: 0, type: 0x83, start: 64, count: 100 },
      { slot: 3, type: 0x0c, start: 164, count: SECTORS - 164 },
      { slot: 2, type: 0, start: 10, count: 10 },
    ]);
    expect(await find(disk)).toEqual([
      { number: 1, start: 64, count: 100 },
      { number: 4, start: 164, count: SECTORS - 164 },
    ]);
  });

  it.each([
    ["past the end", 2000, 49],
    ["at the end", SECTORS, 1],
    ["over the table itself", 0, 10],
    ["without a sector", 64, 0],
    ["that wraps", 0xffffffff, 0xffffffff],
  ])("mbr: a partition %s is none", async (_, start, count) => {
    expect(await find(mbr([{ slot: 0, type: 0x83, start, count }]))).toEqual([]);
  });

  it("mbr: no signature, no partitions", async () => {
    const disk = mbr([{ slot: 0, type: 0x83, start: 64, count: 100 }]);
    disk[511] = 0;
    expect(await find(disk)).toEqual([]);
  });

  it("mbr: a disk of less than two sectors has none, and is not read", async () => {
    const read = () => Promise.reject(new Error("read"));
    expect(await findPartitions(read, { sectorSize: 512, sectorCount: 1 })).toEqual([]);
  });
});

describe("partitions: GPT", () => {
  it.each([512, 4096])("gpt: entries with sectors of %d bytes", async (sectorSize) => {
    const ranges: [bigint, bigint][] = [
      [64n, 163n],
      [164n, 164n],
      [165n, BigInt(SECTORS - 1)],
    ];
    expect(await find(gpt(ranges, { sectorSize }), sectorSize)).toEqual([
      { number: 1, start: 64, count: 100 },
      { number: 2, start: 164, count: 1 },
      { number: 3, start: 165, count: SECTORS - 165 },
    ]);
  });

  it("gpt: larger entries are followed by their declared size", async () => {
    const disk = gpt(
      [
        [64n, 65n],
        [70n, 71n],
      ],
      { size: 256, count: 4 },
    );
    expect((await find(disk)).map(({ start }) => start)).toEqual([64, 70]);
  });

  it.each<[string, Buffer]>([
    ["last before first", gpt([[70n, 69n]])],
    ["the last sector + 1", gpt([[70n, BigInt(SECTORS)]])],
    ["2^64 - 1", gpt([[70n, 2n ** 64n - 1n]])],
    ["first and last 2^64 - 1", gpt([[2n ** 64n - 1n, 2n ** 64n - 1n]])],
    ["a table past the end", gpt([[70n, 71n]], { entriesAt: 2047n })],
    ["a table at 2^64 - 1", gpt([[70n, 71n]], { entriesAt: 2n ** 64n - 1n })],
    ["entries of 0 bytes", gpt([[70n, 71n]], { size: 0 })],
    ["entries of 4 GiB", gpt([[70n, 71n]], { size: 0xffffffff })],
    ["no entries", gpt([[70n, 71n]], { count: 0 })],
  ])("gpt: %s is no partition", async (_, disk) => {
    expect(await find(disk)).toEqual([]);
  });

  it("gpt: 4 billion entries are not all read", async () => {
    const found = await find(gpt([[70n, 71n]], { count: 0xffffffff }));
    expect(found).toEqual([{ number: 1, start: 70, count: 2 }]);
  });
});

describe("partitions: fuzz", () => {
  it(`partitions: whatever the sectors hold, they lie within the disk (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    let found = 0;
    for (let i = 0; i < 3000; i++) {
      const disk = random.below(2) === 0 ? gpt([[64n, 99n]]) : mbr([]);
      const bytes = Buffer.concat([disk, Buffer.alloc(64 * SECTOR)]);
      for (let j = random.below(60); j > 0; j--) {
        const at = random.below(3) === 0 ? 446 + random.below(64) : random.below(4 * SECTOR);
        bytes[at] = random.below(4) === 0 ? random.below(256) : random.below(3);
      }
      const partitions = await find(bytes);
      found += partitions.length;
      for (const { start, count } of partitions) {
        if (!(start > 0 && count > 0 && start + count <= SECTORS)) {
          expect.fail(`seed ${SEED}, disk ${i}: ${start} + ${count}`);
        }
      }
    }
    expect(found).toBeGreaterThan(100);
  });
});
