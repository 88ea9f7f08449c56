/**
 * Finds functions in code by their braces, and measures them.
 *
 * There is no grammar here: a brace opens a function when what stands before it looks like the end
 * of a function's head. What that misses is measured as part of the function around it.
 */

import { lineOf, type Source } from "./source.js";

export interface FunctionSize {
  /** Where its body opens. */
  index: number;
  /** Lines of its own: those of functions inside it, and of flat switches, count once each. */
  lines: number;
}

interface Block {
  open: number;
  close: number;
  kind: "function" | "switch" | "other";
}

/** A switch is flat when no clause is longer than this. */
const CLAUSE_LINES_MAX = 12;

const PAIRS: Record<string, string> = { ")": "(", "]": "[", "}": "{" };
const CONTROL = /\b(?:if|for|while|switch|catch|with|await)\s*$/;
/** Words that end the search for a return type: a block or a type begins here, not a function. */
const NOT_A_TYPE = /\b(?:class|interface|else|do|try|finally|catch|import|export|return|type)$/;

export function functionSizes(source: Source): FunctionSize[] {
  const blocks = blocksOf(source);
  const folds = blocks.filter(
    (block) =>
      block.kind === "function" || (block.kind === "switch" && isFlat(source.code, block, blocks)),
  );
  return folds
    .filter((block) => block.kind === "function")
    .map((block) => ({ index: block.open, lines: ownLines(source.code, block, folds) }));
}

function ownLines(code: string, block: Block, folds: Block[]): number {
  let lines = span(code, block);
  let foldedUpTo = block.open;
  for (const inner of folds) {
    if (inner.open <= foldedUpTo || inner.open > block.close) continue;
    lines -= span(code, inner) - 1;
    foldedUpTo = inner.close;
  }
  return lines;
}

function isFlat(code: string, block: Block, blocks: Block[]): boolean {
  const inner = blocks.filter((other) => other.open > block.open && other.close < block.close);
  const body = code.slice(0, block.close);
  const labels = [...body.matchAll(/\b(?:case\b[^]*?|default\s*):/g)]
    .map((label) => label.index)
    .filter((at) => at > block.open && !inner.some((b) => b.open < at && at < b.close));
  labels.push(block.close);
  return labels.every((at, i) => {
    const next = labels[i + 1];
    return next === undefined || span(code, { open: at, close: next }) - 1 <= CLAUSE_LINES_MAX;
  });
}

function span(code: string, block: { open: number; close: number }): number {
  return code.slice(block.open, block.close).split("\n").length;
}

/** Every block of the text in the order of opening. */
function blocksOf(source: Source): Block[] {
  const { text, code } = source;
  const partner = partners(source);
  const blocks: Block[] = [];
  for (const [close, open] of partner) {
    const substitution = text[open - 1] === "$";
    if (code[open] !== "{" || substitution) continue;
    blocks.push({ open, close, kind: kindOf(code, open, partner) });
  }
  return blocks.sort((a, b) => a.open - b.open);
}

/** For each closing bracket the opening one. */
function partners({ path, code }: Source): Map<number, number> {
  const partner = new Map<number, number>();
  const open: number[] = [];
  for (let i = 0; i < code.length; i++) {
    const character = code.charAt(i);
    if ("([{".includes(character)) open.push(i);
    const opener = PAIRS[character];
    if (opener === undefined) continue;
    const at = open.pop();
    if (at === undefined || code[at] !== opener) {
      throw new Error(`${path}:${lineOf(code, i)}: brackets don't match`);
    }
    partner.set(i, at);
  }
  return partner;
}

function kindOf(code: string, open: number, partner: Map<number, number>): Block["kind"] {
  const head = code.slice(0, open).trimEnd();
  if (head.endsWith("=>")) return "function";
  const parameters = head.endsWith(")") ? head.length - 1 : endOfParameters(head, partner);
  if (parameters === undefined) return "other";
  const before = code.slice(0, partner.get(parameters)).trimEnd();
  if (/\bswitch$/.test(before)) return "switch";
  return CONTROL.test(before) ? "other" : "function";
}

/** Walks back over a return type to the `)` of `) : Type {`. */
function endOfParameters(head: string, partner: Map<number, number>): number | undefined {
  if (!/[\w>\]}"`]$/.test(head)) return undefined;
  for (let i = head.length - 1; i >= 0; i--) {
    const character = head.charAt(i);
    if (character === ")" && /^\s*:/.test(head.slice(i + 1, i + 80))) return i;
    if (character === "}" && head.slice(i).includes("\n")) return undefined;
    if (";([{".includes(character)) return undefined;
    if (character === "=" && head[i + 1] !== ">") return undefined;
    if (/\w/.test(character) && NOT_A_TYPE.test(head.slice(Math.max(0, i - 12), i + 1))) {
      if (!/\w/.test(head.charAt(i + 1))) return undefined;
    }
    i = partner.get(i) ?? i;
  }
  return undefined;
}
