/** Waiting for a pipeline in the foreground: Ctrl-C ends all of its processes. */

import { EINTR, ESRCH, errnoOf } from "../../ipc/errno.js";
import type { Child, ExitStatus, System } from "../system.js";
import { show } from "./terminal.js";

/** How a pipeline ended. */
export interface Waited {
  statuses: ExitStatus[];
  interrupted: boolean;
}

/** Waits for every child; at an interrupt kills those that still run, and waits for them too. */
export function waitForeground(os: System, children: readonly Child[]): Waited {
  const waited: Waited = { statuses: [], interrupted: false };
  for (const child of children) {
    let status: ExitStatus | undefined;
    while (status === undefined) {
      status = waitOnce(child);
      if (status !== undefined) break;
      waited.interrupted = true;
      for (const running of children) killIfRunning(running);
    }
    waited.statuses.push(status);
  }
  if (waited.interrupted) show(os, "^C\n");
  return waited;
}

/** Waits for one child; undefined when an interrupt came first. */
export function waitOnce(child: Child): ExitStatus | undefined {
  try {
    return child.wait();
  } catch (thrown) {
    if (errnoOf(thrown) !== EINTR) throw thrown;
    return undefined;
  }
}

function killIfRunning(child: Child): void {
  if (child.poll() !== undefined) return;
  try {
    child.kill();
  } catch (thrown) {
    // It ended between the two calls.
    if (errnoOf(thrown) !== ESRCH) throw thrown;
  }
}
