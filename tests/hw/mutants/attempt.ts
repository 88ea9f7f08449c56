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
import { fileURLToPath, pathToFileURL } from "node:url";
import { judgesOf } from "./target.js";

/** Exit statuses of `attempt-main`: what found the mutant. */
export const ATTEMPT = { survived: 0, trace: 1, test: 2, invalid: 3 } as const;

/** What became of a mutant. */
export type Verdict = keyof typeof ATTEMPT | "hang";

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
    this.#linkModules();
    cpSync(join(PROJECT, "package.json"), join(this.#root, "package.json"));
    process.once("exit", this.remove);
  }

  /** Tries a device model with this text. @param model - its file's name, `pl031.js` */
  async attempt(model: string, text: string): Promise<Verdict> {
    writeFileSync(join(this.#root, "dist/hw/devices", model), text);
    const judges = judgesOf(model);
    const traces = readdirSync(TRACES).filter((name) => judges.traces.test(name));
    const folder = join(this.#root, "dist/tests/hw");
    const tests = readdirSync(folder).filter((name) => judges.tests.test(name));
    const status = await this.#run([
      join(folder, "mutants/attempt-main.js"),
      ...traces.map((name) => join(TRACES, name)),
      ...tests.map((name) => join(folder, name)),
    ]);
    if (status === "hang") return "hang";
    const verdicts = Object.keys(ATTEMPT) as (keyof typeof ATTEMPT)[];
    // Any other end is the mutant's doing: a heap that was full, an abort.
    return verdicts.find((name) => ATTEMPT[name] === status) ?? "test";
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

  /** All packages as they are, but a stand-in for vitest. */
  #linkModules(): void {
    const modules = join(this.#root, "node_modules");
    mkdirSync(join(modules, "vitest"), { recursive: true });
    for (const name of readdirSync(join(PROJECT, "node_modules"))) {
      if (name === "vitest" || name.startsWith(".")) continue;
      symlinkSync(join(PROJECT, "node_modules", name), join(modules, name));
    }
    const stand = pathToFileURL(join(this.#root, "dist/tests/hw/mutants/quick-tests.js")).href;
    writeFileSync(join(modules, "vitest/index.js"), `export * from ${JSON.stringify(stand)};\n`);
    const manifest = { name: "vitest", type: "module", exports: "./index.js" };
    writeFileSync(join(modules, "vitest/package.json"), JSON.stringify(manifest));
  }

  /** Runs Node; resolves to its exit status, with 1 for an end by a signal of its own. */
  #run(args: readonly string[]): Promise<number | "hang"> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, ...args], {
        cwd: this.#root,
        stdio: "ignore",
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
