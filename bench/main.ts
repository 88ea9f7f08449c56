/**
 * `npm run bench [-- --json] [-- --quick] [-- --only CASE]…`: measures, each figure beside its
 * baselines. Progress goes to standard error, figures to standard output.
 */

import { parseArgs } from "node:util";
import { bootTime } from "./cases/boot.js";
import { confinedMemory, confinedNullCall, confinedRecovery } from "./cases/confined.js";
import { ddLarge, ddSmall } from "./cases/dd.js";
import { disk } from "./cases/disk.js";
import { memory } from "./cases/memory.js";
import {
  nullCall,
  nullCallAsync,
  nullCallHost,
  nullCallOversubscribed,
} from "./cases/null-call.js";
import { pipelined, pipelinedAsync } from "./cases/pipelined.js";
import { recovery } from "./cases/recovery.js";
import { type CaseResult, measure } from "./measure.js";
import { type Case, FULL, QUICK } from "./probe.js";
import { describeSetting, formatCase, formatJson, formatSetting } from "./report.js";

const CASES: readonly Case[] = [
  nullCall,
  nullCallOversubscribed,
  nullCallAsync,
  nullCallHost,
  pipelined,
  pipelinedAsync,
  ddSmall,
  ddLarge,
  disk,
  recovery,
  bootTime,
  memory,
  confinedNullCall,
  confinedRecovery,
  confinedMemory,
];

const HELP = `usage: npm run bench -- [--json] [--quick] [--only CASE]…
  --json    one JSON document on standard output
  --quick   a smoke of a few seconds: every case runs, no figure means anything
  --only    only this case; may be given several times
cases: ${CASES.map(({ name }) => name).join(" ")}
example: npm run bench -- --only null-call --only boot
`;
const STATUS_USAGE = 2;

process.exitCode = await main();

async function main(): Promise<number> {
  let given: ReturnType<typeof parse>;
  try {
    given = parse();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${HELP}`);
    return STATUS_USAGE;
  }
  const { json = false, quick = false, help = false, only = [] } = given;
  const stranger = only.find((name) => !CASES.some((one) => one.name === name));
  if (help || stranger !== undefined) {
    const complaint = stranger === undefined ? "" : `no case ${stranger}\n`;
    process[help ? "stdout" : "stderr"].write(`${complaint}${HELP}`);
    return help ? 0 : STATUS_USAGE;
  }
  const chosen = CASES.filter(({ name }) => only.length === 0 || only.includes(name));
  await run(chosen, { json, quick });
  return 0;
}

function parse() {
  const boolean = { type: "boolean" } as const;
  const only = { type: "string", multiple: true } as const;
  return parseArgs({ options: { json: boolean, quick: boolean, help: boolean, only } }).values;
}

async function run(
  chosen: readonly Case[],
  { json, quick }: { json: boolean; quick: boolean },
): Promise<void> {
  const setting = describeSetting();
  const effort = quick ? QUICK : FULL;
  if (!json) process.stdout.write(`${formatSetting(setting)}\n`);
  const results: CaseResult[] = [];
  for (const [i, one] of chosen.entries()) {
    const tick = (probe: string, round: number): void => {
      const where = `[${i + 1}/${chosen.length}] ${one.name}`;
      progress(`${where}: round ${round + 1}/${effort.rounds}, ${probe}`);
    };
    const found = await measure(one, effort, tick);
    progress("");
    results.push(...found);
    if (!json) for (const result of found) process.stdout.write(`${formatCase(result)}\n`);
  }
  if (json) process.stdout.write(formatJson(setting, results));
}

/** One line that changes, on a terminal; elsewhere one line for each case. */
function progress(text: string): void {
  const { stderr } = process;
  if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
  else if (text.includes("round 1/") && text.endsWith("anode")) stderr.write(`${text}\n`);
}
