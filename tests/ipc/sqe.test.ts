/**
 * Ring entries: what is written is what is read, at every slot, and every shared word is read
 * once.
 */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { emptySqe, readSqe, SQE, type Sqe, writeSqe } from "../../ipc/sqe.js";

const u31 = fc.integer({ min: 0, max: 0x7fffffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

const sqes: fc.Arbitrary<Sqe> = fc.record({
  tag: i32,
  opcode: fc.integer({ min: 0, max: 0xff }),
  flags: fc.integer({ min: 0, max: 0xff }),
  slot: fc.integer({ min: 0, max: 0xffff }),
  handle: u31,
  capability: u31,
  arenaOffset: u32,
  arenaLength: u32,
  offset: fc.double(),
  deadlineMs: fc.double(),
  arg0: fc.double(),
  arg1: i32,
  arg2: i32,
  sequence: u31,
  incarnation: u31,
});

describe("sqe", () => {
  it("sqe: any entry survives the ring, and touches no other", () => {
    fc.assert(
      fc.property(sqes, fc.integer({ min: 0, max: 3 }), (sqe, slot) => {
        const memory = new ArrayBuffer(4 * SQE.SIZE);
        const words = new Int32Array(memory);
        const doubles = new Float64Array(memory);
        writeSqe(words, doubles, slot * SQE.SIZE, sqe);
        const copy = emptySqe();
        readSqe(words, doubles, slot * SQE.SIZE, copy);
        expect(copy).toEqual(sqe);
        const others = words.filter((_, word) => word >> 4 !== slot);
        expect(others.every((word) => word === 0)).toBe(true);
      }),
    );
  });

  it("sqe: reading overwrites every field of the entry before", () => {
    const memory = new ArrayBuffer(SQE.SIZE);
    const copy = emptySqe();
    for (const field of Object.keys(copy) as (keyof Sqe)[]) copy[field] = 7;
    readSqe(new Int32Array(memory), new Float64Array(memory), 0, copy);
    expect(copy).toEqual(emptySqe());
  });

  it("sqe: each shared word is read exactly once", () => {
    const counts = new Map<string, number>();
    const counting = (name: string, length: number): object => {
      const view = { length };
      for (let i = 0; i < length; i++) {
        Object.defineProperty(view, i, {
          get: () => {
            counts.set(`${name}${i}`, (counts.get(`${name}${i}`) ?? 0) + 1);
            return 0;
          },
        });
      }
      return view;
    };
    const words = counting("word", SQE.WORDS) as Int32Array;
    const doubles = counting("double", SQE.DOUBLES) as Float64Array;
    readSqe(words, doubles, 0, emptySqe());
    expect([...counts.values()].every((count) => count === 1)).toBe(true);
    const bytes = [...counts.keys()].map((key) => (key.startsWith("word") ? 4 : 8));
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBe(SQE.SIZE);
  });
});
