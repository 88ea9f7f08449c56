/**
 * The frame of a program: parses its arguments, answers `--help`, and turns a failed system call
 * into one line on standard error and an exit status: 0 success, 1 something failed, 2 wrong
 * usage, 141 the reader of its output has gone. Bugs pass through and end the process.
 */

import { EPIPE, errnoOf } from "../ipc/errno.js";
import { type ArgumentRules, type Arguments, parseArguments } from "./arguments.js";
import { PROGRAMS, type ProgramName } from "./programs.js";
import type { Program, System } from "./system.js";
import { writeAll } from "./transfer.js";

/** What a program says of itself. */
export interface CommandRules extends ArgumentRules {
  name: ProgramName;
  /** What follows the name in the usage line. */
  usage: string;
  /** Paragraph after the options, if more needs saying. */
  notes?: string;
  example: string;
}

/** Standard exit statuses. */
export const STATUS_FAILED = 1;
export const STATUS_USAGE = 2;
/** As a shell reports death by SIGPIPE. */
export const STATUS_PIPE = 141;

/** Makes a program of its rules and its body. */
export function command(
  rules: CommandRules,
  run: (os: System, given: Arguments) => number | void,
): Program {
  return (os) => {
    const sole = os.args.length === 1 ? os.args[0] : undefined;
    if (sole === "--help" || (rules.verbatim !== true && asksForHelp(os.args))) {
      return attempt(os, rules.name, () => writeAll(os.stdout, formatHelp(rules)));
    }
    const given = parseArguments(os.args, rules);
    if (typeof given === "string") return misused(os, rules.name, given);
    return attempt(os, rules.name, () => run(os, given));
  };
}

function asksForHelp(args: readonly string[]): boolean {
  const help = args.indexOf("--help");
  const end = args.indexOf("--");
  return help >= 0 && (end < 0 || help < end);
}

/** Runs `act` and turns a failed system call into a complaint and a status. */
export function attempt(os: System, name: string, act: () => number | void): number {
  try {
    return act() ?? 0;
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    if (errno === EPIPE) return STATUS_PIPE;
    return complain(os, name, describeFailure(thrown));
  }
}

/** Runs `act` for each operand; one that fails is reported, and the others still run. */
export function forEachOperand(
  os: System,
  name: ProgramName,
  operands: readonly string[],
  act: (operand: string) => number | void,
): number {
  let status = 0;
  for (const operand of operands) {
    const result = attempt(os, name, () => act(operand));
    if (result === STATUS_PIPE) return result;
    status = Math.max(status, result);
  }
  return status;
}

/** Reports on standard error; returns the status "failed". */
export function complain(os: System, name: string, text: string): number {
  try {
    writeAll(os.stderr, `${name}: ${text}\n`);
  } catch (thrown) {
    // Nobody is left to hear of it: the status says it all.
    if (errnoOf(thrown) === undefined) throw thrown;
  }
  return STATUS_FAILED;
}

/** Reports wrong usage; returns the status for it. */
export function misused(os: System, name: string, text: string): number {
  complain(os, name, `${text}; try '${name} --help'`);
  return STATUS_USAGE;
}

/**
 * Says what failed as `file:/x: no such file or directory`, and what is known of it after a death.
 */
export function describeFailure(thrown: unknown): string {
  const { url, operation, outcome } = thrown as {
    url?: string;
    operation?: string;
    outcome?: string;
  };
  const subject = url ?? operation;
  const text = errnoOf(thrown)?.message ?? String(thrown);
  // What was not executed is a plain failure; only doubt is worth a word.
  const known = outcome === undefined || outcome === "not-executed" ? "" : ` (outcome: ${outcome})`;
  return `${subject === undefined ? "" : `${subject}: `}${text}${known}`;
}

/** Formats the text of `--help`. */
export function formatHelp(rules: CommandRules): string {
  const usage = `usage: ${rules.name} ${rules.usage}`.trimEnd();
  const lines = [usage, `${PROGRAMS[rules.name]}.`];
  const options = Object.entries({ ...rules.flags, ...rules.values });
  if (options.length > 0) lines.push("");
  for (const [name, text] of options) lines.push(`  ${name.padEnd(8)} ${text}`);
  if (rules.notes !== undefined) lines.push("", rules.notes);
  lines.push("", `example: ${rules.example}`, "");
  return lines.join("\n");
}
