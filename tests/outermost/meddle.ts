/**
 * Loaded into every thread of a machine under test with `--import`. The environment names a file:
 * as soon as `FILE.kernel` exists, the kernel thread loops for ever, with `FILE.host` the main
 * thread of the machine's process; `FILE.reaper` appears when its reaper is there.
 */

import { existsSync, writeFileSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

const file = process.env["ANODE_TEST_MEDDLE"];

/** Which thread this is, if any of these. */
function role(): string | undefined {
  if (process.argv[1]?.endsWith("reaper.js") === true) return "reaper";
  if (isMainThread) return process.argv[1]?.endsWith("child.js") === true ? "host" : undefined;
  // Only the kernel is given the programs' folder.
  const { programs } = (workerData ?? {}) as { programs?: unknown };
  return programs === undefined ? undefined : "kernel";
}

const mine = role();
if (file !== undefined && mine === "reaper") writeFileSync(`${file}.reaper`, "");
else if (file !== undefined && mine !== undefined) {
  setInterval(() => {
    while (existsSync(`${file}.${mine}`)) Math.sqrt(2);
  }, 10).unref();
}
