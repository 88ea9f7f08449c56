/**
 * The real RedoxFS, built from the `redoxfs` crate by cargo on first use. Without cargo, or without
 * a network to get the crate, there is no oracle, and `oracle` says why.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Tests run from dist/tests/interop/, three folders below the root. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MANIFEST = join(ROOT, "tests/interop/oracle/Cargo.toml");
const BUILD_MS_MAX = 15 * 60_000;
const RUN_MS_MAX = 5 * 60_000;
const OUTPUT_BYTES_MAX = 1024 * 1024 * 1024;

/** Runs the oracle with some arguments and returns what it prints. */
export type Oracle = (...words: string[]) => string;

/** The oracle, or a sentence that says why there is none. */
export function oracle(): Oracle | string {
  const target = process.env["ANODE_ORACLE_DIR"] ?? join(ROOT, "node_modules/.cache/oracle");
  const build = ["build", "--release", "--locked", "--manifest-path", MANIFEST];
  const built = spawnSync("cargo", [...build, "--target-dir", target], {
    encoding: "utf8",
    timeout: BUILD_MS_MAX,
  });
  if (built.error !== undefined) return `cargo does not run: ${built.error.message}`;
  const program = join(target, "release/redoxfs-oracle");
  if (built.status !== 0 || !existsSync(program)) {
    return `cargo cannot build the oracle: ${built.stderr.trim().split("\n").at(-1)}`;
  }
  return (...words) => {
    const run = spawnSync(program, words, {
      encoding: "utf8",
      timeout: RUN_MS_MAX,
      maxBuffer: OUTPUT_BYTES_MAX,
    });
    if (run.status !== 0) {
      throw new Error(`oracle ${words.join(" ")}: ${run.stderr.trim() || run.error?.message}`);
    }
    return run.stdout;
  };
}
