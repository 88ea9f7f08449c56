/** Cases for capabilities with a root: nothing leads out of it, by whatever name. */

import { expect } from "vitest";
import { RIGHTS_ALL } from "../../ipc/rights.js";
import { type Case, expectCode, textOf, writeText } from "./case.js";

export const rootCases: Case[] = [
  {
    name: "root: what lies beside it is EACCES, what lies beneath is there",
    rights: true,
    async run({ os, at, object, narrowed }) {
      await os.mkdir(at("jail"));
      await writeText(os, at("jail/in"), "in");
      const jailed = await narrowed(RIGHTS_ALL, at("jail"));
      await (await jailed.open(at("jail/in"))).close();
      await expectCode(jailed.open(object), "EACCES");
      await expectCode(jailed.open(at("jail/../object")), "EACCES");
      await expectCode(jailed.open(at("jailor")), "EACCES");
      await expectCode(jailed.rename(at("jail/in"), at("out")), "EACCES");
      await expectCode(jailed.link(at("jail/in"), at("out")), "EACCES");
    },
  },
  {
    name: "root: no symbolic link leads out, at the end or on the way",
    rights: true,
    async run({ os, at, object, narrowed }) {
      await os.mkdir(at("jail"));
      await os.mkdir(at("outside"));
      await writeText(os, at("outside/f"), "outside");
      await writeText(os, at("jail/own"), "own");
      const outside = new URL(at("outside")).pathname;
      await os.symlink(at("jail/absolute"), outside);
      await os.symlink(at("jail/relative"), "../outside");
      await os.symlink(at("jail/file"), "../object");
      const jailed = await narrowed(RIGHTS_ALL, at("jail"));
      await expectCode(jailed.open(at("jail/file")), "EACCES");
      for (const way of ["absolute", "relative"]) {
        const beyond = at(`jail/${way}/f`);
        await expectCode(jailed.open(beyond), "EACCES");
        await expectCode(jailed.open(at(`jail/${way}/new`), { mode: "write" }), "EACCES");
        await expectCode(jailed.unlink(beyond), "EACCES");
        await expectCode(jailed.mkdir(at(`jail/${way}/d`)), "EACCES");
        await expectCode(jailed.symlink(at(`jail/${way}/l`), "x"), "EACCES");
        await expectCode(jailed.readlink(beyond), "EACCES");
        await expectCode(jailed.rename(beyond, at("jail/stolen")), "EACCES");
        await expectCode(jailed.rename(at("jail/own"), beyond), "EACCES");
        await expectCode(jailed.link(beyond, at("jail/stolen")), "EACCES");
        await expectCode(jailed.link(at("jail/own"), at(`jail/${way}/n`)), "EACCES");
      }
      expect(await textOf(os, at("outside/f"))).toBe("outside");
      expect(await textOf(os, object)).toHaveLength(16);
    },
  },
  {
    name: "root: a root that became a symbolic link leads nowhere",
    rights: true,
    async run({ os, at, narrowed }) {
      await os.mkdir(at("jail"));
      await os.mkdir(at("outside"));
      await writeText(os, at("outside/f"), "outside");
      const jailed = await narrowed(RIGHTS_ALL, at("jail"));
      await os.rmdir(at("jail"));
      await os.symlink(at("jail"), "outside");
      await expectCode(jailed.open(at("jail/f")), "EACCES");
      await expectCode(jailed.open(at("jail"), { mode: "list" }), "EACCES");
      await expectCode(jailed.unlink(at("jail/f")), "EACCES");
    },
  },
];
