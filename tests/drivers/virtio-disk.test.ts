/** The disk driver on a board where things go wrong: nothing hangs, nothing is damaged. */

import { describe, expect, it } from "vitest";
import { VirtioDisk } from "../../drivers/virtio-blkd/virtio-disk.js";
import { memoryDisk } from "../../hw/disk.js";
import type { BoardFaults, DeviceFaults, WireFaults } from "../../hw/faults.js";
import { seededRandom } from "../../ipc/clock.js";
import { DriverStand } from "./driver-stand.js";

const SECTOR = 512;
const SECTORS = 512;
const TIMEOUT_MS = 1000;
/** Longer than all attempts and resets together. */
const LIMIT_MS = 60_000;

async function stand(faults?: Omit<BoardFaults, "seed">, seed = 1) {
  const bytes = new Uint8Array(SECTORS * SECTOR).map((_, at) => (at >> 9) ^ at);
  const driverStand = new DriverStand({
    disks: [{ backend: memoryDisk(bytes) }],
    ...(faults === undefined ? {} : { faults: { ...faults, seed } }),
  });
  const device = await driverStand.device(0);
  const opening = VirtioDisk.open(device, { timeoutMs: TIMEOUT_MS });
  return { bytes, stand: driverStand, disk: await driverStand.until(opening, LIMIT_MS) };
}

function filled(sectors: number, byte: number): Uint8Array {
  return new Uint8Array(sectors * SECTOR).fill(byte);
}

describe("virtio-disk: a device that is well", () => {
  it("reads, writes and flushes, also what takes several requests at once", async () => {
    const { stand: board, disk, bytes } = await stand();
    expect([disk.sectorCount, disk.readOnly]).toEqual([SECTORS, false]);
    const all = new Uint8Array(bytes.length);
    await board.until(disk.read(0, all), LIMIT_MS);
    expect(Buffer.from(all).equals(bytes)).toBe(true);
    await board.until(disk.write(3 * SECTOR, filled(300, 7)), LIMIT_MS);
    await board.until(disk.flush(), LIMIT_MS);
    expect(bytes.subarray(3 * SECTOR, 303 * SECTOR).every((byte) => byte === 7)).toBe(true);
    expect(disk.device.troubles).toEqual({ resets: 0, lostInterrupts: 0, failures: 0 });
  });

  it("more requests than there are slots wait in line, and none is lost", async () => {
    const { stand: board, disk } = await stand();
    const reads = Array.from({ length: 100 }, async (_, i) => {
      const sector = new Uint8Array(SECTOR);
      await disk.read(i * SECTOR, sector);
      return sector[1];
    });
    expect(await board.until(Promise.all(reads), LIMIT_MS)).toEqual(
      Array.from({ length: 100 }, (_, i) => (i ^ 1) & 0xff),
    );
  });
});

describe("virtio-disk: a device that stops answering", () => {
  it("is reset after the time-out, and what it had is tried again", async () => {
    const { stand: board, disk, bytes } = await stand({ devices: { deafAfter: 2 } });
    await board.until(disk.write(0, filled(1, 1)), LIMIT_MS);
    await board.until(disk.write(SECTOR, filled(1, 2)), LIMIT_MS);
    const startMs = board.nowMs;
    const late = [disk.write(2 * SECTOR, filled(1, 3)), disk.read(0, filled(1, 0))];
    await board.until(Promise.all(late), LIMIT_MS);
    expect(board.nowMs - startMs).toBeGreaterThanOrEqual(TIMEOUT_MS);
    expect(board.nowMs - startMs).toBeLessThan(2 * TIMEOUT_MS);
    expect([bytes[0], bytes[SECTOR], bytes[2 * SECTOR]]).toEqual([1, 2, 3]);
    expect(disk.device.troubles).toMatchObject({ resets: 1, failures: 0 });
  });

  it("again and again, gives EIO in bounded time, and is tried anew by the next", async () => {
    const { stand: board, disk } = await stand({ devices: { deafAfter: 0, deafAgain: true } });
    for (let i = 0; i < 3; i++) {
      const startMs = board.nowMs;
      await expect(board.until(disk.flush(), LIMIT_MS)).rejects.toMatchObject({ code: "EIO" });
      expect(board.nowMs - startMs).toBeLessThan(5 * TIMEOUT_MS);
    }
    expect(disk.device.troubles.failures).toBe(3);
  });

  it("not even to a reset, gives EIO in bounded time, later requests at once", async () => {
    const { stand: board, disk } = await stand({ disks: [{ silentAfter: 1 }] });
    await board.until(disk.flush(), LIMIT_MS);
    await expect(board.until(disk.flush(), LIMIT_MS)).rejects.toMatchObject({ code: "EIO" });
    const startMs = board.nowMs;
    await expect(board.until(disk.flush(), LIMIT_MS)).rejects.toMatchObject({ code: "EIO" });
    expect(board.nowMs - startMs).toBeLessThan(100);
  });

  it("nor does a request that comes during the reset wait for ever", async () => {
    const { stand: board, disk } = await stand({ disks: [{ silentAfter: 0 }] });
    const first = disk.flush().catch((error: unknown) => error);
    await board.advance(TIMEOUT_MS + 200);
    expect(disk.device.troubles).toMatchObject({ resets: 1, failures: 0 });
    const second = disk.flush().catch((error: unknown) => error);
    const outcomes = await board.until(Promise.all([first, second]), LIMIT_MS);
    expect(outcomes).toMatchObject([{ code: "EIO" }, { code: "EIO" }]);
  });

  it("or finishes what it was not given, is reset, and nothing is lost", async () => {
    const seed = 77;
    const { stand: board, disk } = await stand({ devices: { inventions: 0.1 } }, seed);
    expect(await mixed(board, disk, seed)).toBe(0);
    expect(disk.device.troubles.resets).toBeGreaterThan(0);
  });
});

