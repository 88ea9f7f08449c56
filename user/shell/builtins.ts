/** Commands that change the shell itself, and so cannot be processes. */

import { ENOTDIR, errnoOf } from "../../ipc/errno.js";
import { complain, describeFailure, STATUS_FAILED, STATUS_USAGE } from "../command.js";
import { formatPrograms } from "../programs.js";
import { writeAll } from "../transfer.js";
import { waitOnce } from "./foreground.js";
import { formatJob, type Job, jobState } from "./jobs.js";
import type { Stdio } from "./redirects.js";
import type { Shell } from "./shell.js";

/** What a builtin is called with. */
export interface BuiltinCall {
  shell: Shell;
  args: readonly string[];
  stdio: Stdio;
}

/** A builtin: its line in `help`, and what it does. */
export interface Builtin {
  summary: string;
  run(call: BuiltinCall): number;
}

const ROOT = "file:/";

/** The builtins by name. */
export const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ["cd", { summary: "[DIR]      change the current directory", run: changeDirectory }],
  ["exit", { summary: "[STATUS]   end the shell", run: exit }],
  ["help", { summary: "[PROGRAM]  say what there is", run: help }],
  ["jobs", { summary: "           list background jobs", run: listJobs }],
  ["wait", { summary: "[NUMBER]   wait for background jobs", run: wait }],
]);

function changeDirectory({ shell, args }: BuiltinCall): number {
  if (args.length > 1) return misuse(shell, "cd: too many arguments");
  const { os } = shell;
  try {
    const url = os.resolve(args[0] ?? ROOT);
    if (os.stat(url).kind !== "directory") {
      return complain(os, "sh", `cd: ${url}: ${ENOTDIR.message}`);
    }
    os.cwd = url;
    return 0;
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return complain(os, "sh", `cd: ${describeFailure(thrown)}`);
  }
}

function exit({ shell, args }: BuiltinCall): number {
  const text = args[0];
  if (args.length > 1) return misuse(shell, "exit: too many arguments");
  if (text !== undefined && !/^\d{1,3}$/.test(text)) {
    return misuse(shell, `exit: ${text}: not a status from 0 to 255`);
  }
  shell.ended = true;
  return text === undefined ? shell.status : Number(text) & 255;
}

function help(call: BuiltinCall): number {
  const { shell, args, stdio } = call;
  const [program] = args;
  if (program !== undefined && !BUILTINS.has(program)) {
    const child = shell.os.spawn({ program: "help", args, stdio });
    return waitOnce(child)?.status ?? STATUS_FAILED;
  }
  const builtins = [...BUILTINS].map(([name, { summary }]) => `  ${name.padEnd(5)} ${summary}\n`);
  writeAll(
    stdio[1],
    `Commands of the shell:\n${builtins.join("")}\n` +
      `Programs (NAME --help tells more):\n${formatPrograms()}\n` +
      "Between them: a; b  a && b  a || b  a | b  a &  (a; b)  > f  >> f  < f  2> f  2>&1  $?\n",
  );
  return 0;
}

function listJobs({ shell, stdio }: BuiltinCall): number {
  for (const job of shell.jobs.all()) writeAll(stdio[1], formatJob(job, jobState(job)));
  shell.jobs.reap();
  return 0;
}

function wait({ shell, args }: BuiltinCall): number {
  const [text] = args;
  const jobs = text === undefined ? [...shell.jobs.all()] : jobsNamed(shell, text);
  if (jobs === undefined) return complain(shell.os, "sh", `wait: ${text}: no such job`);
  let status = 0;
  for (const job of jobs) {
    for (const child of job.children) {
      const ended = waitOnce(child);
      if (ended === undefined) {
        shell.interrupt();
        return shell.status;
      }
      status = ended.status;
    }
    shell.jobs.remove(job);
  }
  return text === undefined ? 0 : status;
}

function jobsNamed(shell: Shell, text: string): Job[] | undefined {
  const job = /^%?\d+$/.test(text) ? shell.jobs.find(Number(text.replace("%", ""))) : undefined;
  return job === undefined ? undefined : [job];
}

function misuse(shell: Shell, text: string): number {
  complain(shell.os, "sh", text);
  return STATUS_USAGE;
}
