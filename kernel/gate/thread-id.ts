/** Which thread this is for the host: what its accounting of run time goes by. */

import { readlinkSync } from "node:fs";

/** This thread's id at the host; 0 where /proc has none. */
export function threadId(): number {
  try {
    return Number(readlinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    return 0;
  }
}
