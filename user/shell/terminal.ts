/**
 * The shell's own traffic with its terminal. The terminal's daemon may die and come back at any
 * moment; that costs a character or a line on the screen, never the shell.
 */

import { EOWNERDEAD, ESTALE, errnoOf } from "../../ipc/errno.js";
import { complain } from "../command.js";
import type { System } from "../system.js";
import { writeAll } from "../transfer.js";

/** Deaths in a row before the shell gives the terminal up. */
const FAILURES_MAX = 10;

/** Shows `text`; after a death of the terminal again, since nobody knows how much was seen. */
export function show(os: System, text: string): void {
  persist(() => {
    writeAll(os.stderr, text);
  });
}

/** Reads one byte; false at the end of input. */
export function readByte(os: System, byte: Uint8Array): boolean {
  return persist(
    () => os.stdin.read(byte) > 0,
    () => complain(os, "sh", "the terminal was lost and is another one now"),
  );
}

function persist<T>(act: () => T, lost?: () => void): T {
  for (let failures = 0; ; failures++) {
    try {
      return act();
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno !== EOWNERDEAD && errno !== ESTALE) throw thrown;
      if (failures === FAILURES_MAX) throw thrown;
      if (errno === ESTALE) lost?.();
    }
  }
}
