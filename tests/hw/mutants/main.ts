/*
 * The process of `npm run mutants`. Exit status 0 if enough mutants were caught, 1 if not, 2 for a
 * wrong call.
 */
import { parseArgs } from "node:util";
import { type Outcome, runMutants, scoreOf } from "./run.js";

/** Share of mutants that must be caught. */
const SHARE_MIN = 0.95;
const COUNT_DEFAULT = 200;

const HELP = `Usage: npm run mutants -- [options]

Gives the compiled device models seeded faults, one at a time, and sees whether traces and unit
tests find them. Prints those that nobody found, and the share caught.

Options:
  --seed N     which mutants; default: from the clock, printed
  --count N    how many; default ${COUNT_DEFAULT}
  --model RE   only models whose file's name matches, such as pl031
  -h, --help   print this

Exit status: 0 at least ${100 * SHARE_MIN} % were caught, 1 fewer, 2 a wrong call.

Example:
  npm run mutants -- --seed 1 --count 50 --model 'pl0|sp804'
`;

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  let seed = Date.now() >>> 0;
  let count = COUNT_DEFAULT;
  let models = /./;
  try {
    const options = {
      seed: { type: "string" },
      count: { type: "string" },
      model: { type: "string" },
      help: { type: "boolean", short: "h" },
    } as const;
    const { values } = parseArgs({ args, options });
    if (values.help === true) {
      process.stdout.write(HELP);
      return 0;
    }
    if (values.seed !== undefined) seed = wholeNumber("--seed", values.seed);
    if (values.count !== undefined) count = wholeNumber("--count", values.count);
    if (values.model !== undefined) models = new RegExp(values.model);
  } catch (error) {
    process.stderr.write(`mutants: ${(error as Error).message}; see --help\n`);
    return 2;
  }
  process.stdout.write(`seed ${seed}\n`);
  let tried = 0;
  const outcomes = await runMutants({
    seed,
    count,
    models,
    onOutcome: (outcome) => {
      tried++;
      if (outcome.verdict === "survived") process.stdout.write(`${describe(outcome)}\n`);
      if (tried % 25 === 0) process.stderr.write(`${tried} tried\n`);
    },
  });
  return report(outcomes);
}

function report(outcomes: readonly Outcome[]): number {
  for (const model of [...new Set(outcomes.map((outcome) => outcome.model))].sort()) {
    const { caught, total } = scoreOf(outcomes.filter((outcome) => outcome.model === model));
    process.stdout.write(`${model}: ${caught} of ${total} caught\n`);
  }
  const { caught, total } = scoreOf(outcomes);
  const share = total === 0 ? 0 : caught / total;
  process.stdout.write(`all: ${caught} of ${total} caught, ${(100 * share).toFixed(1)} %\n`);
  return share >= SHARE_MIN ? 0 : 1;
}

function describe({ model, mutation, before, after }: Outcome): string {
  return `survived: ${model}:${mutation.line} ${mutation.kind}\n  - ${before}\n  + ${after}`;
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new RangeError(`${name} ${text} is not a whole number`);
  return Number(text);
}
