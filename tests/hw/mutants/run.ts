/*
 * Mutation testing of the device models: seeded mutants of `dist/hw/devices/`, each tried against
 * traces and unit tests. What survives shows where the tests do not look.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { seededRandom } from "../../../ipc/clock.js";
import { Scratch, type Verdict } from "./attempt.js";
import { isEquivalent } from "./equivalent.js";
import { type Mutation, mutated, mutationsOf } from "./mutation.js";

const DEVICES = fileURLToPath(new URL("../../../hw/devices/", import.meta.url));

/** What to try. */
export interface RunOptions {
  seed: number;
  /** How many mutants; fewer if there are fewer. */
  count: number;
  /** Only models whose file's name matches. */
  models: RegExp;
  /** Told of each outcome, as it comes. */
  onOutcome?: (outcome: Outcome) => void;
}

/** What became of one mutant. */
export interface Outcome {
  model: string;
  mutation: Mutation;
  /** The line before and after the change. */
  before: string;
  after: string;
  verdict: Verdict;
}

/** How many of a set of mutants were found. */
export interface Score {
  caught: number;
  total: number;
}

/** Tries mutants. Rejects with a RangeError if the models fail without any. */
export async function runMutants(options: RunOptions): Promise<Outcome[]> {
  const texts = new Map(
    readdirSync(DEVICES)
      .filter((name) => name.endsWith(".js") && options.models.test(name))
      .map((name) => [name, readFileSync(join(DEVICES, name), "utf8")] as const),
  );
  const chosen = choose(texts, options);
  const scratch = new Scratch();
  const outcomes: Outcome[] = [];
  try {
    for (const model of new Set(chosen.map((candidate) => candidate.model))) {
      const verdict = await scratch.attempt(model, texts.get(model) ?? "");
      if (verdict !== "survived") {
        const why = "a test that vitest passes needs more than quick-tests.ts has";
        throw new RangeError(`${model} fails unchanged (${verdict}); either it does, or ${why}`);
      }
    }
    for (const { model, mutation } of chosen) {
      const text = texts.get(model) ?? "";
      const verdict = await scratch.attempt(model, mutated(text, mutation));
      scratch.restore(model);
      const [before, after] = changeOf(text, mutation);
      const outcome = { model, mutation, before, after, verdict };
      outcomes.push(outcome);
      options.onOutcome?.(outcome);
    }
  } finally {
    scratch.remove();
  }
  return outcomes;
}

/** Counts; mutants that are no programs do not count. */
export function scoreOf(outcomes: readonly Outcome[]): Score {
  const valid = outcomes.filter(({ verdict }) => verdict !== "invalid");
  const caught = valid.filter(({ verdict }) => verdict !== "survived");
  return { caught: caught.length, total: valid.length };
}

function choose(
  texts: ReadonlyMap<string, string>,
  { seed, count }: RunOptions,
): { model: string; mutation: Mutation }[] {
  const random = seededRandom(seed);
  return [...texts]
    .flatMap(([model, text]) =>
      mutationsOf(text)
        .map((mutation) => ({ model, mutation }))
        .filter(({ mutation }) => {
          const [before, after] = changeOf(text, mutation);
          return !isEquivalent(model, before, after);
        }),
    )
    .map((candidate) => ({ candidate, key: random.below(2 ** 32) }))
    .sort((a, b) => a.key - b.key)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

/** The line of a mutation before and after it. */
export function changeOf(text: string, mutation: Mutation): [before: string, after: string] {
  const changed = mutated(text, mutation);
  return [lineAt(text, mutation.line), lineAt(changed, mutation.line)];
}

function lineAt(text: string, line: number): string {
  return (text.split("\n")[line - 1] ?? "").trim();
}
