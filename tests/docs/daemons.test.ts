/** docs/daemons.md: its code is extracted into a project, compiled, and its tests are run. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { manifestJsonSchema } from "../../kernel/manifest-schema.js";
import { blocksOf, tableWords } from "./blocks.js";
import {
  ANODE,
  emptyFolder,
  install,
  printed,
  remove,
  run,
  TSC,
  VITEST,
  write,
} from "./project.js";

const PAGE = "docs/daemons.md";
const blocks = blocksOf(PAGE);
const CODE = ["ts", "js", "json"];
let folder: string;

beforeAll(() => {
  folder = emptyFolder();
  install(folder);
  write(
    folder,
    blocks.filter(({ file }) => file !== ""),
  );
});

afterAll(() => {
  remove(folder);
});

test("daemons.md: every block of code names its file", () => {
  const nameless = blocks.filter(({ language, file }) => CODE.includes(language) && file === "");
  expect(nameless.map(({ line }) => `${PAGE}:${line}`)).toEqual([]);
});

test("daemons.md: its code compiles under strict settings", () => {
  expect(run(folder, TSC, "-p", ".")).toEqual({ status: 0, output: "" });
});

test("daemons.md: its tests pass", { timeout: 120_000 }, () => {
  const options = ["--dir", "dist", "--testTimeout", "30000"];
  const output = printed(run(folder, VITEST, "run", ...options));
  const wanted = blocks.filter(({ file }) => file.endsWith(".test.ts")).length;
  expect(output).toContain(`Test Files  ${wanted} passed (${wanted})`);
});

test("daemons.md: its command line prints the greeting", () => {
  const booted = run(folder, ANODE, "boot", "--load", "dist/greet", "-c", "cat greet:/world");
  expect(booted).toMatchObject({ status: 0, output: expect.stringContaining("hello, world") });
});

test("daemons.md: the manifest's tables have every field of the schema, and no other", () => {
  const schema = manifestJsonSchema() as {
    properties: Record<string, { properties?: Record<string, unknown> }>;
  };
  const fields = Object.keys(schema.properties);
  const supervision = Object.keys(schema.properties["supervision"]?.properties ?? {});
  expect(tableWords(PAGE, "## The manifest").sort()).toEqual([...fields, ...supervision].sort());
});
