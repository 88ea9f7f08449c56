/** The clock never goes back and is one for all threads; seeded numbers repeat and are even. */

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { hostClock, seededRandom } from "../../ipc/clock.js";

describe("clock", () => {
  it("clock: never goes back", () => {
    let last = hostClock.now();
    for (let i = 0; i < 100_000; i++) {
      const now = hostClock.now();
      if (now < last) expect.fail(`${now} came after ${last}`);
      last = now;
    }
  });

  it("clock: threads agree on the time", async () => {
    const code = `
      const { parentPort } = require("node:worker_threads");
      import(${JSON.stringify(new URL("../../ipc/clock.js", import.meta.url).href)}).then((m) =>
        parentPort.postMessage(m.hostClock.now()));`;
    const before = hostClock.now();
    const worker = new Worker(code, { eval: true });
    const there = await new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    const after = hostClock.now();
    await worker.terminate();
    // One millisecond: the origins are read from a clock that may be adjusted in between.
    expect(there).toBeGreaterThanOrEqual(before - 1);
    expect(there).toBeLessThanOrEqual(after + 1);
  });
});

describe("seeded random", () => {
  const list = (seed: number, limit: number, count: number): number[] => {
    const random = seededRandom(seed);
    return Array.from({ length: count }, () => random.below(limit));
  };

  it("random: the same seed gives the same numbers, on any machine", () => {
    expect(list(42, 1000, 6)).toEqual([601, 448, 852, 669, 174, 526]);
    expect(list(42, 1000, 100)).toEqual(list(42, 1000, 100));
  });

  it("random: neighbouring seeds give other numbers", () => {
    const heads = Array.from({ length: 1000 }, (_, seed) => list(seed, 2 ** 32, 1)[0]);
    expect(new Set(heads).size).toBe(1000);
  });

  it("random: two sources do not disturb each other", () => {
    const [a, b] = [seededRandom(1), seededRandom(1)];
    for (let i = 0; i < 10; i++) seededRandom(2).below(10);
    expect(Array.from({ length: 9 }, () => a.below(99))).toEqual(
      Array.from({ length: 9 }, () => b.below(99)),
    );
  });

  it("random: every number below the limit comes about equally often", () => {
    const counts = new Array<number>(10).fill(0);
    for (const n of list(7, 10, 100_000)) counts[n] = (counts[n] ?? 0) + 1;
    expect(counts).toHaveLength(10);
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});
