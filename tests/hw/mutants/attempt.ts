/*
 * Gives one mutant its trial: a scratch copy of the compiled tree gets the mutated module, and
 * processes of their own replay traces and run unit tests on it. Processes, because a mutant may
 * loop for ever or eat all memory.
 */
import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { judgesOf } from "./target.js";

/** Exit statuses of `attempt-main`. */
export const ATTEMPT = { survived: 0, caught: 1, invalid: 3 } as const;

/** What became of a mutant. */
export type Verdict = "trace" | "test" | "hang" | "survived" | "invalid";

/** Longest time of one process; a mutant that takes longer is found: it hangs. */
const ATTEMPT_MS_MAX = 120_000;
const HEAP_MB = 512;

const PROJECT = fileURLToPath(new URL("../../../../", import.meta.url));
const TRACES = join(PROJECT, "tests/traces");

/** A copy of the compiled tree in which one device model at a time is changed. */
export class Scratch {
  readonly #root: string;

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), "anode-mutants-"));
    for (const folder of ["hw", "ipc", "tests/hw", "tests/tidy"]) {
      cpSync(join(PROJECT, "dist", folder), join(this.#root, "dist", folder), {
        recursive: true,
        filter: (path) => !/\.(?:map|d\.ts)$/.test(path),
      });
    }
    mkdirSync(join(this.#root, "tests"));
    symlinkSync(TRACES, join(this.#root, "tests/traces"));
    symlinkSync(join(PROJECT, "node_modules"), join(this.#root, "node_modules"));
    process.once("exit", this.remove);
    for (const file of ["package.json", "vitest.config.mjs"]) {
      cpSync(join(PROJECT, file), join(this.#root, file));
    }
  }

  /** Tries a device model with this text. @param model - its file's name, `pl031.js` */
  async attempt(model: string, text: string): Promise<Verdict> {
    writeFileSync(join(this.#root, "dist/hw/devices", model), text);
    const judges = judgesOf(model);
    const traces = readdirSync(TRACES).filter((name) => judges.traces.test(name));
    const replay = await this.#run([
      join(this.#root, "dist/tests/hw/mutants/attempt-main.js"),
      ...traces.map((name) => join(TRACES, name)),
    ]);
    if (replay === "hang") return "hang";
    if (replay === ATTEMPT.invalid) return "invalid";
    if (replay !== ATTEMPT.survived) return "trace";
    const tests = readdirSync(join(this.#root, "dist/tests/hw"))
      .filter((name) => judges.tests.test(name))
      .map((name) => `dist/tests/hw/${name}`);
    const vitest = join(PROJECT, "node_modules/vitest/vitest.mjs");
    const unit = await this.#run([vitest, "run", "--bail", "1", "--pool", "threads", ...tests]);
    if (unit === "hang") return "hang";
    return unit === 0 ? "survived" : "test";
  }

  /** Puts a model back as the compiler wrote it. */
  restore(model: string): void {
    const from = join(PROJECT, "dist/hw/devices", model);
    cpSync(from, join(this.#root, "dist/hw/devices", model));
  }

  /** Also done when the process ends before. */
  remove = (): void => {
    process.off("exit", this.remove);
    rmSync(this.#root, { recursive: true, force: true });
  };

  /** Runs Node; resolves to its exit status, with 1 for an end by a signal of its own. */
  #run(args: readonly string[]): Promise<number | "hang"> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, ...args], {
        cwd: this.#root,
        stdio: "ignore",
        env: { ...process.env, VITEST: undefined, VITEST_POOL_ID: undefined },
      });
      let hangs = false;
      const limit = setTimeout(() => {
        hangs = true;
        child.kill("SIGKILL");
      }, ATTEMPT_MS_MAX);
      child.on("error", (error) => {
        clearTimeout(limit);
        reject(error);
      });
      child.on("exit", (code) => {
        clearTimeout(limit);
        resolve(hangs ? "hang" : (code ?? 1));
      });
    });
  }
}
