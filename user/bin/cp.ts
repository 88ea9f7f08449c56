/** `cp`: copies files, and with -r directories, within and between schemes. */

import { EEXIST, errnoOf } from "../../ipc/errno.js";
import { command, complain, forEachOperand, misused } from "../command.js";
import { destinationFor, destinationIsDirectory, isSameObject } from "../destination.js";
import { startProgress } from "../progress.js";
import type { System } from "../system.js";
import { readBlocks, writeAll } from "../transfer.js";
import { childUrl, isUrlBeneath } from "../url-path.js";

export default command(
  {
    name: "cp",
    usage: "[-r] SOURCE… DESTINATION",
    flags: { "-r": "copy directories with all that is in them" },
    operands: [2, Number.POSITIVE_INFINITY],
    notes: "If the destination is a directory, copies keep their names in it.",
    example: "cp file:/etc/motd ram:/motd",
  },
  (os, given) => {
    const sources = given.operands.slice(0, -1);
    const target = os.resolve(given.operands.at(-1) ?? "");
    const into = destinationIsDirectory(os, target);
    if (sources.length > 1 && !into) return misused(os, "cp", `${target}: not a directory`);
    return forEachOperand(os, "cp", sources, (path) => {
      const source = os.resolve(path);
      const destination = into ? destinationFor(source, target) : target;
      return copy(os, source, destination, given.flags.has("-r"));
    });
  },
);

function copy(os: System, source: string, target: string, recursive: boolean): number {
  if (os.stat(source).kind !== "directory") {
    if (isSameObject(os, source, target)) {
      return complain(os, "cp", `${source}: is the destination itself`);
    }
    copyFile(os, source, target);
    return 0;
  }
  if (!recursive) return complain(os, "cp", `${source}: is a directory (use -r)`);
  if (isUrlBeneath(source, target)) {
    return complain(os, "cp", `${source}: cannot be copied into itself (${target})`);
  }
  makeDirectory(os, target);
  using directory = os.open(source, { mode: "list" });
  const names = directory.list().map((entry) => entry.name);
  return forEachOperand(os, "cp", names, (name) =>
    copy(os, childUrl(source, name), childUrl(target, name), true),
  );
}

function makeDirectory(os: System, url: string): void {
  try {
    os.mkdir(url);
  } catch (thrown) {
    if (errnoOf(thrown) !== EEXIST || os.stat(url).kind !== "directory") throw thrown;
  }
}

function copyFile(os: System, source: string, target: string): void {
  using from = os.open(source);
  using to = os.open(target, { mode: "write" });
  const { size } = from.stat();
  const progress = startProgress(os, "cp", { total: size > 0 ? size : undefined });
  try {
    for (const block of readBlocks(from)) {
      writeAll(to, block);
      progress.moved(block.length);
    }
  } finally {
    progress.end();
  }
}
