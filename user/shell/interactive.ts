/**
 * The shell in front of a person: prompt, line, command, and again. The terminal's daemon may die
 * and come back at any moment; that costs a line on the screen at most.
 */

import { EOWNERDEAD, ESTALE, errnoOf } from "../../ipc/errno.js";
import { complain } from "../command.js";
import type { System } from "../system.js";
import { writeAll } from "../transfer.js";
import { displayUrl } from "../url-path.js";
import { LineEditor, type LineEvent } from "./line-editor.js";
import type { Shell } from "./shell.js";

/** Reads that may fail in a row before the shell gives the terminal up. */
const FAILURES_MAX = 10;

/** Runs lines from the terminal until its end or `exit`; returns the exit status. */
export function runInteractively(shell: Shell): number {
  const { os } = shell;
  os.interruptOn(os.stdin);
  const editor = new LineEditor();
  let source = "";
  while (!shell.ended) {
    for (const line of shell.jobs.reap()) writeAll(os.stderr, line);
    const event = readLine(os, editor, source === "" ? promptOf(os) : "> ");
    if (event.tag === "interrupt") {
      source = "";
      shell.interrupt();
    } else if (event.tag === "line") {
      source = source === "" ? event.text : `${source}\n${event.text}`;
      if (shell.run(source) === undefined) source = "";
    } else if (source !== "") {
      // The end in the middle of a command: say what is missing, and go on with a new line.
      reportIncomplete(shell, source);
      source = "";
    } else break;
  }
  return shell.status;
}

function reportIncomplete(shell: Shell, source: string): void {
  const problem = shell.run(source);
  if (problem !== undefined) shell.reportProblem(source, problem);
}

function promptOf(os: System): string {
  return `anode:${displayUrl(os.cwd)} $ `;
}

/** Reads one byte at a time: what follows the line belongs to the program that the line starts. */
function readLine(os: System, editor: LineEditor, prompt: string): LineEvent {
  writeAll(os.stderr, prompt);
  const byte = new Uint8Array(1);
  for (;;) {
    if (!readByte(os, byte)) return { tag: "end" };
    const { show, event } = editor.feed(byte[0] ?? 0);
    if (show !== "") writeAll(os.stderr, show);
    if (event !== undefined) return event;
  }
}

/** Reads one byte; false at the end of input. A terminal that comes back is read again. */
function readByte(os: System, byte: Uint8Array): boolean {
  for (let failures = 0; ; failures++) {
    try {
      return os.stdin.read(byte) > 0;
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno !== EOWNERDEAD && errno !== ESTALE) throw thrown;
      if (failures === FAILURES_MAX) throw thrown;
      if (errno === ESTALE) complain(os, "sh", "the terminal was lost and is another one now");
    }
  }
}
