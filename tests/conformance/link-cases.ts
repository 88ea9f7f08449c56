/** Cases for hard links: several names of one file. */

import { expect } from "vitest";
import { RIGHT_CREATE, RIGHTS_ALL } from "../../ipc/rights.js";
import { type Case, expectCode, namesIn, OBJECT_TEXT, textOf, writeText } from "./case.js";

export const linkCases: Case[] = [
  {
    name: "link: is another name of the same file",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await os.link(object, at("d/other"));
      await using file = await os.open(at("d/other"), { mode: "read-write" });
      await file.write("both", 0);
      expect(await textOf(os, object)).toBe("both456789abcdef");
      expect(await os.stat(object)).toMatchObject({ kind: "file", links: 2 });
      expect(await namesIn(os, at("d"))).toEqual(["other"]);
    },
  },
  {
    name: "link: the file lives until its last name is gone",
    async run({ os, at, object }) {
      await os.link(object, at("other"));
      await os.unlink(object);
      expect(await textOf(os, at("other"))).toBe(OBJECT_TEXT);
      expect(await os.stat(at("other"))).toMatchObject({ links: 1 });
      await os.unlink(at("other"));
      await expectCode(os.stat(at("other")), "ENOENT");
    },
  },
  {
    name: "link: refuses a taken name, a directory and what is missing",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await writeText(os, at("taken"), "mine");
      await expectCode(os.link(object, at("taken")), "EEXIST");
      await expectCode(os.link(object, at("d")), "EEXIST");
      await expectCode(os.link(at("d"), at("e")), "EPERM");
      await expectCode(os.link(at("nosuch"), at("e")), "ENOENT");
      await expectCode(os.link(object, at("no/e")), "ENOENT");
      await expectCode(os.link(object, `${object}/e`), "ENOTDIR");
      expect(await textOf(os, at("taken"))).toBe("mine");
    },
  },
  {
    name: "link: to another scheme is EXDEV",
    async run({ os, object }) {
      await expectCode(os.link(object, "null:/x"), "EXDEV");
    },
  },
  {
    name: "link: rename onto another name of the same file does nothing",
    async run({ os, at, object }) {
      await os.link(object, at("other"));
      await os.rename(object, at("other"));
      expect(await namesIn(os, at(""))).toEqual(["object", "other"]);
    },
  },
  {
    name: "link: needs the right to create",
    rights: true,
    async run({ at, object, narrowed }) {
      const fixed = await narrowed(RIGHTS_ALL & ~RIGHT_CREATE);
      await expectCode(fixed.link(object, at("other")), "EACCES");
    },
  },
];
