/** `mv`: renames within a scheme; between schemes it copies a file and removes the old one. */

import { EXDEV, errnoOf } from "../../ipc/errno.js";
import { command, complain, forEachOperand, misused } from "../command.js";
import { destinationFor, destinationIsDirectory, isSameObject } from "../destination.js";
import type { System } from "../system.js";
import { copyAll } from "../transfer.js";

export default command(
  {
    name: "mv",
    usage: "[-n] SOURCE… DESTINATION",
    flags: { "-n": "do not replace what exists" },
    operands: [2, Number.POSITIVE_INFINITY],
    notes: "If the destination is a directory, things keep their names in it.",
    example: "mv ram:/draft ram:/final",
  },
  (os, given) => {
    const sources = given.operands.slice(0, -1);
    const target = os.resolve(given.operands.at(-1) ?? "");
    const into = destinationIsDirectory(os, target);
    if (sources.length > 1 && !into) return misused(os, "mv", `${target}: not a directory`);
    return forEachOperand(os, "mv", sources, (path) => {
      const source = os.resolve(path);
      const destination = into ? destinationFor(source, target) : target;
      return move(os, source, destination, !given.flags.has("-n"));
    });
  },
);

function move(os: System, source: string, target: string, replace: boolean): number {
  try {
    os.rename(source, target, { replace });
    return 0;
  } catch (thrown) {
    if (errnoOf(thrown) !== EXDEV) throw thrown;
  }
  if (os.stat(source).kind === "directory") {
    return complain(os, "mv", `${source}: is a directory (use cp -r, then rm -r, across schemes)`);
  }
  if (isSameObject(os, source, target)) {
    return complain(os, "mv", `${source}: is the destination itself`);
  }
  using from = os.open(source);
  using to = os.open(target, { mode: replace ? "write" : "create" });
  copyAll(from, to);
  // The old name goes only when the new file is as durable as its scheme can make it.
  to.sync();
  os.unlink(source);
  return 0;
}
