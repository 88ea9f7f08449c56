/** `ln`: gives a file another name, or with -s makes a symbolic link. */

import { command, complain, forEachOperand, misused } from "../command.js";
import { destinationFor, destinationIsDirectory } from "../destination.js";
import type { System } from "../system.js";

export default command(
  {
    name: "ln",
    usage: "[-s] TARGET… NAME",
    flags: { "-s": "make symbolic links, that hold the target as it is written" },
    operands: [2, Number.POSITIVE_INFINITY],
    notes: "If the name is a directory, links keep their targets' names in it.",
    example: "ln -s ../etc/motd file:/tmp/greeting",
  },
  (os, given) => {
    const targets = given.operands.slice(0, -1);
    const name = os.resolve(given.operands.at(-1) ?? "");
    const into = destinationIsDirectory(os, name);
    if (targets.length > 1 && !into) return misused(os, "ln", `${name}: not a directory`);
    return forEachOperand(os, "ln", targets, (target) => {
      const link = into ? destinationFor(`/${target}`, name) : name;
      if (given.flags.has("-s")) return linkSymbolically(os, target, link);
      const existing = os.resolve(target);
      if (os.stat(existing).kind === "directory") {
        return complain(os, "ln", `${existing}: is a directory (use -s)`);
      }
      os.link(existing, link);
      return 0;
    });
  },
);

/** What a link holds is a path: a target that names a scheme must name the link's own. */
function linkSymbolically(os: System, target: string, link: string): number {
  const scheme = link.slice(0, link.indexOf(":") + 1);
  if (!/^[a-z][a-z0-9._@-]*:/.test(target)) {
    os.symlink(link, target);
    return 0;
  }
  const url = os.resolve(target);
  if (!url.startsWith(scheme)) {
    return complain(os, "ln", `${url}: a link in ${scheme} cannot lead to another scheme`);
  }
  os.symlink(link, url.slice(scheme.length));
  return 0;
}
