/** The fenced blocks of a page: what kind each is, and which file or words its first line names. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Tests run as dist/tests/docs/, three folders below the root. */
export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** One fenced block. */
export interface Block {
  language: string;
  /** What follows the language: a file's path. */
  file: string;
  text: string;
  /** Line of the fence, from 1. */
  line: number;
}

/** Reads the blocks of a page of the repository. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(`${ROOT}${page}`, "utf8");
  return [...text.matchAll(/^```(\w+)?[ ]?(.*)\n([^]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? "",
    file: match[2] ?? "",
    text: match[3] ?? "",
    line: text.slice(0, match.index).split("\n").length,
  }));
}

/** Everything in the page's tables' first column that is `code`. */
export function tableWords(page: string, heading: string): string[] {
  const text = readFileSync(`${ROOT}${page}`, "utf8");
  const section = text.slice(text.indexOf(`\n${heading}\n`));
  const end = section.slice(4).search(/^## /m) + 4;
  const rows = section
    .slice(0, end)
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return rows.map((row) => /^\| `([^`]+)`/.exec(row)?.[1] ?? "");
}
