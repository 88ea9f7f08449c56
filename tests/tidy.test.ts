/**
 * The style sheet as a program. The rules are in tests/tidy/rules.ts and floors.ts; this file
 * proves each of them on its own samples, then runs it over the tree.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { functionSizes } from "./tidy/functions.js";
import { check } from "./tidy/rule.js";
import { RULES } from "./tidy/rules.js";
import { parse, type Source } from "./tidy/source.js";

/** Tests run as dist/tests/, two folders below the root. */
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = [
  "ipc",
  "hw",
  "kernel",
  "user",
  "drivers",
  "schemes",
  "cli",
  "tests",
  "bench",
  "examples",
];

function sources(): Source[] {
  return FOLDERS.filter((folder) => existsSync(`${ROOT}${folder}`)).flatMap((folder) =>
    readdirSync(`${ROOT}${folder}`, { recursive: true, encoding: "utf8" })
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
      .filter((path) => path.endsWith(".ts") && !path.includes("/node_modules/"))
      .sort()
      .map((path) => parse(path, readFileSync(`${ROOT}${path}`, "utf8"))),
  );
}

describe("tidy: the lexer", () => {
  test("blanks comments and everything between quotes, and keeps all indices", () => {
    const text = 'a("x // y"); /* b */ c(/[/"]/, 1 / 2); // d';
    const { code, comments } = parse("a.ts", text);
    expect(code).toBe('a("      ");         c(/    /, 1 / 2);     ');
    expect(comments.trim()).toBe(`/* b */${" ".repeat(19)}// d`);
    expect(comments).toHaveLength(text.length);
  });

  test("sees code inside template substitutions, and nothing else of a template", () => {
    const { code } = parse("a.ts", "f(`x { ${ g({ a: `}${b}` }) } // `, c);");
    expect(code).toBe("f(`     { g({ a: `  {b}` }) }    `, c);");
  });
});

describe("tidy: the function scanner", () => {
  test("counts the lines of inner functions and flat switches once", () => {
    const text = "function a() {\n  b(() => {\n    c();\n  });\n}\n";
    expect(functionSizes(parse("a.ts", text)).map(({ lines }) => lines)).toEqual([3, 3]);
  });

  test("knows a function from other braces", () => {
    const heads = ["function a(): { b: C } ", "class A { m(): X ", "const a = (b): b is C => "];
    const others = [
      "if (a) ",
      "class A extends B ",
      "return ",
      "a ? b(c) : ",
      "`${d() ? a(b) : `$",
    ];
    const count = (head: string) => functionSizes(parse("a.ts", `f();\n${head}{}`)).length;
    expect(heads.map((head) => count(head))).toEqual([1, 1, 1]);
    expect(others.map((head) => count(head))).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("tidy: canaries", () => {
  test("every rule has a name of its own, and samples that prove it", () => {
    expect(new Set(RULES.map(({ name }) => name)).size).toBe(RULES.length);
    expect(RULES.filter(({ bad, good }) => bad.length === 0 || good.length === 0)).toEqual([]);
  });

  for (const rule of RULES) {
    test(`${rule.name}: flags its bad samples, passes its good ones`, () => {
      for (const [path, text] of rule.bad) {
        expect(check(rule, parse(path, text)), `must be flagged:\n${text}`).not.toEqual([]);
      }
      for (const [path, text] of rule.good) {
        expect(check(rule, parse(path, text)), `must pass:\n${text}`).toEqual([]);
      }
    });
  }
});

describe("tidy: the tree", () => {
  const tree = sources();

  test("is found", () => {
    expect(tree.map(({ path }) => path)).toContain("tests/tidy.test.ts");
  });

  for (const rule of RULES) {
    test(rule.name, () => {
      expect(tree.flatMap((source) => check(rule, source)).join("\n")).toBe("");
    });
  }
});
