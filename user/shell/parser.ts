/**
 * The shell's parser: tokens to sequences, by recursive descent. Pure and total: nesting is
 * bounded, and every text gives a tree or the first problem.
 *
 *     list     = sequence { (";" | "&" | newline) sequence }
 *     sequence = pipeline { ("&&" | "||") pipeline }
 *     pipeline = command { "|" command }
 *     command  = ( "(" list ")" | word ) { word | redirect }
 */

import { lex } from "./lexer.js";
import type {
  Command,
  Operator,
  Pipeline,
  Redirect,
  Sequence,
  SyntaxProblem,
  Token,
  Word,
} from "./syntax.js";

/** Sequences, or the first problem. */
export type Parsed = { sequences: Sequence[] } | { problem: SyntaxProblem };

/** Deepest nesting of parentheses. */
export const NESTING_MAX = 64;

/** Parses a text of one or more lines. */
export function parse(source: string): Parsed {
  const lexed = lex(source);
  if ("problem" in lexed) return lexed;
  const parser = new Parser(source, lexed.tokens);
  const sequences = parser.list(false);
  return parser.problem === undefined ? { sequences } : { problem: parser.problem };
}

class Parser {
  problem: SyntaxProblem | undefined;
  readonly #source: string;
  readonly #tokens: Token[];
  #next = 0;
  #nesting = 0;

  constructor(source: string, tokens: Token[]) {
    this.#source = source;
    this.#tokens = tokens;
  }

  /** Parses up to the end, or up to the `)` that closes the group. Stops at the first problem. */
  list(inGroup: boolean): Sequence[] {
    const sequences: Sequence[] = [];
    for (;;) {
      this.#skipNewlines();
      const token = this.#peek();
      if (token === undefined || (inGroup && this.#isOperator(")"))) return sequences;
      const sequence = this.#sequence();
      if (this.problem !== undefined) return sequences;
      sequences.push(sequence);
      if (this.#accept("&")) sequence.background = true;
      else if (!this.#accept(";") && !this.#accept("\n") && !this.#atEnd(inGroup)) {
        this.#unexpected();
        return sequences;
      }
    }
  }

  #atEnd(inGroup: boolean): boolean {
    return this.#peek() === undefined || (inGroup && this.#isOperator(")"));
  }

  #sequence(): Sequence {
    const start = this.#here();
    const first = this.#pipeline();
    const sequence: Sequence = { first, rest: [], background: false, source: "" };
    while (this.problem === undefined) {
      const when = this.#accept("&&") ? "success" : this.#accept("||") ? "failure" : undefined;
      if (when === undefined) break;
      this.#skipNewlines();
      sequence.rest.push({ when, pipeline: this.#pipeline() });
    }
    sequence.source = this.#sourceFrom(start);
    return sequence;
  }

  #pipeline(): Pipeline {
    const commands = [this.#command()];
    while (this.problem === undefined && this.#accept("|")) {
      this.#skipNewlines();
      commands.push(this.#command());
    }
    return { commands };
  }

  #command(): Command {
    const start = this.#here();
    const redirects: Redirect[] = [];
    const words: Word[] = [];
    const body = this.#isOperator("(") ? this.#group() : undefined;
    while (this.problem === undefined) {
      const token = this.#peek();
      if (token === undefined || token.tag === "operator") break;
      if (token.tag === "word" && body !== undefined) this.#unexpected();
      else if (token.tag === "word") {
        words.push(token.word);
        this.#next += 1;
      } else this.#redirect(token, redirects);
    }
    if (this.problem === undefined && body === undefined && words.length + redirects.length === 0) {
      this.#unexpected();
    }
    const source = this.#sourceFrom(start);
    if (body !== undefined) return { tag: "group", body, redirects, source };
    return { tag: "simple", words, redirects, source };
  }

  /** Parses `( list )` for its errors and returns the text between the parentheses. */
  #group(): string {
    const open = this.#here();
    this.#next += 1;
    this.#nesting += 1;
    if (this.#nesting > NESTING_MAX) this.#fail("parentheses are nested too deeply", open);
    else if (this.list(true).length === 0 && this.problem === undefined) this.#unexpected();
    const close = this.#here();
    if (this.problem === undefined && !this.#accept(")")) {
      this.#fail("this ( is never closed", open, true);
    }
    this.#nesting -= 1;
    return this.#source.slice(open + 1, close);
  }

  #redirect(token: Exclude<Token, { tag: "word" | "operator" }>, redirects: Redirect[]): void {
    this.#next += 1;
    if (token.tag === "redirect-stream") {
      redirects.push({ tag: "stream", stream: token.stream, target: token.target });
      return;
    }
    const target = this.#peek();
    if (target?.tag !== "word") {
      this.#fail("a file name must follow this redirection", token.at);
      return;
    }
    this.#next += 1;
    redirects.push({
      tag: "file",
      stream: token.stream,
      access: token.access,
      target: target.word,
    });
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #isOperator(text: Operator): boolean {
    const token = this.#peek();
    return token?.tag === "operator" && token.text === text;
  }

  #accept(text: Operator): boolean {
    const found = this.#isOperator(text);
    if (found) this.#next += 1;
    return found;
  }

  #skipNewlines(): void {
    while (this.#accept("\n")) continue;
  }

  #here(): number {
    return this.#peek()?.at ?? this.#source.length;
  }

  #sourceFrom(start: number): string {
    const last = this.#tokens[this.#next - 1];
    return last === undefined ? "" : this.#source.slice(start, last.end);
  }

  #unexpected(): void {
    const token = this.#peek();
    if (token === undefined) {
      this.#fail("a command is missing at the end", this.#source.length, true);
      return;
    }
    const text = this.#source.slice(token.at, token.end);
    this.#fail(`unexpected ${text === "\n" ? "end of line" : `'${text}'`}`, token.at);
  }

  /** Keeps the first problem only: later ones follow from it. */
  #fail(message: string, at: number, incomplete = false): void {
    this.problem ??= { message, at, incomplete };
  }
}
