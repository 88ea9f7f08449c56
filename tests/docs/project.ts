/** A private project of somebody who has installed the package: files, and links to tools. */

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT } from "./blocks.js";

const STEP_MS_MAX = 120_000;

/** Makes an empty folder. */
export function emptyFolder(): string {
  return mkdtempSync(join(tmpdir(), "anode-docs-"));
}

/** Links `anode-os` and the development tools into a project, as an install would put them. */
export function install(folder: string): void {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(ROOT, join(folder, "node_modules", "anode-os"));
  for (const name of ["typescript", "vitest", "@types"]) {
    symlinkSync(join(ROOT, "node_modules", name), join(folder, "node_modules", name));
  }
}

/** Writes files, folders included. */
export function write(folder: string, files: Iterable<{ file: string; text: string }>): void {
  for (const { file, text } of files) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
}

/** What a command left behind. */
export interface Ran {
  status: number;
  output: string;
}

/** Runs a module of the repository's tools or of its own in `folder`; both outputs together. */
export function run(folder: string, module: string, ...args: string[]): Ran {
  try {
    const output = execFileSync(process.execPath, [join(ROOT, module), ...args], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: STEP_MS_MAX,
    });
    return { status: 0, output };
  } catch (error) {
    const { status, stdout, stderr } = error as { status?: number; stdout: string; stderr: string };
    return { status: status ?? -1, output: `${stdout}${stderr}` };
  }
}

/** Returns what a command printed; one that failed fails the test with it. */
export function printed({ status, output }: Ran): string {
  if (status !== 0) throw new Error(`status ${status}:\n${output}`);
  return output;
}

export const ANODE = "dist/cli/anode.js";
export const TSC = "node_modules/typescript/bin/tsc";
export const VITEST = "node_modules/vitest/vitest.mjs";

/** Removes a folder. */
export function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
