/** Cases for much at once: large transfers, many requests in flight, many handles. */

import { createHash } from "node:crypto";
import { expect } from "vitest";
import { type Case, namesIn, textOf, writeText } from "./case.js";

const MEBIBYTE = 1024 * 1024;

/** Bytes that tell where they belong: no two aligned words are the same. */
function pattern(length: number, salt: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index++) {
    words[index] = Math.imul(index + 1, 2_654_435_761) ^ salt;
  }
  return new Uint8Array(words.buffer, 0, length);
}

function sum(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export const loadCases: Case[] = [
  {
    name: "load: a write of several payloads arrives whole, at odd offsets",
    async run({ os, at }) {
      const bytes = pattern(9 * MEBIBYTE + 13, 1);
      await using file = await os.open(at("big"), { mode: "create" });
      expect(await file.write(bytes, 3057)).toBe(bytes.length);
      expect((await file.stat()).size).toBe(bytes.length + 3057);
      const back = new Uint8Array(bytes.length);
      for (let at = 0; at < back.length; ) {
        const count = await file.read(back.subarray(at), 3057 + at);
        expect(count).toBeGreaterThan(0);
        at += count;
      }
      expect(sum(back)).toBe(sum(bytes));
    },
  },
  {
    name: "load: a huge buffer reads what there is",
    async run({ os, object }) {
      await using file = await os.open(object);
      expect(await file.read(new Uint8Array(64 * MEBIBYTE), 0)).toBe(16);
    },
  },
  {
    name: "load: blocks written in any order make the file",
    async run({ os, at }) {
      const blockBytes = 10_007;
      const bytes = pattern(100 * blockBytes, 2);
      await using file = await os.open(at("blocks"), { mode: "create" });
      const order = Array.from({ length: 100 }, (_, index) => (index * 37) % 100);
      await Promise.all(
        order.map((block) => {
          const start = block * blockBytes;
          return file.write(bytes.subarray(start, start + blockBytes), start);
        }),
      );
      expect(sum(await file.readAll())).toBe(sum(bytes));
    },
  },
  {
    name: "load: reads and writes of many files at once do not mix",
    async run({ os, at }) {
      await Promise.all(
        Array.from({ length: 24 }, async (_, index) => {
          const bytes = pattern(50_000 + index, index);
          await using file = await os.open(at(`f-${index}`), { mode: "create" });
          for (let start = 0; start < bytes.length; start += 7001) {
            await file.write(bytes.subarray(start, start + 7001));
          }
          file.position = 0;
          expect(sum(await file.readAll()), `f-${index}`).toBe(sum(bytes));
        }),
      );
      expect(await namesIn(os, at(""))).toHaveLength(25);
    },
  },
  {
    name: "load: many handles are open at once",
    async run({ os, object }) {
      const files = await Promise.all(Array.from({ length: 300 }, () => os.open(object)));
      const texts = await Promise.all(files.map((file) => file.readAll()));
      expect(new Set(texts.map(String)).size).toBe(1);
      await Promise.all(files.map((file) => file.close()));
    },
  },
  {
    name: "load: names made and removed at once leave nothing behind",
    async run({ os, at, object }) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          await os.mkdir(at(`d-${index}`));
          await writeText(os, at(`d-${index}/f`), String(index));
          await os.rename(at(`d-${index}/f`), at(`f-${index}`));
          await os.rmdir(at(`d-${index}`));
          expect(await textOf(os, at(`f-${index}`))).toBe(String(index));
          await os.unlink(at(`f-${index}`));
        }),
      );
      await os.unlink(object);
      expect(await namesIn(os, at(""))).toEqual([]);
    },
  },
];
