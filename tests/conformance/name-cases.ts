/** Cases for names: creating, removing, listing, directories and symbolic links. */

import { expect } from "vitest";
import { O_CREATE, O_DIRECTORY, O_READ, O_STAT, O_SYMLINK, O_WRITE } from "../../ipc/open-flags.js";
import { RIGHT_CREATE, RIGHT_DELETE, RIGHT_LIST, RIGHTS_ALL } from "../../ipc/rights.js";
import { type Case, expectCode, namesIn, OBJECT_TEXT, textOf, writeText } from "./case.js";

export const nameCases: Case[] = [
  {
    name: "create: makes what is missing, and refuses what is there",
    async run({ os, at }) {
      await (await os.open(at("new"), { mode: "create" })).close();
      expect(await os.stat(at("new"))).toMatchObject({ kind: "file", size: 0 });
      await expectCode(os.open(at("new"), { mode: "create" }), "EEXIST");
    },
  },
  {
    name: "create: needs a directory to be in",
    async run({ os, at, object }) {
      await expectCode(os.open(at("no/new"), { mode: "create" }), "ENOENT");
      await expectCode(os.open(`${object}/new`, { mode: "create" }), "ENOTDIR");
      await expectCode(os.open(`${object}/new`), "ENOTDIR");
    },
  },
  {
    name: "create: of several at once exactly one succeeds",
    async run({ os, at }) {
      const attempts = await Promise.allSettled(
        Array.from({ length: 20 }, () => os.open(at("race"), { mode: "create" })),
      );
      const made = attempts.filter((attempt) => attempt.status === "fulfilled");
      expect(made).toHaveLength(1);
      await made[0]?.value.close();
    },
  },
  {
    name: "names: 255 bytes, any case, spaces and other alphabets",
    async run({ os, at }) {
      const names = [
        "n".repeat(255),
        "\u00fc".repeat(127),
        "A",
        "a",
        "a b",
        "\u65e5\u672c",
        "...",
        "-",
      ];
      for (const name of names) await writeText(os, at(name), name);
      expect(await namesIn(os, at(""))).toEqual([...names, "object"].sort());
      for (const name of names) expect(await textOf(os, at(name))).toBe(name);
    },
  },
  {
    name: "mkdir: makes an empty directory, once",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      expect((await os.stat(at("d"))).kind).toBe("directory");
      expect(await namesIn(os, at("d"))).toEqual([]);
      await expectCode(os.mkdir(at("d")), "EEXIST");
      await expectCode(os.mkdir(object), "EEXIST");
      await expectCode(os.mkdir(at("no/d")), "ENOENT");
      await expectCode(os.mkdir(`${object}/d`), "ENOTDIR");
    },
  },
  {
    name: "directory: is not read or written as a file",
    async run({ os, at }) {
      await os.mkdir(at("d"));
      await expectCode(os.open(at("d"), { mode: O_WRITE }), "EISDIR");
      await expectCode(os.open(at("d"), { mode: "write" }), "EISDIR");
      await using directory = await os.open(at("d"), { mode: O_READ | O_DIRECTORY });
      await expectCode(directory.read(new Uint8Array(16)), "EISDIR");
      await expectCode(directory.truncate(0), "EBADF", "EISDIR");
    },
  },
  {
    name: "unlink: removes a file, not a directory, not what is missing",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await os.unlink(object);
      await expectCode(os.unlink(object), "ENOENT");
      await expectCode(os.unlink(at("d")), "EISDIR", "EPERM");
      await expectCode(os.unlink(at("no/file")), "ENOENT");
      expect(await namesIn(os, at(""))).toEqual(["d"]);
    },
  },
  {
    name: "rmdir: removes an empty directory, not a file",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await writeText(os, at("d/f"), "");
      await expectCode(os.rmdir(at("d")), "ENOTEMPTY", "EEXIST");
      await os.unlink(at("d/f"));
      await os.rmdir(at("d"));
      await expectCode(os.rmdir(at("d")), "ENOENT");
      await expectCode(os.rmdir(object), "ENOTDIR");
    },
  },
  {
    name: "rmdir: an open directory without a name is empty",
    async run({ os, at }) {
      await os.mkdir(at("d"));
      await using directory = await os.open(at("d"), { mode: "list" });
      await os.rmdir(at("d"));
      expect(await directory.list()).toEqual([]);
      await expectCode(os.open(at("d/f"), { mode: "create" }), "ENOENT");
    },
  },
  {
    name: "list: names every entry once with its kind",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await os.symlink(at("link"), "object");
      await using directory = await os.open(at(""), { mode: "list" });
      const entries = (await directory.list()).map(({ name, kind }) => `${name} ${kind}`);
      expect(entries.sort()).toEqual(["d directory", "link symlink", "object file"]);
      await os.unlink(object);
      expect(await directory.list(), "the same handle lists anew").toHaveLength(2);
    },
  },
  {
    name: "list: a long directory is listed whole",
    async run({ os, at }) {
      const names = Array.from({ length: 700 }, (_, index) => `entry-${index}`);
      await Promise.all(names.map((name) => writeText(os, at(name), "")));
      expect(await namesIn(os, at(""))).toEqual([...names, "object"].sort());
    },
  },
  {
    name: "list: the longest names do not overflow a reply",
    async run({ os, at }) {
      const names = Array.from({ length: 300 }, (_, index) => `${index}`.padStart(255, "n"));
      await Promise.all(names.map((name) => writeText(os, at(name), "")));
      expect(await namesIn(os, at(""))).toEqual([...names, "object"].sort());
    },
  },
  {
    name: "list: entries that stay are listed once, whatever else changes meanwhile",
    async run({ os, at }) {
      const names = Array.from({ length: 600 }, (_, index) => `entry-${index}`);
      await Promise.all(names.map((name) => writeText(os, at(name), "")));
      await using directory = await os.open(at(""), { mode: "list" });
      const changes = names.map(async (name, index) => {
        if (index % 3 === 0) await os.unlink(at(name));
        else if (index % 3 === 1) await writeText(os, at(`new-${index}`), "");
      });
      const [listed] = await Promise.all([directory.list(), ...changes]);
      const stayed = names.filter((_, index) => index % 3 !== 0);
      const found = listed.map((entry) => entry.name).filter((name) => stayed.includes(name));
      expect(found.sort()).toEqual(stayed.sort());
    },
  },
  {
    name: "symlink: leads on, and says where",
    async run({ os, at }) {
      await os.symlink(at("link"), "object");
      expect(await os.readlink(at("link"))).toBe("object");
      expect(await textOf(os, at("link"))).toBe(OBJECT_TEXT);
      expect((await os.stat(at("link"))).kind).toBe("file");
      await using link = await os.open(at("link"), { mode: O_STAT | O_SYMLINK });
      expect(await link.stat()).toMatchObject({ kind: "symlink", size: 6 });
    },
  },
  {
    name: "symlink: may lead through directories, upwards and nowhere",
    async run({ os, at }) {
      await os.mkdir(at("d"));
      await os.symlink(at("d/up"), "../object");
      await os.symlink(at("dir"), "d");
      await os.symlink(at("nowhere"), "no/such");
      expect(await textOf(os, at("dir/up"))).toBe(OBJECT_TEXT);
      await expectCode(os.open(at("nowhere")), "ENOENT");
      expect(await os.readlink(at("nowhere"))).toBe("no/such");
    },
  },
  {
    name: "symlink: a circle is ELOOP",
    async run({ os, at }) {
      await os.symlink(at("a"), "b");
      await os.symlink(at("b"), "a");
      await expectCode(os.open(at("a")), "ELOOP");
      await expectCode(os.stat(at("a/x")), "ELOOP");
    },
  },
  {
    name: "symlink: 40 in a row are followed, 41 are ELOOP",
    async run({ os, at }) {
      await os.symlink(at("link-1"), "object");
      for (let index = 2; index <= 41; index++) {
        await os.symlink(at(`link-${index}`), `link-${index - 1}`);
      }
      expect(await textOf(os, at("link-40"))).toBe(OBJECT_TEXT);
      await expectCode(os.open(at("link-41")), "ELOOP");
    },
  },
  {
    name: "symlink: unlink removes the link, not its target",
    async run({ os, at, object }) {
      await os.mkdir(at("d"));
      await os.symlink(at("link"), "object");
      await os.symlink(at("dir"), "d");
      await os.unlink(at("link"));
      await expectCode(os.rmdir(at("dir")), "ENOTDIR");
      await os.unlink(at("dir"));
      expect(await textOf(os, object)).toBe(OBJECT_TEXT);
      expect((await os.stat(at("d"))).kind).toBe("directory");
    },
  },
  {
    name: "symlink: refuses a taken name; readlink refuses what is no link",
    async run({ os, at, object }) {
      await expectCode(os.symlink(object, "x"), "EEXIST");
      await expectCode(os.symlink(at("no/link"), "x"), "ENOENT");
      await expectCode(os.symlink(at("empty"), ""), "ENOENT", "EINVAL");
      await expectCode(os.symlink(at("long"), "x".repeat(5000)), "ENAMETOOLONG");
      await expectCode(os.readlink(object), "EINVAL");
      await expectCode(os.readlink(at("nosuch")), "ENOENT");
    },
  },
  {
    name: "symlink: create goes through it to a missing target",
    async run({ os, at }) {
      await os.symlink(at("link"), "target");
      await using file = await os.open(at("link"), { mode: O_WRITE | O_CREATE });
      await file.write("made");
      expect(await textOf(os, at("target"))).toBe("made");
      await expectCode(os.open(at("link"), { mode: "create" }), "EEXIST");
    },
  },
  {
    name: "rights: what exists can be written without the right to create, what is missing not",
    rights: true,
    async run({ os, at, object, narrowed }) {
      const fixed = await narrowed(RIGHTS_ALL & ~RIGHT_CREATE);
      await (await fixed.open(object, { mode: "write" })).close();
      expect((await os.stat(object)).size).toBe(0);
      await expectCode(fixed.open(at("new"), { mode: "write" }), "ENOENT");
      await expectCode(fixed.open(at("new"), { mode: "append" }), "ENOENT");
      await expectCode(fixed.open(at("new"), { mode: "create" }), "EACCES");
      await expectCode(os.stat(at("new")), "ENOENT");
    },
  },
  {
    name: "rights: names need the rights to create, delete and list",
    rights: true,
    async run({ at, object, narrowed }) {
      const fixed = await narrowed(RIGHTS_ALL & ~RIGHT_CREATE);
      await expectCode(fixed.mkdir(at("d")), "EACCES");
      await expectCode(fixed.symlink(at("link"), "x"), "EACCES");
      const keeper = await narrowed(RIGHTS_ALL & ~RIGHT_DELETE);
      await expectCode(keeper.unlink(object), "EACCES");
      await expectCode(keeper.rename(object, at("moved")), "EACCES");
      const hidden = await narrowed(RIGHTS_ALL & ~RIGHT_LIST);
      await expectCode(hidden.open(at(""), { mode: "list" }), "EACCES");
    },
  },
];
