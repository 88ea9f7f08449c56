/**
 * Has modules linked in a thread of its own (link-thread.ts): parsing takes a while, and the kernel
 * thread waits for nobody.
 */

import { Worker } from "node:worker_threads";
import type { LinkedModule } from "../../ipc/confined.js";
import { EIO, ETIMEDOUT, errnoFromNumber } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import type { LinkRules } from "./linker.js";

/** A package that takes longer is not linked, in milliseconds. */
const LINK_MS_MAX = 20_000;

/** What is to be linked, with what. */
export interface LinkOrder {
  /** The runtime, or where it is to be linked from. */
  runtime: string | readonly LinkedModule[];
  entries: readonly string[];
  rules: LinkRules;
}

/** The runtime and the modules of each entry, or why there are none. */
export type LinkAnswer = Linked | { errno: number; url?: string; hint?: string };

/** What was linked. */
export interface Linked {
  runtime: readonly LinkedModule[];
  packages: readonly (readonly LinkedModule[])[];
}

/** Links the entries. Rejects with a SysError ENOEXEC; ETIMEDOUT when it takes too long. */
export function linkInWorker(order: LinkOrder): Promise<Linked> {
  return new Promise((resolve, reject) => {
    const fail = (errno: number, detail: { url?: string; hint?: string }): void => {
      reject(new SysError(errnoFromNumber(errno), { operation: "link", ...detail }));
    };
    const worker = new Worker(new URL("./link-thread.js", import.meta.url), {
      workerData: order,
      name: "anode-link",
    });
    const late = setTimeout(() => {
      fail(ETIMEDOUT.errno, { hint: "its modules take too long to read" });
      void worker.terminate();
    }, LINK_MS_MAX);
    worker.once("message", (answer: LinkAnswer) => {
      if ("packages" in answer) resolve(answer);
      else fail(answer.errno, answer);
    });
    worker.once("error", (error) => {
      fail(EIO.errno, { hint: error.message });
    });
    worker.once("exit", () => {
      clearTimeout(late);
      fail(EIO.errno, { hint: "the linker ended" });
    });
  });
}
