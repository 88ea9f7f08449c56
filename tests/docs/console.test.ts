/** The console blocks of the pages: every command is run, and must print what the page shows. */

import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { blocksOf, ROOT } from "./blocks.js";
import { ANODE, emptyFolder, remove } from "./project.js";

const STEP_MS_MAX = 60_000;

/** One command and what the page says that it prints; `…` stands for any text in a line. */
interface Step {
  command: string;
  expected: string[];
}

function stepsOf(page: string): Step[] {
  const steps: Step[] = [];
  for (const { language, text } of blocksOf(page)) {
    if (language !== "console") continue;
    for (const line of text.split("\n")) {
      if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: [] });
      else steps.at(-1)?.expected.push(line);
    }
    // The last line of a block ends with a newline, which is not another line.
    steps.at(-1)?.expected.pop();
  }
  return steps;
}

function runIn(folder: string, command: string): string {
  const anode = `anode() { "${process.execPath}" "${ROOT}${ANODE}" "$@"; }`;
  const options = { cwd: folder, encoding: "utf8", timeout: STEP_MS_MAX } as const;
  return execFileSync("bash", ["-c", `${anode}; ${command} 2>&1`], options).replaceAll("\r", "");
}

function matches(line: string, expected: string): boolean {
  const parts = expected.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(line);
}

describe.each(["README.md", "docs/daemons.md"])("%s", (page) => {
  test("its commands print what it shows", { timeout: 180_000 }, () => {
    const folder = emptyFolder();
    try {
      for (const { command, expected } of stepsOf(page)) {
        const lines = runIn(folder, command).replace(/\n$/, "").split("\n");
        const shown = expected.length === 0 ? [""] : expected;
        const same =
          lines.length === shown.length && lines.every((line, i) => matches(line, shown[i] ?? ""));
        expect(same, `$ ${command}\n${lines.join("\n")}`).toBe(true);
      }
    } finally {
      remove(folder);
    }
  });
});
