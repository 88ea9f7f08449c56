/** What a tidy rule is, and the few words in which most rules are written. */

import { lineOf, type Source } from "./source.js";

export interface Finding {
  /** Where in the text. */
  index: number;
  /** What is wrong, and what to do instead. */
  says: string;
}

/** A path and a text that a rule must flag, or must let pass. */
export type Sample = readonly [path: string, text: string];

export interface Rule {
  name: string;
  where: (path: string) => boolean;
  find: (source: Source) => Finding[];
  /** Each must be flagged; else the rule has rotted. */
  bad: readonly Sample[];
  /** Near misses; none may be flagged. */
  good: readonly Sample[];
}

/** A rule that is one regular expression; its findings all say the same. */
export interface Pattern extends Omit<Rule, "find"> {
  /** Which view of the source it searches. Default "code". */
  view?: "code" | "comments";
  pattern: RegExp;
  says: string;
}

export function pattern({ view = "code", pattern, says, ...rule }: Pattern): Rule {
  return {
    ...rule,
    find: (source) =>
      [...source[view].matchAll(pattern)].map((match) => ({ index: match.index, says })),
  };
}

/** Findings as a person reads them, `file:line: what is wrong; what to do instead`. */
export function check(rule: Rule, source: Source): string[] {
  if (!rule.where(source.path)) return [];
  return rule
    .find(source)
    .map(({ index, says }) => `${source.path}:${lineOf(source.text, index)}: ${says}`);
}

/** Matches paths that begin with one of these: a folder ("ipc/") or a file. */
export function within(...places: string[]): (path: string) => boolean {
  return (path) => places.some((place) => path.startsWith(place));
}

export function outside(...places: string[]): (path: string) => boolean {
  const inside = within(...places);
  return (path) => !inside(path);
}

export const everywhere = (): boolean => true;
