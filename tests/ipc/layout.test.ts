/** Byte layouts: a table with a wrong offset must not survive the loading of its module. */

import { describe, expect, it } from "vitest";
import { layout } from "../../ipc/layout.js";

describe("layout", () => {
  it("layout: gives offset, word and double of each field, and the totals", () => {
    const table = layout("T", 24, {
      tag: [0, "u32"],
      small: [4, "u8"],
      flags: [5, "u8"],
      half: [6, "u16"],
      offset: [8, "f64"],
      low: [16, "i32"],
      high: [20, "u32"],
    });
    expect(table.half).toEqual({ offset: 6, type: "u16", word: 1, double: 0 });
    expect(table.offset).toEqual({ offset: 8, type: "f64", word: 2, double: 1 });
    expect(table.high.word).toBe(5);
    expect([table.SIZE, table.WORDS, table.DOUBLES]).toEqual([24, 6, 3]);
    expect(Object.isFrozen(table)).toBe(true);
  });

  it("layout: refuses a field that is not aligned", () => {
    expect(() => layout("T", 8, { a: [0, "u16"], b: [2, "u32"], c: [6, "u16"] })).toThrow(
      "T.b is not aligned",
    );
  });

  it("layout: refuses fields that overlap", () => {
    expect(() => layout("T", 8, { a: [0, "u32"], b: [0, "u32"] })).toThrow("T.b is at 0");
  });

  it("layout: refuses a hole that has no name", () => {
    expect(() => layout("T", 12, { a: [0, "u32"], b: [8, "u32"] })).toThrow("expected 4");
  });

  it("layout: refuses fields out of order", () => {
    expect(() => layout("T", 8, { b: [4, "u32"], a: [0, "u32"] })).toThrow("T.b is at 4");
  });

  it("layout: refuses a total that is not the sum", () => {
    expect(() => layout("T", 16, { a: [0, "f64"] })).toThrow("T has 8 bytes, declared 16");
    expect(() => layout("T", 4, { a: [0, "f64"] })).toThrow("T has 8 bytes, declared 4");
  });
});
