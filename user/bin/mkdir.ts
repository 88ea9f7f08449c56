/** `mkdir`: makes directories; with -p those above them too. */

import { EEXIST, errnoOf } from "../../ipc/errno.js";
import { command, forEachOperand } from "../command.js";
import type { System } from "../system.js";
import { parentUrl } from "../url-path.js";

export default command(
  {
    name: "mkdir",
    usage: "[-p] PATH…",
    flags: { "-p": "make missing directories above it; one that exists is no error" },
    operands: [1, Number.POSITIVE_INFINITY],
    example: "mkdir -p ram:/a/b",
  },
  (os, given) =>
    forEachOperand(os, "mkdir", given.operands, (path) => {
      const url = os.resolve(path);
      if (given.flags.has("-p")) makeAll(os, url);
      else os.mkdir(url);
    }),
);

function makeAll(os: System, url: string): void {
  const missing: string[] = [];
  for (let at = url; parentUrl(at) !== at; at = parentUrl(at)) missing.unshift(at);
  for (const directory of missing) {
    try {
      os.mkdir(directory);
    } catch (thrown) {
      if (errnoOf(thrown) !== EEXIST || os.stat(directory).kind !== "directory") throw thrown;
    }
  }
}
