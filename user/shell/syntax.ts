/**
 * The shell's language as data: tokens, words and the tree that the parser makes. Positions are
 * indices into the source text.
 */

/** A piece of a word: literal text, or `$?`. */
export type WordPart = { tag: "text"; text: string } | { tag: "status" };

/** One word after quoting: its parts are joined when it is expanded. */
export interface Word {
  parts: WordPart[];
  at: number;
}

/** `<`, `>`, `>>` with a file, or `2>&1` with another stream. `stream` is 0, 1 or 2. */
export type Redirect =
  | { tag: "file"; stream: number; access: "read" | "write" | "append"; target: Word }
  | { tag: "stream"; stream: number; target: number };

/** A command: a program with its words, or a list in parentheses (run by a shell of its own). */
export type Command =
  | { tag: "simple"; words: Word[]; redirects: Redirect[]; source: string }
  | { tag: "group"; body: string; redirects: Redirect[]; source: string };

/** Commands joined by `|`. */
export interface Pipeline {
  commands: Command[];
}

/** Pipelines joined by `&&` and `||`, perhaps in the background. */
export interface Sequence {
  first: Pipeline;
  rest: { when: "success" | "failure"; pipeline: Pipeline }[];
  background: boolean;
  source: string;
}

/**
 * What is wrong, where, and whether more text could make it right (an open quote, a trailing
 * `&&`).
 */
export interface SyntaxProblem {
  message: string;
  at: number;
  incomplete: boolean;
}

/** A token. */
export type Token =
  | { tag: "word"; word: Word; at: number; end: number }
  | { tag: "operator"; text: Operator; at: number; end: number }
  | {
      tag: "redirect";
      stream: number;
      access: "read" | "write" | "append";
      at: number;
      end: number;
    }
  | { tag: "redirect-stream"; stream: number; target: number; at: number; end: number };

export type Operator = ";" | "&" | "&&" | "|" | "||" | "(" | ")" | "\n";

/** Formats a problem under the line that has it, with a caret. */
export function formatProblem(source: string, problem: SyntaxProblem): string {
  const at = Math.min(problem.at, source.length);
  const start = source.lastIndexOf("\n", at - 1) + 1;
  const newline = source.indexOf("\n", start);
  const line = source.slice(start, newline < 0 ? source.length : newline);
  const caret = line.slice(0, at - start).replace(/[^\t]/g, " ");
  return `syntax error: ${problem.message}\n  ${line}\n  ${caret}^\n`;
}
