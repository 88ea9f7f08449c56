/** The shell's parser: tokens to trees, problems with positions, totality. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NESTING_MAX, parse } from "../../user/shell/parser.js";
import { type Command, formatProblem, type Pipeline } from "../../user/shell/syntax.js";

/** The tree in one line, with every level in brackets. */
function shown(source: string): string {
  const parsed = parse(source);
  if ("problem" in parsed) return `${parsed.problem.at}: ${parsed.problem.message}`;
  return parsed.sequences
    .map((sequence) => {
      const rest = sequence.rest.map(
        ({ when, pipeline }) => ` ${when === "success" ? "&&" : "||"} ${showPipeline(pipeline)}`,
      );
      return `${showPipeline(sequence.first)}${rest.join("")}${sequence.background ? " &" : ""}`;
    })
    .join("; ");
}

function showPipeline(pipeline: Pipeline): string {
  return `[${pipeline.commands.map(showCommand).join(" | ")}]`;
}

function showCommand(command: Command): string {
  const words = command.tag === "group" ? [`(${command.body})`] : command.words.map(showWord);
  const redirects = command.redirects.map((redirect) =>
    redirect.tag === "stream"
      ? `${redirect.stream}=${redirect.target}`
      : `${redirect.stream}:${redirect.access}:${showWord(redirect.target)}`,
  );
  return [...words, ...redirects].join(" ");
}

function showWord(word: { parts: readonly { tag: string; text?: string }[] }): string {
  return word.parts.map((part) => part.text ?? "$?").join("");
}

describe("parser", () => {
  it.each([
    ["", ""],
    ["\n\n # nothing\n", ""],
    ["a b; c", "[a b]; [c]"],
    ["a;", "[a]"],
    ["a & b &", "[a] &; [b] &"],
    ["a && b || c; d", "[a] && [b] || [c]; [d]"],
    ["a | b | c && d", "[a | b | c] && [d]"],
    ["a |\n b &&\n c", "[a | b] && [c]"],
    ["> x", "[1:write:x]"],
    ["<x a >y b 2>>z", "[a b 0:read:x 1:write:y 2:append:z]"],
    ["a 2>&1 | b", "[a 2=1 | b]"],
    ["(a; b) > f", "[(a; b) 1:write:f]"],
    ["a | (b && (c))", "[a | (b && (c))]"],
    ["(\na\n)\nb", "[(\na\n)]; [b]"],
  ])("parser: %j", (source, tree) => {
    expect(shown(source)).toBe(tree);
  });

  it.each([
    [";", "0: unexpected ';'"],
    ["a ;; b", "3: unexpected ';'"],
    ["a | ; b", "4: unexpected ';'"],
    ["a )", "2: unexpected ')'"],
    ["()", "1: unexpected ')'"],
    ["(a) b", "4: unexpected 'b'"],
    ["a (b)", "2: unexpected '('"],
    ["a >", "2: a file name must follow this redirection"],
    ["a > | b", "2: a file name must follow this redirection"],
    ["& a", "0: unexpected '&'"],
  ])("parser: %j is refused at its position", (source, problem) => {
    expect(shown(source)).toBe(problem);
  });

  it.each(["a &&", "a |", "(a", "(", "a ||\n", "'a"])("parser: %j is incomplete", (source) => {
    expect(parse(source)).toMatchObject({ problem: { incomplete: true } });
  });

  it("parser: sequences know their text", () => {
    expect(parse(" a  b && c & d")).toMatchObject({
      sequences: [{ source: "a  b && c" }, { source: "d" }],
    });
  });

  it("parser: nesting beyond the limit is refused", () => {
    const nested = (depth: number) => `${"(".repeat(depth)}a${")".repeat(depth)}`;
    expect(parse(nested(NESTING_MAX))).toHaveProperty("sequences");
    expect(shown(nested(NESTING_MAX + 1))).toBe("64: parentheses are nested too deeply");
    expect(shown("(".repeat(100_000))).toBe("64: parentheses are nested too deeply");
  });

  it("parser: any text gives a tree or a problem within it", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab '\\$?#;&|()<>\n2") }), (source) => {
        const parsed = parse(source);
        if ("problem" in parsed) expect(parsed.problem.at).toBeLessThanOrEqual(source.length);
      }),
    );
  });

  it("parser: a problem is shown under its line", () => {
    const source = "echo ok\necho a ) b";
    const parsed = parse(source);
    expect("problem" in parsed && formatProblem(source, parsed.problem)).toBe(
      "syntax error: unexpected ')'\n  echo a ) b\n         ^\n",
    );
  });
});
