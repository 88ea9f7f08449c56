/**
 * What the tools for images share: errors that say what to do, exit statuses, and a progress line
 * on a terminal for work that takes longer than two seconds.
 */

import { SysError } from "../ipc/sys-error.js";
import type { DiskTime } from "../schemes/fs/node.js";

/** Exit statuses of a check, as fsck(8) has them. */
export const STATUS = { OK: 0, REPAIRED: 1, LEFT: 4, FAILED: 8 } as const;

const QUIET_MS = 2000;
const INTERVAL_MS = 250;

/** Runs a tool; an operating error becomes a line on standard error and status `failed`. */
export async function runTool(act: () => Promise<number>, failed = 1): Promise<number> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof SysError)) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      process.stderr.write(`anode: ${String((error as Error).message)} (${code})\n`);
      return failed;
    }
    process.stderr.write(`anode: ${error.message}\n`);
    return failed;
  }
}

/** A line on the terminal, drawn over itself; nothing when standard error is not a terminal. */
export function progressLine(): { show(text: () => string): void; end(): void } {
  const startedMs = Date.now();
  let nextMs = startedMs + QUIET_MS;
  let shown = false;
  return {
    show(text) {
      const nowMs = Date.now();
      if (nowMs < nextMs || !process.stderr.isTTY) return;
      nextMs = nowMs + INTERVAL_MS;
      shown = true;
      process.stderr.write(`\r\x1b[K${text()}`);
    },
    end() {
      if (shown) process.stderr.write("\r\x1b[K");
    },
  };
}

/** The time, as file systems keep it. */
export function diskNow(): DiskTime {
  return diskTime(Date.now());
}

/** Milliseconds since 1970, as file systems keep them. */
export function diskTime(ms: number): DiskTime {
  const seconds = Math.floor(ms / 1000);
  return { seconds: Math.max(0, seconds), nanoseconds: Math.floor((ms - seconds * 1000) * 1e6) };
}
