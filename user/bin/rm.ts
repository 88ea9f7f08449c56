/**
 * `rm`: removes files, and with -r directories with all that is in them. Links are not followed.
 */

import { ENOENT, errnoOf } from "../../ipc/errno.js";
import { O_STAT, O_SYMLINK } from "../../ipc/open-flags.js";
import { command, complain, forEachOperand } from "../command.js";
import type { System } from "../system.js";
import { childUrl, lastName } from "../url-path.js";

export default command(
  {
    name: "rm",
    usage: "[-r] [-f] PATH…",
    flags: {
      "-r": "remove directories and all that is in them",
      "-f": "say nothing of what does not exist",
    },
    operands: [1, Number.POSITIVE_INFINITY],
    example: "rm -r ram:/old",
  },
  (os, given) =>
    forEachOperand(os, "rm", given.operands, (path) => {
      const url = os.resolve(path);
      if (lastName(url) === "") return complain(os, "rm", `${url}: is the root of its scheme`);
      try {
        return remove(os, url, given.flags.has("-r"));
      } catch (thrown) {
        if (given.flags.has("-f") && errnoOf(thrown) === ENOENT) return 0;
        throw thrown;
      }
    }),
);

function remove(os: System, url: string, recursive: boolean): number {
  if (!isDirectory(os, url)) {
    os.unlink(url);
    return 0;
  }
  if (!recursive) return complain(os, "rm", `${url}: is a directory (use -r)`);
  const names = namesIn(os, url);
  const status = forEachOperand(os, "rm", names, (name) => remove(os, childUrl(url, name), true));
  if (status === 0) os.rmdir(url);
  return status;
}

function isDirectory(os: System, url: string): boolean {
  using file = os.open(url, { mode: O_STAT | O_SYMLINK });
  return file.stat().kind === "directory";
}

function namesIn(os: System, url: string): string[] {
  using directory = os.open(url, { mode: "list" });
  return directory.list().map((entry) => entry.name);
}
