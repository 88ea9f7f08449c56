/**
 * `npm run simulate -- --seeds 10000 --from 1`: many runs of the simulated machine. Prints each
 * seed that goes wrong, and how to run it again; exit status 1 if there was one.
 */

import { parseArgs } from "node:util";
import { runScenario } from "./scenario.js";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    kills: { type: "string", default: "6" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  process.stdout.write(
    "npm run simulate -- [--seeds COUNT] [--from SEED] [--kills COUNT]\n" +
      "  example: npm run simulate -- --seeds 1 --from 42\n",
  );
} else {
  process.exitCode = await simulate(numberOf("from"), numberOf("seeds"), numberOf("kills"));
}

function numberOf(name: "seeds" | "from" | "kills"): number {
  const number = Number(values[name]);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name}: wants a whole number, not "${values[name]}"\n`);
  process.exit(2);
}

async function simulate(from: number, seeds: number, kills: number): Promise<number> {
  let bad = 0;
  let replayed = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const outcome = await runScenario(seed, { kills });
    replayed += outcome.replayed;
    if (outcome.wrong.length > 0) {
      bad++;
      process.stdout.write(`seed ${seed}:\n  ${outcome.wrong.join("\n  ")}\n`);
    }
    if ((seed - from + 1) % 100 === 0 && process.stderr.isTTY) {
      process.stderr.write(`\r${seed - from + 1} of ${seeds} seeds, ${bad} wrong`);
    }
  }
  process.stdout.write(`${seeds} seeds from ${from}, ${kills} kills each: `);
  process.stdout.write(`${replayed} requests replayed, ${bad} seeds wrong\n`);
  return bad === 0 ? 0 : 1;
}
