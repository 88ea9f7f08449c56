/**
 * Why a machine's process has ended: from its own last words, its exit code or signal, and what V8
 * or Node wrote to standard error before they aborted. That dump is not shown; its one line that
 * says why is.
 */

/** What is known of an ended process. */
export interface Ending {
  code: number | null;
  signal: string | null;
  /** What it, or who ended it, said about it. */
  words: string | undefined;
  /** The end of what it wrote to standard error. */
  dump: string;
}

/** Bytes of a dump that are kept. */
const DUMP_BYTES_MAX = 16_384;
/** Bytes of a line that has no end yet. */
const LINE_BYTES_MAX = 4096;
const REASON_LENGTH_MAX = 200;

/** How the dump of a dying Node begins. */
const FATAL =
  /^(?:<--- Last few GCs --->|FATAL ERROR: |# Fatal |#\s*$|----- Native stack|\S*node\S*\[\d+\]: )/;
/** The line of a dump that says why. */
const CAUSE = /^(?:FATAL ERROR: |# Fatal |\S*node\S*\[\d+\]: )(.*)$/m;

/** Splits standard error into what people are to see, and the dump of a death. */
export class DumpFilter {
  #line = "";
  #fatal = false;
  dump = "";

  /** Takes text and returns what of it may be shown: whole lines. */
  push(text: string): string {
    if (this.#fatal) {
      this.dump = (this.dump + text).slice(0, DUMP_BYTES_MAX);
      return "";
    }
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop() ?? "";
    const fatal = lines.findIndex((line) => FATAL.test(line));
    if (fatal >= 0) {
      this.#fatal = true;
      const dump = [...lines.slice(fatal), this.#line].join("\n");
      this.#line = "";
      this.push(dump);
      return wholeLines(lines.slice(0, fatal));
    }
    if (this.#line.length > LINE_BYTES_MAX) {
      lines.push(this.#line);
      this.#line = "";
    }
    return wholeLines(lines);
  }

  /** What was begun and never ended with a newline. */
  end(): string {
    const rest = this.#line;
    this.#line = "";
    if (!FATAL.test(rest)) return rest;
    this.dump = rest;
    return "";
  }
}

function wholeLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

/** One line that says why: "SIGKILL", "SIGABRT (Reached heap limit …)", "exit code 3". */
export function describeEnding({ code, signal, words, dump }: Ending): string {
  if (words !== undefined) return oneLine(words);
  const how = signal ?? `exit code ${code}`;
  const cause = CAUSE.exec(dump)?.[1];
  return cause === undefined ? how : `${how} (${oneLine(cause)})`;
}

function oneLine(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > REASON_LENGTH_MAX ? `${line.slice(0, REASON_LENGTH_MAX)}…` : line;
}
