/**
 * The shell's own traffic with its terminal. The terminal's daemon may die and come back at any
 * moment; that costs a character or a line on the screen, never the shell.
 */

import { EOWNERDEAD, type Errno, ESTALE, errnoOf } from "../../ipc/errno.js";
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

/** Reads one byte as it is typed; false at the end of input. */
export function readByte(os: System, byte: Uint8Array): boolean {
  return persist(
    () => os.stdin.read(byte) > 0,
    (errno) => {
      // A terminal that came back has forgotten its mode.
      setMode(os, "raw");
      if (errno === ESTALE) complain(os, "sh", "the terminal was lost and is another one now");
    },
  );
}

/** Tells whether the program's standard input is a terminal: something with a line discipline. */
export function inputIsTerminal(os: System): boolean {
  return os.stdin.stat().kind === "device" && setMode(os, "cooked");
}

/**
 * Says how the terminal treats input: "raw" for the line editor, "cooked" (echo, whole lines,
 * Ctrl-C interrupts) for programs. False when it has no modes.
 */
export function setMode(os: System, mode: "raw" | "cooked"): boolean {
  try {
    persist(() => os.stdin.call({ mode }));
    return true;
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined || errno === EOWNERDEAD) throw thrown;
    return false;
  }
}

function persist<T>(act: () => T, recover?: (errno: Errno) => void): T {
  for (let failures = 0; ; failures++) {
    try {
      return act();
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno !== EOWNERDEAD && errno !== ESTALE) throw thrown;
      if (failures === FAILURES_MAX) throw thrown;
      recover?.(errno);
    }
  }
}