describe("virtio-disk: interrupts", () => {
  it.each([
    ["all get lost", { lost: 1 }],
    ["some get lost", { lost: 0.3 }],
    ["come without a cause", { spurious: 1 }],
    ["stick", { stuckAfter: 5 }],
  ] as [string, WireFaults][])("%s: requests come to their end", async (_name, interrupts) => {
    const seed = 5;
    const { stand: board, disk } = await stand({ interrupts }, seed);
    expect(await mixed(board, disk, seed)).toBe(0);
    expect(disk.device.troubles).toMatchObject({ resets: 0, failures: 0 });
  });

  it("that get lost are not waited for long once that is known", async () => {
    const { stand: board, disk } = await stand({ interrupts: { lost: 1 } });
    const startMs = board.nowMs;
    for (let i = 0; i < 50; i++) await board.until(disk.flush(), LIMIT_MS);
    expect(board.nowMs - startMs).toBeLessThan(100 + 50 * 30);
  });
});

describe("virtio-disk: a device that is out of its mind", () => {
  it("writes where it was not told to: the IOMMU records it, and nobody is harmed", async () => {
    const seed = 9;
    const devices: DeviceFaults = { strayWrites: 1 };
    const { stand: board, disk } = await stand({ devices }, seed);
    expect(await mixed(board, disk, seed)).toBe(0);
    const { count, faults } = board.board.memory.takeFaults();
    expect(count).toBeGreaterThan(0);
    expect(faults.every(({ write, length }) => write && length === 4)).toBe(true);
  });

  it("bad sectors are EIO, and only they", async () => {
    const { stand: board, disk } = await stand({
      disks: [{ badSectors: [{ first: 10, count: 2 }] }],
    });
    const sector = filled(1, 0);
    const outcome = (at: number): Promise<unknown> =>
      board.until(
        disk.read(at * SECTOR, sector).catch((error: unknown) => error),
        LIMIT_MS,
      );
    expect(await outcome(9)).toBeUndefined();
    expect(await outcome(10)).toMatchObject({ code: "EIO" });
    expect(await outcome(11)).toMatchObject({ code: "EIO" });
    expect(await outcome(12)).toBeUndefined();
  });
});

describe("virtio-disk: everything at once", () => {
  const seeds = [1, 2, 3, Date.now() % 2 ** 31];
  it.each(seeds)("what is written is read back, or is an honest EIO (seed %i)", async (seed) => {
    const { stand: board, disk } = await stand(
      {
        interrupts: { lost: 0.2, spurious: 0.2 },
        devices: { deafAfter: 20, strayWrites: 0.2, inventions: 0.05 },
      },
      seed,
    );
    await mixed(board, disk, seed);
  });
});

/**
 * Writes and reads sectors at random, several at a time, and compares. What a failed write has left
 * behind is not known until the next one. Returns how many requests failed.
 */
async function mixed(board: DriverStand, disk: VirtioDisk, seed: number): Promise<number> {
  const random = seededRandom(seed);
  const written = new Map<number, number | "unknown">();
  let failures = 0;
  const step = async (sector: number): Promise<void> => {
    if (random.below(2) === 0) {
      const byte = random.below(256);
      written.set(sector, "unknown");
      await disk.write(sector * SECTOR, filled(1, byte));
      written.set(sector, byte);
    } else {
      const bytes = new Uint8Array(SECTOR);
      await disk.read(sector * SECTOR, bytes);
      const wanted = written.get(sector) ?? (sector ^ 1) & 0xff;
      if (wanted !== "unknown") expect(bytes[1], `seed ${seed}, sector ${sector}`).toBe(wanted);
    }
  };
  for (let round = 0; round < 40; round++) {
    const sectors = new Set(Array.from({ length: 6 }, () => random.below(SECTORS)));
    const work = [...sectors].map((sector) =>
      step(sector).catch((error: unknown) => {
        expect(error, `seed ${seed}`).toMatchObject({ code: "EIO" });
        failures++;
      }),
    );
    await board.until(Promise.all(work), LIMIT_MS);
  }
  return failures;
}
