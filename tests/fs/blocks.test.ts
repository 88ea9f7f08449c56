/** Free blocks: ranges, buddies, and the two against each other. */

import { describe, expect, it } from "vitest";
import { Buddy } from "../../schemes/fs/buddy.js";
import { ExtentSet } from "../../schemes/fs/extent-set.js";
import { randomFrom } from "./random.js";

describe("fs: extent set", () => {
  it("extent set: agrees with a set of single blocks", () => {
    const next = randomFrom(11);
    const extents = new ExtentSet();
    const blocks = new Set<number>();
    for (let round = 0; round < 5000; round++) {
      const index = next() % 200;
      const count = 1 + (next() % 8);
      const range = Array.from({ length: count }, (_, at) => index + at);
      const some = range.some((at) => blocks.has(at));
      const all = range.every((at) => blocks.has(at));
      expect(extents.overlaps(index, count)).toBe(some);
      expect(extents.has(index, count)).toBe(all);
      if (next() % 2 === 0) {
        expect(extents.add(index, count)).toBe(!some);
        if (!some) for (const at of range) blocks.add(at);
      } else {
        expect(extents.remove(index, count)).toBe(all);
        if (all) for (const at of range) blocks.delete(at);
      }
      expect(extents.count).toBe(blocks.size);
    }
    const listed = [...extents].flatMap(({ index, count }) =>
      Array.from({ length: count }, (_, at) => index + at),
    );
    expect(listed).toEqual([...blocks].sort((a, b) => a - b));
  });
});

describe("fs: buddy allocator", () => {
  it("buddy: gives each block once, aligned, and joins all that comes back", () => {
    const next = randomFrom(12);
    const buddy = new Buddy([{ index: 3, count: 1021 }]);
    const taken = new Map<number, number>();
    const used = new ExtentSet();
    for (let round = 0; round < 4000; round++) {
      if (next() % 3 > 0) {
        const level = next() % 6;
        const index = buddy.allocate(level);
        if (index === undefined) continue;
        expect(index % 2 ** level).toBe(0);
        expect(used.add(index, 2 ** level)).toBe(true);
        taken.set(index, level);
      } else {
        const [index, level] = [...taken][next() % Math.max(1, taken.size)] ?? [0, 0];
        if (!taken.delete(index)) continue;
        expect(buddy.isFree(index, level)).toBe(false);
        used.remove(index, 2 ** level);
        buddy.give(index, level);
        expect(buddy.isFree(index, 0)).toBe(true);
      }
      expect(buddy.free).toBe(1021 - used.count);
    }
    for (const [index, level] of taken) buddy.give(index, level);
    expect(buddy.free).toBe(1021);
    expect(buddy.pieceCount).toBe(new Buddy([{ index: 3, count: 1021 }]).pieceCount);
  });

  it("buddy: takes the lowest piece that is large enough", () => {
    const buddy = new Buddy([
      { index: 8, count: 2 },
      { index: 16, count: 16 },
    ]);
    expect(buddy.allocate(2)).toBe(16);
    expect(buddy.allocate(0)).toBe(8);
    expect(buddy.allocate(1)).toBe(20);
    expect(buddy.allocate(4)).toBeUndefined();
  });

  it("buddy: what is given back twice is a bug that is found", () => {
    const buddy = new Buddy([{ index: 8, count: 1 }]);
    expect(() => buddy.give(8, 0)).toThrow("freed although it is free");
    expect(() => buddy.take(9, 0)).toThrow("not free");
  });
});
