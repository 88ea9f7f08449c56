/** `anode new scheme`: what it makes builds, passes its own test and loads; what it refuses. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ANODE, emptyFolder, install, printed, remove, run, TSC, VITEST } from "../docs/project.js";

let folder: string;

beforeEach(() => {
  folder = emptyFolder();
});

afterEach(() => {
  remove(folder);
});

test("new scheme: TypeScript builds, its test passes, and it boots", { timeout: 120_000 }, () => {
  const made = printed(run(folder, ANODE, "new", "scheme", "tides"));
  expect(made).toContain("cd tides && npm install\n  npm test");
  const project = join(folder, "tides");
  install(project);
  expect(run(project, TSC)).toEqual({ status: 0, output: "" });
  const tested = printed(run(project, VITEST, "run", "--dir", "dist"));
  expect(tested).toContain("Tests  1 passed (1)");
  const booted = run(
    project,
    ANODE,
    "boot",
    "--load",
    "dist",
    "-c",
    "ls tides:/; cat tides:/hello",
  );
  expect(booted.output.replaceAll("\r", "")).toBe("hello\nhello from tides\n");
});

test("new scheme --js: its test passes, and it boots", { timeout: 120_000 }, () => {
  printed(run(folder, ANODE, "new", "scheme", "sea-level", "--js", "--dir", "a/b"));
  const project = join(folder, "a", "b");
  install(project);
  printed(run(project, VITEST, "run"));
  const booted = run(project, ANODE, "boot", "--load", ".", "-c", "cat sea-level:/hello");
  expect(booted.output.replaceAll("\r", "")).toBe("hello from sea-level\n");
});

test("new scheme: a folder with something in it is left alone", () => {
  mkdirSync(join(folder, "tides"));
  writeFileSync(join(folder, "tides", "precious"), "");
  const { status, output } = run(folder, ANODE, "new", "scheme", "tides");
  expect(status).toBe(1);
  expect(output).toContain("is not empty; nothing was written. Choose another with --dir");
  expect(readdirSync(join(folder, "tides"))).toEqual(["precious"]);
});

test("new scheme: a name that no daemon can have is refused", () => {
  for (const name of ["Tides", "1st", "a/b", "tides.", "", "x".repeat(32)]) {
    const { status, output } = run(folder, ANODE, "new", "scheme", name);
    expect(status).toBe(1);
    expect(output).toContain(`"${name}" cannot be a scheme: a name begins with a lower-case`);
  }
  for (const name of ["ram", "virtio-blkd", "sys"]) {
    const { output } = run(folder, ANODE, "new", "scheme", name);
    expect(output).toContain(`the name ${name} is taken by Anode's own`);
  }
  expect(readdirSync(folder)).toEqual([]);
});

test("new scheme: --help has an example", () => {
  const help = printed(run(folder, ANODE, "new", "scheme", "--help"));
  expect(help).toContain("Example:\n  anode new scheme tides");
});

test("new scheme: takes anode-os from where the project around it does", () => {
  const dependencies = { "anode-os": "file:../anode-os.tgz" };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ dependencies }));
  printed(run(folder, ANODE, "new", "scheme", "tides"));
  expect(packageIn(join(folder, "tides"))).toBe(`file:${join(folder, "..", "anode-os.tgz")}`);
});

function packageIn(project: string): unknown {
  const text = readFileSync(join(project, "package.json"), "utf8");
  return (JSON.parse(text) as { dependencies: Record<string, string> }).dependencies["anode-os"];
}
