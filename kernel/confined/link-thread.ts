/**
 * The thread that links: reads and parses, runs nothing of what it reads, answers once and ends.
 */

import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { errnoOf } from "../../ipc/errno.js";
import type { SysError } from "../../ipc/sys-error.js";
import type { LinkAnswer, LinkOrder } from "./link-worker.js";
import { link } from "./linker.js";

function answer(order: LinkOrder): LinkAnswer {
  const { rules, entries } = order;
  try {
    const runtime = typeof order.runtime === "string" ? link(order.runtime, rules) : order.runtime;
    return { runtime, packages: entries.map((entry) => link(entry, rules, runtime)) };
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    const { url, hint } = thrown as SysError;
    const place = url === undefined ? {} : { url };
    const file = url?.startsWith("file:") === true ? `${fileURLToPath(url)}: ` : "";
    return { errno: errno.errno, ...place, ...(hint === undefined ? {} : { hint: file + hint }) };
  }
}

parentPort?.postMessage(answer(workerData as LinkOrder));
