/**
 * The shell's lexer: text to tokens. Pure and total. Quotes are gone afterwards: 'all literal',
 * "literal but \\ \" \$ and $?", and a backslash for one character; `#` begins a comment at the
 * start of a word.
 */

import type { Operator, SyntaxProblem, Token, WordPart } from "./syntax.js";

/** Tokens, or the first problem. */
export type Lexed = { tokens: Token[] } | { problem: SyntaxProblem };

const BREAKS = " \t\n;&|()<>";
const UNSUPPORTED_VARIABLE = /^\$(?:[A-Za-z_{(0-9@*#!$])/;

/** Splits `source` into tokens. */
export function lex(source: string): Lexed {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const char = source[at] ?? "";
    if (char === " " || char === "\t") at += 1;
    else if (char === "\\" && source[at + 1] === "\n") at += 2;
    else if (char === "#") at = endOfLine(source, at);
    else {
      const token = lexRedirect(source, at) ?? lexOperator(source, at) ?? lexWord(source, at);
      if ("message" in token) return { problem: token };
      tokens.push(token);
      at = token.end;
    }
  }
  return { tokens };
}

function endOfLine(source: string, at: number): number {
  const newline = source.indexOf("\n", at);
  return newline < 0 ? source.length : newline;
}

function problem(message: string, at: number, incomplete = false): SyntaxProblem {
  return { message, at, incomplete };
}

const OPERATORS: readonly Operator[] = ["&&", "||", ";", "&", "|", "(", ")", "\n"];

function lexOperator(source: string, at: number): Token | SyntaxProblem | undefined {
  if (source.startsWith("&>", at)) return problem("'&>' is not supported: use '> FILE 2>&1'", at);
  const text = OPERATORS.find((operator) => source.startsWith(operator, at));
  if (text === undefined) return undefined;
  return { tag: "operator", text, at, end: at + text.length };
}

function lexRedirect(source: string, at: number): Token | SyntaxProblem | undefined {
  const match = /^([0-9]*)(<<|>>|<|>&|>)/.exec(source.slice(at, at + 16));
  if (match === null) return undefined;
  const [whole, digits = "", symbol = ""] = match;
  const end = at + whole.length;
  if (symbol === "<<") return problem("'<<' is not supported: use a pipe or a file", at);
  const stream = digits === "" ? (symbol === "<" ? 0 : 1) : Number(digits);
  if (stream > 2) return problem(`there is no stream ${digits}: only 0, 1 and 2`, at);
  if (symbol === ">&") {
    const target = source[end] ?? "";
    if (target !== "1" && target !== "2") return problem("'>&' needs 1 or 2 after it", at);
    return { tag: "redirect-stream", stream, target: Number(target), at, end: end + 1 };
  }
  const access = symbol === "<" ? "read" : symbol === ">" ? "write" : "append";
  return { tag: "redirect", stream, access, at, end };
}

/** A word under construction: parts, and literal text that is not yet one. */
class WordBuilder {
  readonly parts: WordPart[] = [];
  #text = "";
  #quoted = false;

  add(text: string): void {
    this.#text += text;
  }

  /** Notes that quotes were seen, so that `''` is a word although it is empty. */
  quote(): void {
    this.#quoted = true;
  }

  status(): void {
    this.#flush();
    this.parts.push({ tag: "status" });
  }

  finish(): WordPart[] {
    this.#flush();
    if (this.parts.length === 0 && this.#quoted) this.parts.push({ tag: "text", text: "" });
    return this.parts;
  }

  #flush(): void {
    if (this.#text !== "") this.parts.push({ tag: "text", text: this.#text });
    this.#text = "";
  }
}

function lexWord(source: string, start: number): Token | SyntaxProblem {
  const word = new WordBuilder();
  let at = start;
  while (at < source.length) {
    const char = source[at] ?? "";
    if (BREAKS.includes(char)) break;
    let next: number | SyntaxProblem;
    if (char === "'") next = lexSingleQuotes(source, at, word);
    else if (char === '"') next = lexDoubleQuotes(source, at, word);
    else if (char === "\\") next = lexBackslash(source, at, word);
    else if (char === "$") next = lexDollar(source, at, word);
    else if (char === "`") next = problem("command substitution is not supported", at);
    else {
      word.add(char);
      next = at + 1;
    }
    if (typeof next !== "number") return next;
    at = next;
  }
  return { tag: "word", word: { parts: word.finish(), at: start }, at: start, end: at };
}

function lexSingleQuotes(source: string, at: number, word: WordBuilder): number | SyntaxProblem {
  const end = source.indexOf("'", at + 1);
  if (end < 0) return problem("this ' is never closed", at, true);
  word.quote();
  word.add(source.slice(at + 1, end));
  return end + 1;
}

function lexDoubleQuotes(source: string, start: number, word: WordBuilder): number | SyntaxProblem {
  word.quote();
  let at = start + 1;
  while (at < source.length) {
    const char = source[at] ?? "";
    if (char === '"') return at + 1;
    if (char === "\\" && at + 1 < source.length) {
      const escaped = source[at + 1] ?? "";
      if (escaped !== "\n") word.add('\\"$`'.includes(escaped) ? escaped : `\\${escaped}`);
      at += 2;
    } else if (char === "$") {
      const next = lexDollar(source, at, word);
      if (typeof next !== "number") return next;
      at = next;
    } else {
      word.add(char);
      at += 1;
    }
  }
  return problem('this " is never closed', start, true);
}

function lexBackslash(source: string, at: number, word: WordBuilder): number | SyntaxProblem {
  const escaped = source[at + 1];
  if (escaped === undefined) return problem("nothing follows this \\", at, true);
  if (escaped !== "\n") word.add(escaped);
  return at + 2;
}

function lexDollar(source: string, at: number, word: WordBuilder): number | SyntaxProblem {
  if (source[at + 1] === "?") {
    word.status();
    return at + 2;
  }
  if (UNSUPPORTED_VARIABLE.test(source.slice(at, at + 2))) {
    return problem("only the variable $? exists (write \\$ for a dollar sign)", at);
  }
  word.add("$");
  return at + 1;
}
