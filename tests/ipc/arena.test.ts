/** The arena's book: extents never overlap, everything comes back, and free neighbours join. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArenaBook } from "../../ipc/arena.js";

const SIZE = 64 * 1024;

describe("arena", () => {
  it("arena: a size that is no power of two is a bug", () => {
    expect(() => new ArenaBook(100_000)).toThrow("no power of two");
    expect(() => new ArenaBook(32)).toThrow("no power of two");
  });

  it("arena: hands out all of it, then -1", () => {
    const book = new ArenaBook(SIZE);
    const offsets = new Set<number>();
    for (let i = 0; i < SIZE / 64; i++) offsets.add(book.allocate(1));
    expect(offsets.size).toBe(SIZE / 64);
    expect(Math.min(...offsets)).toBe(0);
    expect(book.allocate(1)).toBe(-1);
    expect(book.freeBytes()).toBe(0);
  });

  it("arena: more than all of it is -1, and takes nothing", () => {
    const book = new ArenaBook(SIZE);
    for (const length of [SIZE + 1, 2 * SIZE, 2 ** 30, 2 ** 31]) {
      expect(book.allocate(length), `${length}`).toBe(-1);
    }
    expect(book.allocate(SIZE)).toBe(0);
  });

  it("arena: small free neighbours make a large extent again", () => {
    const book = new ArenaBook(SIZE);
    const offsets = Array.from({ length: SIZE / 64 }, () => book.allocate(64));
    for (const offset of offsets) book.free(offset, 64);
    expect(book.allocate(SIZE)).toBe(0);
  });

  it("arena: one used extent keeps only its own half from joining", () => {
    const book = new ArenaBook(SIZE);
    const offsets = Array.from({ length: SIZE / 64 }, () => book.allocate(64));
    const kept = offsets[offsets.length - 1] as number;
    for (const offset of offsets) if (offset !== kept) book.free(offset, 64);
    expect(book.allocate(SIZE)).toBe(-1);
    const half = book.allocate(SIZE / 2);
    expect(Math.floor(kept / (SIZE / 2))).not.toBe(half / (SIZE / 2));
  });

  it("arena: extents never overlap, are aligned, and all come back", () => {
    const step = fc.record({
      length: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: SIZE })),
      frees: fc.option(fc.nat()),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const book = new ArenaBook(SIZE);
        const owner = new Uint16Array(SIZE / 64);
        const live: { offset: number; length: number; mark: number }[] = [];
        steps.forEach(({ length, frees }, i) => {
          if (frees !== null && live.length > 0) {
            const [extent] = live.splice(frees % live.length, 1);
            if (extent === undefined) return;
            book.free(extent.offset, extent.length);
            mark(owner, extent, extent.mark, 0);
          }
          const offset = book.allocate(length);
          if (offset < 0) return;
          expect(offset % 64).toBe(0);
          expect(offset + length).toBeLessThanOrEqual(SIZE);
          live.push({ offset, length, mark: i + 1 });
          mark(owner, { offset, length }, 0, i + 1);
        });
        for (const { offset, length } of live) book.free(offset, length);
        expect(book.freeBytes()).toBe(SIZE);
        expect(book.allocate(SIZE)).toBe(0);
      }),
    );
  });
});

/** Changes the owner of an extent's 64-byte cells; each must have belonged to `from`. */
function mark(
  owner: Uint16Array,
  extent: { offset: number; length: number },
  from: number,
  to: number,
): void {
  const first = extent.offset / 64;
  const last = first + Math.max(1, Math.ceil(extent.length / 64));
  for (let cell = first; cell < last; cell++) {
    if (owner[cell] !== from) expect.fail(`byte ${cell * 64} belongs to ${owner[cell]} as well`);
    owner[cell] = to;
  }
}
