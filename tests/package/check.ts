/**
 * Installs the package as a stranger would, from its tarball into an empty project, and uses each
 * of its faces: the command, every export from JavaScript, every export from TypeScript. CI runs it
 * after the tests; by hand it is `npm run build && node dist/tests/package/check.js`.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { STRANGER } from "./stranger.js";

const STEP_MS_MAX = 180_000;
const NEEDED = ["LICENSE", "README.md", "CHANGELOG.md", "dist/cli/anode.js", "dist/cli/index.d.ts"];
/** Tests, benchmarks, examples, traces, build state, and sources other than type declarations. */
const STRAY = /\/(?:tests|bench|examples|traces)\/|\.tsbuildinfo$|(?<!\.d)\.ts$/;

const root = fileURLToPath(new URL("../../../", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "anode-package-"));
const project = join(work, "project");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  devDependencies: Record<string, string>;
};

const steps: Readonly<Record<string, () => void>> = {
  "npm pack makes a tarball"() {
    run(root, "npm", "pack", "--silent", "--pack-destination", work);
    assert.ok(tarball().endsWith(`-${manifest.version}.tgz`));
  },
  "the tarball holds what it needs and nothing else"() {
    const files = run(work, "tar", "-tzf", tarball()).trim().split("\n");
    for (const name of NEEDED) assert.ok(files.includes(`package/${name}`), `${name} is missing`);
    assert.deepEqual(
      files.filter((name) => STRAY.test(name)),
      [],
    );
  },
  "it installs into an empty project"() {
    mkdirSync(project);
    for (const [name, text] of Object.entries(STRANGER)) writeFileSync(join(project, name), text);
    const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
    run(
      project,
      "npm",
      "install",
      ...quiet,
      tarball(),
      pinned("typescript"),
      pinned("@types/node"),
    );
  },
  "anode --version prints the version"() {
    assert.equal(anode("--version").trim(), manifest.version);
  },
  "anode --help names boot"() {
    assert.match(anode("--help"), /\bboot\b/);
  },
  "anode boot -c 'echo packed' prints packed"() {
    assert.match(anode("boot", "-c", "echo packed"), /^packed\r?$/m);
  },
  "every export loads from JavaScript"() {
    assert.equal(run(project, process.execPath, "faces.js").trim(), "faces: ok");
  },
  "every export type-checks from strict TypeScript"() {
    run(project, "npx", "--no-install", "tsc", "-p", ".");
  },
};

/** Runs a command to its end with no standard input and returns what it printed. */
function run(cwd: string, command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: STEP_MS_MAX,
    killSignal: "SIGKILL",
  });
}

/** The command as npm installed it. */
function anode(...args: string[]): string {
  return run(project, "npx", "--no-install", "anode", ...args);
}

/** A development dependency in the version that the repository pins. */
function pinned(name: string): string {
  return `${name}@${manifest.devDependencies[name]}`;
}

function tarball(): string {
  const name = readdirSync(work).find((file) => file.endsWith(".tgz"));
  assert.ok(name !== undefined, "npm pack left no tarball");
  return join(work, name);
}

/** Runs the steps in order and stops at the first that fails. Returns the exit code. */
function main(): number {
  for (const [name, step] of Object.entries(steps)) {
    const startMs = performance.now();
    try {
      step();
    } catch (error) {
      const printed = (error as { stdout?: string }).stdout ?? "";
      console.error(`package: FAILED: ${name}\n${printed}${String(error)}`);
      return 1;
    }
    console.log(`package: ${name} (${Math.round(performance.now() - startMs)} ms)`);
  }
  return 0;
}

try {
  process.exitCode = main();
} finally {
  rmSync(work, { recursive: true, force: true });
}
