/**
 * The death record: the first one stands, and whatever a stranger wrote, reading it is harmless.
 */

import { describe, expect, it } from "vitest";
import { LAST_WORDS_BYTES } from "../../ipc/limits.js";
import {
  allocateProcessBlock,
  DEATH_WRITTEN,
  FAULT_POINTS,
  processWords,
  readDeathRecord,
  writeDeathRecord,
} from "../../ipc/process-block.js";

describe("process block", () => {
  it("death record: there is none at first", () => {
    expect(readDeathRecord(allocateProcessBlock())).toBeUndefined();
  });

  it("death record: the first one stands", () => {
    const memory = allocateProcessBlock();
    writeDeathRecord(memory, "assertion failed: ring is full");
    writeDeathRecord(memory, "and then it got worse");
    expect(readDeathRecord(memory)).toBe("assertion failed: ring is full");
  });

  it("death record: empty last words are last words", () => {
    const memory = allocateProcessBlock();
    writeDeathRecord(memory, "");
    expect(readDeathRecord(memory)).toBe("");
  });

  it("death record: long words are cut, and change no other word", () => {
    const memory = allocateProcessBlock();
    writeDeathRecord(memory, "ü".repeat(LAST_WORDS_BYTES));
    expect(readDeathRecord(memory)).toBe("ü".repeat(LAST_WORDS_BYTES / 2));
    const head = [...processWords(memory)];
    expect(head.slice(0, DEATH_WRITTEN).every((word) => word === 0)).toBe(true);
  });

  it("death record: a wild length stays within the block", () => {
    for (const length of [-1, LAST_WORDS_BYTES + 1, 0x7fffffff, -0x80000000]) {
      const memory = allocateProcessBlock();
      writeDeathRecord(memory, "x");
      processWords(memory)[DEATH_WRITTEN + 1] = length;
      expect(readDeathRecord(memory)).toHaveLength(LAST_WORDS_BYTES);
    }
  });

  it("death record: bytes that are no UTF-8 become replacement characters", () => {
    const memory = allocateProcessBlock();
    writeDeathRecord(memory, "abc");
    new Uint8Array(memory).fill(0xff, memory.byteLength - LAST_WORDS_BYTES);
    expect(readDeathRecord(memory)).toBe("\ufffd".repeat(3));
  });

  it("fault points: codes are unique, and none is 0, which means none", () => {
    const codes = Object.values(FAULT_POINTS);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes).not.toContain(0);
  });
});
