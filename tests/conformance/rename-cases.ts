/** Cases for rename, with the rules of POSIX for what may replace what. */

import { expect } from "vitest";
import { type Case, expectCode, namesIn, OBJECT_TEXT, textOf, writeText } from "./case.js";

export const renameCases: Case[] = [
  {
    name: "rename: moves a file within and between directories",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await os.rename(object, at("moved"));
      await os.rename(at("moved"), at("d/moved"));
      expect(await namesIn(os, at(""))).toEqual(["d"]);
      expect(await textOf(os, at("d/moved"))).toBe(OBJECT_TEXT);
    },
  },
  {
    name: "rename: replaces a file, which lives on for those who have it open",
    async run({ os, at, object }) {
      await writeText(os, at("old"), "old contents");
      await using old = await os.open(at("old"));
      await os.rename(object, at("old"));
      expect(await textOf(os, at("old"))).toBe(OBJECT_TEXT);
      expect((await old.readAll()).toString()).toBe("old contents");
      expect(await namesIn(os, at(""))).toEqual(["old"]);
    },
  },
  {
    name: "rename: an open file keeps its handle under its new name",
    async run({ os, at, object }) {
      await using file = await os.open(object, { mode: "read-write" });
      await os.rename(object, at("moved"));
      await file.write("through", 0);
      expect(await textOf(os, at("moved"))).toBe("through789abcdef");
    },
  },
  {
    name: "rename: without replace, what exists stays",
    async run({ os, at, object }) {
      await writeText(os, at("taken"), "mine");
      await os.mkdir(at("d"));
      await expectCode(os.rename(object, at("taken"), { replace: false }), "EEXIST");
      await expectCode(os.rename(object, at("d"), { replace: false }), "EEXIST");
      expect(await textOf(os, at("taken"))).toBe("mine");
      await os.rename(object, at("free"), { replace: false });
      expect(await textOf(os, at("free"))).toBe(OBJECT_TEXT);
    },
  },
  {
    name: "rename: moves a directory with all that is in it",
    async run({ os, at }) {
      await os.mkdir(at("d"));
      await os.mkdir(at("d/sub"));
      await writeText(os, at("d/sub/f"), "deep");
      await os.mkdir(at("other"));
      await os.rename(at("d"), at("other/d"));
      expect(await textOf(os, at("other/d/sub/f"))).toBe("deep");
      await expectCode(os.stat(at("d")), "ENOENT");
    },
  },
  {
    name: "rename: a directory replaces an empty directory only",
    async run({ os, at }) {
      for (const name of ["d", "empty", "full"]) await os.mkdir(at(name));
      await writeText(os, at("d/f"), "");
      await writeText(os, at("full/f"), "");
      await expectCode(os.rename(at("d"), at("full")), "ENOTEMPTY", "EEXIST");
      await os.rename(at("d"), at("empty"));
      expect(await namesIn(os, at("empty"))).toEqual(["f"]);
    },
  },
  {
    name: "rename: files and directories do not replace one another",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await expectCode(os.rename(object, at("d")), "EISDIR");
      await expectCode(os.rename(at("d"), object), "ENOTDIR");
    },
  },
  {
    name: "rename: a directory does not go into itself",
    async run({ os, at }) {
      await os.mkdir(at("d"));
      await os.mkdir(at("d/sub"));
      await expectCode(os.rename(at("d"), at("d/new")), "EINVAL");
      await expectCode(os.rename(at("d"), at("d/sub/new")), "EINVAL");
      await expectCode(os.rename(at("d"), at("d/sub")), "EINVAL");
      await expectCode(os.rename(at("d/sub"), at("d")), "ENOTEMPTY", "EEXIST");
      await os.rename(at("d"), at("d-longer"));
      expect(await namesIn(os, at("d-longer"))).toEqual(["sub"]);
    },
  },
  {
    name: "rename: onto itself changes nothing",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await os.rename(object, object);
      await os.rename(at("d"), at("d"));
      expect(await namesIn(os, at(""))).toEqual(["d", "object"]);
    },
  },
  {
    name: "rename: what is missing is ENOENT",
    async run({ os, at, object }) {
      await expectCode(os.rename(at("nosuch"), at("x")), "ENOENT");
      await expectCode(os.rename(object, at("no/x")), "ENOENT");
      await expectCode(os.rename(object, `${object}/x`), "ENOTDIR");
      expect(await textOf(os, object)).toBe(OBJECT_TEXT);
    },
  },
  {
    name: "rename: to another scheme is EXDEV, to none is ENODEV",
    async run({ os, object }) {
      await expectCode(os.rename(object, "null:/x"), "EXDEV");
      await expectCode(os.rename(object, "nosuch:/x"), "ENODEV", "EXDEV");
      expect(await textOf(os, object)).toBe(OBJECT_TEXT);
    },
  },
  {
    name: "rename: moves a symbolic link itself",
    async run({ os, at, object }) {
      await os.symlink(at("link"), "object");
      await os.rename(at("link"), at("moved"));
      expect(await os.readlink(at("moved"))).toBe("object");
      await writeText(os, at("f"), "f");
      await os.rename(at("f"), at("moved"));
      expect(await textOf(os, at("moved"))).toBe("f");
      expect(await textOf(os, object)).toBe(OBJECT_TEXT);
    },
  },
  {
    name: "rename: a listing shows the new name, once",
    async run({ os, at, object }) {
      await os.rename(object, at("a"));
      await os.rename(at("a"), at("b"));
      expect(await namesIn(os, at(""))).toEqual(["b"]);
    },
  },
];
