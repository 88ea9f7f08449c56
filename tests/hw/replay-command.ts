/*
 * `npm run replay`: replays trace files against the board and says what differs. Exit status 0 if
 * nothing does, 1 for any mismatch, 2 for a wrong call or a file that is no trace.
 */
import { parseArgs } from "node:util";
import { type Replay, replayTrace } from "./replay.js";
import { readTrace, type Trace, TraceError } from "./trace.js";

const STATUS = { same: 0, mismatch: 1, unusable: 2 } as const;

const HELP = `Usage: npm run replay -- [options] FILE.jsonl[.gz] ...

Replays recorded register traces against the board's device models. Prints steps and mismatches of
each file, and the first mismatch in full.

Options:
  --all       print every mismatch, one a line
  -h, --help  print this

Exit status: 0 nothing differs, 1 something does, 2 a file cannot be used.

Example:
  npm run replay -- tests/traces/pl031-s1.jsonl.gz
`;

/** Where the command's text goes. */
export interface ReplayOutput {
  out: (text: string) => void;
  error: (text: string) => void;
}

/** Runs the command; returns the exit status. */
export function replayCommand(args: readonly string[], output: ReplayOutput): number {
  let parsed: { values: { all?: boolean; help?: boolean }; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { all: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    output.error(`replay: ${(error as Error).message}; see --help\n`);
    return STATUS.unusable;
  }
  const { values, positionals } = parsed;
  if (values.help === true) {
    output.out(HELP);
    return STATUS.same;
  }
  if (positionals.length === 0) {
    output.error("replay: no trace was named; see --help\n");
    return STATUS.unusable;
  }
  let status: number = STATUS.same;
  for (const file of positionals) {
    status = Math.max(status, replayFile(file, values.all === true, output));
  }
  return status;
}

function replayFile(file: string, all: boolean, output: ReplayOutput): number {
  let trace: Trace;
  let replay: Replay;
  try {
    trace = readTrace(file);
    replay = replayTrace(trace);
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    output.error(`${file}: ${error.message}\n`);
    return STATUS.unusable;
  }
  const { steps, mismatches } = replay;
  output.out(`${file}: ${steps} steps, ${mismatches.length} mismatches\n`);
  const [first] = mismatches;
  if (first === undefined) return STATUS.same;
  const { line, scenario, what, expected, got } = first;
  output.out(`  first mismatch: line ${line}, scenario "${scenario}"\n`);
  output.out(`    step      ${JSON.stringify(trace.steps[line - 2])}\n`);
  output.out(`    what      ${what}\n    expected  ${expected}\n    got       ${got}\n`);
  for (const other of all ? mismatches : []) {
    const { line, scenario, what, expected, got } = other;
    output.out(`  line ${line} (${scenario}): ${what}: expected ${expected}, got ${got}\n`);
  }
  return STATUS.mismatch;
}
