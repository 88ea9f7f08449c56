/*
 * Small wrongs that a program can be given: each changes one token or drops one statement of
 * compiled code. What stands in comments and strings is left alone.
 */
import { lineOf, parse } from "../../tidy/source.js";

/** One change of a source text. */
export interface Mutation {
  kind: string;
  /** Where, and how many characters are replaced. */
  index: number;
  length: number;
  replacement: string;
  /** Line of the change, from 1. */
  line: number;
}

interface Operator {
  kind: string;
  /** Finds a place; its first group, or all of it, is what is replaced. */
  pattern: RegExp;
  replace: (found: string) => string;
}

const SWAPS: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "&&": "||",
  "||": "&&",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "&": "|",
  "|": "&",
  "^": "&",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "&=": "|=",
  "|=": "&=",
  "+=": "-=",
  "-=": "+=",
  "^=": "&=",
  true: "false",
  false: "true",
  break: "",
};

const swap = (found: string): string => SWAPS[found] ?? "";

const OPERATORS: readonly Operator[] = [
  {
    kind: "constant",
    pattern: /(?<![\w$#.])((?:0x[0-9a-f]+|\d+)n?)(?![\w.])/gi,
    replace: (found) => (found.endsWith("n") ? `(${found} + 1n)` : `(${found} + 1)`),
  },
  { kind: "comparison", pattern: / (===|!==|<=|>=|<|>) /g, replace: swap },
  { kind: "logic", pattern: / (&&|\|\|) /g, replace: swap },
  // `>>> 0` only makes a number unsigned; mostly another one does so again.
  { kind: "arithmetic", pattern: / (\+|-|\*|\/|%|&|\||\^|<<|>>>(?! 0\b)|>>) /g, replace: swap },
  { kind: "assignment", pattern: / (&=|\|=|\+=|-=|\^=) /g, replace: swap },
  { kind: "complement", pattern: /(~|!)(?=[\w(#])/g, replace: () => "" },
  { kind: "boolean", pattern: /\b(true|false)\b/g, replace: swap },
  {
    kind: "fall-through",
    // Into the next case; the last one, and one before an empty default, fall nowhere.
    pattern: /^ +(break);\n(?! *\}| *default:\n *break;)/gm,
    replace: swap,
  },
  {
    kind: "dropped statement",
    pattern: /^ +((?:this\.|[a-z]\w*[.(])[^;\n]*);$/gm,
    replace: () => "",
  },
];

/** All mutations of a compiled module, in the order of the text. */
export function mutationsOf(text: string): Mutation[] {
  const { code } = parse("mutant.js", text);
  const found = OPERATORS.flatMap(({ kind, pattern, replace }) =>
    [...code.matchAll(pattern)].map((match) => {
      const token = match[1] ?? match[0];
      const index = match.index + match[0].indexOf(token);
      const replacement = replace(token);
      return { kind, index, length: token.length, replacement, line: lineOf(text, index) };
    }),
  );
  return found
    .filter(({ index }) => !isImport(code, index))
    .sort((a, b) => a.index - b.index || a.length - b.length);
}

/** The text with one mutation. */
export function mutated(text: string, { index, length, replacement }: Mutation): string {
  return text.slice(0, index) + replacement + text.slice(index + length);
}

function isImport(code: string, index: number): boolean {
  return code.startsWith("import ", code.lastIndexOf("\n", index) + 1);
}
