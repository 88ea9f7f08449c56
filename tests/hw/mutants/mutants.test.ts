/* The mutation harness itself: what it changes, and that it tells the found from the missed. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { Scratch } from "./attempt.js";
import { EQUIVALENTS } from "./equivalent.js";
import { mutated, mutationsOf } from "./mutation.js";
import { changeOf, type Outcome, scoreOf } from "./run.js";
import { judgesOf } from "./target.js";

const DEVICES = fileURLToPath(new URL("../../../hw/devices/", import.meta.url));
const SAMPLE = `import { A } from "./a.js";
// x < 1
function f(a) {
    switch (a) {
        case 0x10:
            this.#b = a & ~3n;
            break;
        default:
            break;
    }
    return a === "1 < 2" && !true;
}
`;

function source(model: string): string {
  return readFileSync(DEVICES + model, "utf8");
}

describe("mutations", () => {
  test("change code, and nothing in comments, strings and imports", () => {
    const all = mutationsOf(SAMPLE).map(
      ({ kind, line, index, length, replacement }) =>
        `${line} ${kind}: ${SAMPLE.slice(index, index + length)} → ${replacement}`,
    );
    expect(all).toEqual([
      "5 constant: 0x10 → (0x10 + 1)",
      "6 dropped statement: this.#b = a & ~3n → ",
      "6 arithmetic: & → |",
      "6 complement: ~ → ",
      "6 constant: 3n → (3n + 1n)",
      "11 comparison: === → !==",
      "11 logic: && → ||",
      "11 complement: ! → ",
      "11 boolean: true → false",
    ]);
  });

  test("a break that falls into the next case is one, the last one is none", () => {
    const text = "switch (a) {\n    case b:\n        break;\n    case c:\n        break;\n}\n";
    expect(mutationsOf(text).map(({ kind, line }) => `${kind} ${line}`)).toEqual([
      "fall-through 3",
    ]);
  });

  test("one is applied at its place", () => {
    const [first] = mutationsOf(SAMPLE);
    if (first === undefined) throw new RangeError("no mutation");
    expect(mutated(SAMPLE, first)).toBe(SAMPLE.replace("0x10", "(0x10 + 1)"));
  });

  test("every device model has some, and somebody who looks for them", () => {
    for (const model of ["pl031.js", "pl061.js", "sp804.js", "fw-cfg.js", "gicv2-state.js"]) {
      expect(mutationsOf(source(model)).length).toBeGreaterThan(20);
      expect(judgesOf(model).tests.test("board-option.test.js")).toBe(false);
    }
  });

  test("every known equivalent is a mutation of today's models", () => {
    const missing = EQUIVALENTS.filter(({ model, before, after }) => {
      const text = source(model);
      return !mutationsOf(text).some((mutation) => {
        const change = changeOf(text, mutation);
        return change[0] === before && change[1] === after;
      });
    });
    expect(missing).toEqual([]);
  });

  test("the score leaves out what is no program", () => {
    const outcome = (verdict: Outcome["verdict"]): Outcome => ({ verdict }) as Outcome;
    const verdicts = ["trace", "test", "hang", "survived", "invalid"] as const;
    expect(scoreOf(verdicts.map(outcome))).toEqual({ caught: 3, total: 4 });
  });
});

describe("attempts", () => {
  const scratch = new Scratch();
  afterAll(() => scratch.remove());
  const attempt = (model: string, from: string, to: string) => {
    const text = source(model);
    expect(text).toContain(from);
    return scratch.attempt(model, text.replace(from, to));
  };

  const limit = { timeout: 240_000 };

  test("tell what a trace sees, what a unit test sees, and what is no program", limit, async () => {
    expect(await attempt("pl031.js", "this.#rtcris = RTC_INT", "this.#rtcris = 0")).toBe("trace");
    expect(await attempt("psci.js", "power.powerOff()", "power.reset()")).toBe("test");
    expect(await attempt("pl031.js", "switch", "swich (")).toBe("invalid");
    scratch.restore("pl031.js");
    expect(await attempt("psci.js", "switch", "/* the same */ switch")).toBe("survived");
  });
});
