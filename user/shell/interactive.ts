/** The shell in front of a person: prompt, line, command, and again. */

import type { System } from "../system.js";
import { displayUrl } from "../url-path.js";
import { LineEditor, type LineEvent } from "./line-editor.js";
import type { Shell } from "./shell.js";
import type { SyntaxProblem } from "./syntax.js";
import { readByte, setMode, show } from "./terminal.js";

/** Runs lines from the terminal until its end or `exit`; returns the exit status. */
export function runInteractively(shell: Shell): number {
  const { os } = shell;
  const editor = new LineEditor();
  let source = "";
  while (!shell.ended) {
    for (const line of shell.jobs.reap()) show(os, line);
    const event = readLine(os, editor, source === "" ? promptOf(os) : "> ");
    if (event.tag === "interrupt") {
      source = "";
      shell.interrupt();
    } else if (event.tag === "line") {
      source = source === "" ? event.text : `${source}\n${event.text}`;
      if (runLine(shell, source) === undefined) source = "";
    } else if (source !== "") {
      // The end in the middle of a command: say what is missing, and go on with a new line.
      reportIncomplete(shell, source);
      source = "";
    } else break;
  }
  return shell.status;
}

/** Runs a text with the terminal as programs want it. */
function runLine(shell: Shell, source: string): SyntaxProblem | undefined {
  const { os } = shell;
  // Before the mode: a Ctrl-C must find this shell waiting, not the one that waits for it.
  os.interruptOn(os.stdin);
  setMode(os, "cooked");
  return shell.run(source);
}

function reportIncomplete(shell: Shell, source: string): void {
  const problem = runLine(shell, source);
  if (problem !== undefined) shell.reportProblem(source, problem);
}

function promptOf(os: System): string {
  return `anode:${displayUrl(os.cwd)} $ `;
}

/** Reads one byte at a time: what follows the line belongs to the program that the line starts. */
function readLine(os: System, editor: LineEditor, prompt: string): LineEvent {
  setMode(os, "raw");
  show(os, prompt);
  const byte = new Uint8Array(1);
  for (;;) {
    if (!readByte(os, byte)) return { tag: "end" };
    const step = editor.feed(byte[0] ?? 0);
    if (step.show !== "") show(os, step.show);
    if (step.event !== undefined) return step.event;
  }
}
