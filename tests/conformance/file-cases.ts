/** Cases for the contents of files: positions, append, truncation, holes, files without a name. */

import { expect } from "vitest";
import { O_APPEND, O_CREATE, O_READ, O_TRUNCATE, O_WRITE } from "../../ipc/open-flags.js";
import { type Case, expectCode, OBJECT_TEXT, textOf, writeText } from "./case.js";

const READ_WRITE = O_READ | O_WRITE;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

export const fileCases: Case[] = [
  {
    name: "file: what was written is read",
    async run({ os, at }) {
      await writeText(os, at("f"), "hello");
      expect(await textOf(os, at("f"))).toBe("hello");
      expect(await os.stat(at("f"))).toMatchObject({ kind: "file", size: 5 });
    },
  },
  {
    name: "file: the end of file reads as 0, again and again",
    async run({ os, object }) {
      await using file = await os.open(object);
      await file.readAll();
      expect(await file.read(new Uint8Array(8))).toBe(0);
      expect(await file.read(new Uint8Array(8))).toBe(0);
      expect(await file.read(new Uint8Array(8), 1_000_000)).toBe(0);
      expect(await file.read(new Uint8Array(8), 2 ** 52)).toBe(0);
    },
  },
  {
    name: "file: a read stops at the end of the file",
    async run({ os, object }) {
      await using file = await os.open(object);
      const bytes = new Uint8Array(100).fill(1);
      expect(await file.read(bytes, 10)).toBe(6);
      expect(text(bytes.subarray(0, 7))).toBe("abcdef\x01");
    },
  },
  {
    name: "file: write mode empties it, read-write mode does not",
    async run({ os, object }) {
      await (await os.open(object, { mode: "read-write" })).close();
      expect(await textOf(os, object)).toBe(OBJECT_TEXT);
      await (await os.open(object, { mode: "write" })).close();
      expect(await textOf(os, object)).toBe("");
    },
  },
  {
    name: "position: transfers without an offset move it, others do not",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: "read-write" });
      const bytes = new Uint8Array(4);
      await file.read(bytes);
      expect([text(bytes), file.position]).toEqual(["0123", 4]);
      await file.read(bytes, 10);
      expect([text(bytes), file.position]).toEqual(["abcd", 4]);
      await file.write("XY");
      await file.write("Z", 15);
      expect(file.position).toBe(6);
      file.position = 2;
      expect((await file.readAll()).toString()).toBe("23XY6789abcdeZ");
    },
  },
  {
    name: "position: each open has its own",
    async run({ os, object }) {
      await using one = await os.open(object);
      await using two = await os.open(object);
      await one.read(new Uint8Array(5));
      expect([one.position, two.position]).toEqual([5, 0]);
    },
  },
  {
    name: "position: reads in flight at once get one part each, in order",
    async run({ os, object }) {
      await using file = await os.open(object);
      const parts = Array.from({ length: 4 }, () => new Uint8Array(4));
      await Promise.all(parts.map((part) => file.read(part)));
      expect(parts.map(text).join("")).toBe(OBJECT_TEXT);
      expect(file.position).toBe(16);
    },
  },
  {
    name: "append: writes go to the end, wherever the position is",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: O_READ | O_WRITE | O_APPEND });
      await using other = await os.open(object, { mode: O_WRITE });
      await file.write("1");
      file.position = 0;
      await other.write("other", 17);
      await file.write("2");
      expect(await textOf(os, object)).toBe(`${OBJECT_TEXT}1other2`);
    },
  },
  {
    name: "append: the mode makes the file if need be",
    async run({ os, at }) {
      for (const word of ["a", "b"]) {
        await using file = await os.open(at("log"), { mode: "append" });
        await file.write(word);
      }
      expect(await textOf(os, at("log"))).toBe("ab");
    },
  },
  {
    name: "append: many in flight lose nothing",
    async run({ os, at }) {
      const mode = O_WRITE | O_CREATE | O_APPEND;
      const files = await Promise.all([1, 2, 3].map(() => os.open(at("log"), { mode })));
      const writes = files.flatMap((file, index) =>
        Array.from({ length: 40 }, () => file.write(String(index).repeat(10))),
      );
      await Promise.all(writes);
      const log = await textOf(os, at("log"));
      expect(log.match(/(.)\1{9}/g)).toHaveLength(120);
      await Promise.all(files.map((file) => file.close()));
    },
  },
  {
    name: "truncate: shrinks, grows with zeros, and leaves the position alone",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: READ_WRITE });
      await file.read(new Uint8Array(8));
      await file.truncate(4);
      expect((await file.stat()).size).toBe(4);
      expect(file.position).toBe(8);
      expect(await file.read(new Uint8Array(4))).toBe(0);
      await file.truncate(8);
      expect(await textOf(os, object)).toBe("0123\0\0\0\0");
    },
  },
  {
    name: "truncate: sizes that are none are EINVAL",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: READ_WRITE });
      for (const size of [-1, 0.5, Number.NaN, 2 ** 53]) {
        await expectCode(file.truncate(size), "EINVAL", "EFBIG");
      }
      expect((await file.stat()).size).toBe(16);
    },
  },
  {
    name: "truncate: on open empties the file for those who have it open",
    async run({ os, object }) {
      await using reader = await os.open(object);
      await (await os.open(object, { mode: O_WRITE | O_TRUNCATE })).close();
      expect(await reader.read(new Uint8Array(4))).toBe(0);
    },
  },
  {
    name: "hole: a write beyond the end leaves zeros before it",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: READ_WRITE });
      await file.write("end", 100_000);
      expect((await file.stat()).size).toBe(100_003);
      const bytes = new Uint8Array(99_984).fill(1);
      expect(await file.read(bytes, 16)).toBe(99_984);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    },
  },
  {
    name: "hole: what was cut off does not come back",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: READ_WRITE });
      await file.write(new Uint8Array(70_000).fill(7), 0);
      await file.truncate(10);
      await file.write("x", 69_999);
      const bytes = new Uint8Array(69_989).fill(1);
      await file.read(bytes, 10);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    },
  },
  {
    name: "unlink: a file without a name lives as long as it is open",
    async run({ os, object }) {
      await using file = await os.open(object, { mode: READ_WRITE });
      await os.unlink(object);
      await expectCode(os.stat(object), "ENOENT");
      await file.write("still here", 0);
      file.position = 0;
      expect((await file.readAll()).toString()).toBe("still hereabcdef");
      await writeText(os, object, "another");
      expect((await file.stat()).size).toBe(16);
      expect(await textOf(os, object)).toBe("another");
    },
  },
  {
    name: "file: two handles see each other's writes at once",
    async run({ os, object }) {
      await using writer = await os.open(object, { mode: O_WRITE });
      await using reader = await os.open(object);
      await writer.write("NEW", 4);
      const bytes = new Uint8Array(3);
      await reader.read(bytes, 4);
      expect(text(bytes)).toBe("NEW");
    },
  },
  {
    name: "statvfs: free space is within the whole",
    async run({ os, object }) {
      await using file = await os.open(object);
      const { blockSize, blocks, blocksFree } = await file.statVfs();
      expect(blockSize).toBeGreaterThan(0);
      expect(blocksFree).toBeGreaterThanOrEqual(0);
      expect(blocksFree).toBeLessThanOrEqual(blocks);
    },
  },
];
