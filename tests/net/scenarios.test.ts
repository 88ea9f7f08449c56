/** Every scenario of tests/net/scenarios/: one rule of an RFC each, named by its section. */

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runScenario } from "./scenario.js";

const folder = new URL("../../../tests/net/scenarios/", import.meta.url);

/** A file holds several: `== NAME`, then its lines. */
function scenariosOf(file: string): [name: string, text: string][] {
  const parts = readFileSync(new URL(file, folder), "utf8").split(/^== /m).slice(1);
  return parts.map((part) => {
    const end = part.indexOf("\n");
    return [part.slice(0, end), part.slice(end)];
  });
}

for (const file of readdirSync(folder).sort()) {
  describe(`tcp scenarios: ${file}`, () => {
    for (const [name, text] of scenariosOf(file)) {
      it(name, () => runScenario(text));
    }
  });
}

describe("tcp scenarios: the runner", () => {
  it("fails on a segment that is missing, one too many, or another one", () => {
    expect(() => runScenario("0 connect\n")).toThrow(/not expected: 0 > S 0:0/);
    expect(() => runScenario("0 connect\n0 > S 0:1\n")).toThrow(/sent instead: 0 > S 0:0/);
    expect(() => runScenario("0 connect\n0 > S 0:0\n5 > . 1:1\n")).toThrow(/nothing was sent/);
    expect(() => runScenario("0 connect\n0 > S 0:0\n1 state closed\n")).toThrow(/syn-sent/);
  });
});
