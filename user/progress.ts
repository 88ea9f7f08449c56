/**
 * A progress line on a terminal: nothing for the first two seconds, then at most four updates a
 * second, and gone again at the end.
 */

import { formatByteSize } from "./byte-size.js";
import type { System } from "./system.js";
import { writeAll } from "./transfer.js";

const QUIET_MS = 2000;
const INTERVAL_MS = 250;
const ERASE_LINE = "\r\x1b[K";

/** Progress of one transfer; `moved` is called with each count of bytes. */
export interface Progress {
  moved(bytes: number): void;
  /** Erases the line. */
  end(): void;
}

/** Tells whether the program's standard error is a terminal. */
export function errorIsTerminal(os: System): boolean {
  return os.stderr.stat().kind === "device";
}

/** Starts the progress of a transfer of `total` bytes (undefined: unknown) named `label`. */
export function startProgress(
  os: System,
  label: string,
  options: { total?: number | undefined; always?: boolean } = {},
): Progress {
  const startedMs = os.now();
  let doneBytes = 0;
  let nextMs = startedMs + (options.always === true ? INTERVAL_MS : QUIET_MS);
  let shown = false;
  let wanted: boolean | undefined = options.always === true ? true : undefined;

  const line = (nowMs: number): string => {
    const rate = doneBytes / Math.max(0.001, (nowMs - startedMs) / 1000);
    const share =
      options.total === undefined || options.total === 0
        ? ""
        : `${Math.floor((100 * doneBytes) / options.total)} % `;
    return `${label}: ${share}${formatByteSize(doneBytes)}, ${formatByteSize(rate)}/s`;
  };
  return {
    moved(bytes) {
      doneBytes += bytes;
      const nowMs = os.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + INTERVAL_MS;
      wanted ??= errorIsTerminal(os);
      if (!wanted) return;
      shown = true;
      writeAll(os.stderr, `${ERASE_LINE}${line(nowMs)}`);
    },
    end() {
      if (shown) writeAll(os.stderr, ERASE_LINE);
    },
  };
}
