/**
 * The executor: runs parsed sequences as processes, with pipes and redirections between them. What
 * it opens for a child it closes again as soon as the child has it, so that ends of pipes are
 * seen. A group, and a builtin in a pipeline or in the background, run in a shell of their own.
 */

import { ENOENT, errnoOf } from "../../ipc/errno.js";
import { complain, describeFailure, STATUS_FAILED, STATUS_USAGE } from "../command.js";
import type { BlockingFile } from "../file.js";
import type { Child, SpawnOptions, System } from "../system.js";
import { BUILTINS } from "./builtins.js";
import { waitForeground } from "./foreground.js";
import { JobTable } from "./jobs.js";
import { parse } from "./parser.js";
import { applyRedirects, closeAll, type Stdio } from "./redirects.js";
import {
  type Command,
  formatProblem,
  type Pipeline,
  type Sequence,
  type SyntaxProblem,
  type Word,
} from "./syntax.js";

/** Statuses that shells have agreed on. */
export const STATUS_INTERRUPTED = 130;
const STATUS_NOT_FOUND = 127;
const STATUS_NOT_EXECUTABLE = 126;

/** Children of one pipeline, and the status of its last command when that never started. */
interface Launched {
  children: Child[];
  lastStatus: number | undefined;
}

/** One shell: its status, its jobs, and whether somebody sits in front of it. */
export class Shell {
  readonly os: System;
  readonly interactive: boolean;
  readonly jobs = new JobTable();
  /** `$?` */
  status = 0;
  /** Set by `exit`. */
  ended = false;
  #interrupted = false;

  constructor(os: System, options: { interactive: boolean; status?: number }) {
    this.os = os;
    this.interactive = options.interactive;
    this.status = options.status ?? 0;
  }

  /** Runs a text. Returns a problem instead of reporting it when more text could complete it. */
  run(source: string): SyntaxProblem | undefined {
    const parsed = parse(source);
    if ("problem" in parsed) {
      if (parsed.problem.incomplete) return parsed.problem;
      this.reportProblem(source, parsed.problem);
      return undefined;
    }
    this.#interrupted = false;
    for (const sequence of parsed.sequences) {
      if (this.ended || this.#interrupted) break;
      this.#runSequence(sequence);
    }
    return undefined;
  }

  reportProblem(source: string, problem: SyntaxProblem): void {
    complain(this.os, "sh", formatProblem(source, problem).trimEnd());
    this.status = STATUS_USAGE;
  }

  /** Stops the rest of the line, as after Ctrl-C. */
  interrupt(): void {
    this.#interrupted = true;
    this.status = STATUS_INTERRUPTED;
  }

  #runSequence(sequence: Sequence): void {
    if (sequence.background) {
      this.#runInBackground(sequence);
      return;
    }
    this.#runPipeline(sequence.first);
    for (const { when, pipeline } of sequence.rest) {
      if (this.ended || this.#interrupted) return;
      if ((when === "success") === (this.status === 0)) this.#runPipeline(pipeline);
    }
  }

  #runPipeline(pipeline: Pipeline): void {
    const [only] = pipeline.commands;
    if (pipeline.commands.length === 1 && only !== undefined && this.#runHere(only)) return;
    const { children, lastStatus } = this.#launch(pipeline, this.os.stdin);
    const waited = waitForeground(this.os, children);
    if (waited.interrupted) {
      this.interrupt();
      return;
    }
    const last = waited.statuses.at(-1);
    this.status = lastStatus ?? last?.status ?? 0;
    if (lastStatus !== undefined || last?.reason === undefined) return;
    complain(this.os, "sh", `${pipeline.commands.at(-1)?.source}: ${last.reason}`);
  }

  /** Runs a builtin, or redirections alone, in the shell itself. False: it needs a process. */
  #runHere(command: Command): boolean {
    if (command.tag !== "simple") return false;
    const words = this.#expandAll(command.words);
    const [name = "", ...args] = words;
    const builtin = words.length === 0 ? undefined : BUILTINS.get(name);
    if (words.length > 0 && builtin === undefined) return false;
    this.#withRedirects(command, this.#stdio(), (stdio) => {
      this.status = builtin === undefined ? 0 : builtin.run({ shell: this, args, stdio });
    });
    return true;
  }

  #runInBackground(sequence: Sequence): void {
    const pipeline: Pipeline =
      sequence.rest.length === 0
        ? sequence.first
        : {
            commands: [
              {
                tag: "group",
                body: sequence.source,
                redirects: [],
                source: sequence.source,
              },
            ],
          };
    const input = this.#emptyInput();
    const { children } = this.#launch(pipeline, input ?? this.os.stdin);
    input?.close();
    this.status = 0;
    if (children.length === 0) return;
    const job = this.jobs.add(sequence.source, children);
    if (!this.interactive) return;
    complain(this.os, `[${job.number}]`, children.map((child) => child.pid).join(" "));
  }

  /** What a background job reads: the end of file at once, so that it leaves the terminal alone. */
  #emptyInput(): BlockingFile | undefined {
    try {
      return this.os.open("null:/");
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) throw thrown;
      return undefined;
    }
  }

  #launch(pipeline: Pipeline, firstInput: BlockingFile): Launched {
    const launched: Launched = { children: [], lastStatus: undefined };
    let input: BlockingFile | undefined;
    for (const [index, command] of pipeline.commands.entries()) {
      const last = index === pipeline.commands.length - 1;
      const pipe = last ? undefined : this.os.pipe();
      const stdio: Stdio = [input ?? firstInput, pipe?.[1] ?? this.os.stdout, this.os.stderr];
      const started = this.#start(command, stdio);
      closeAll([input, pipe?.[1]]);
      input = pipe?.[0];
      if (typeof started !== "number") launched.children.push(started);
      else if (last) launched.lastStatus = started;
    }
    return launched;
  }

  /** Starts one command of a pipeline; a number is the status with which it failed to start. */
  #start(command: Command, stdio: Stdio): Child | number {
    let started: Child | number = 0;
    const failed = this.#withRedirects(command, stdio, (redirected) => {
      started = this.#spawn(command, redirected);
    });
    return failed ? STATUS_FAILED : started;
  }

  #spawn(command: Command, stdio: Stdio): Child | number {
    if (command.tag === "group") return this.#spawnShell(command.body, stdio);
    const [name, ...args] = this.#expandAll(command.words);
    if (name === undefined) return 0;
    if (BUILTINS.has(name)) return this.#spawnShell(command.source, stdio);
    return this.#spawnProgram({ program: name, args, stdio, cwd: this.os.cwd });
  }

  #spawnShell(text: string, stdio: Stdio): Child | number {
    const args = ["--status", String(this.status), "-c", text];
    return this.#spawnProgram({ program: "sh", args, stdio, cwd: this.os.cwd });
  }

  #spawnProgram(options: SpawnOptions): Child | number {
    const { program } = options;
    try {
      return this.os.spawn(options);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === undefined) throw thrown;
      if (errno === ENOENT || program === "") {
        complain(this.os, "sh", `${program}: command not found ('help' lists the commands)`);
        return STATUS_NOT_FOUND;
      }
      complain(this.os, "sh", `${program}: ${errno.message}`);
      return STATUS_NOT_EXECUTABLE;
    }
  }

  /** Opens a command's redirections around `act`. True when one of them failed; it is reported. */
  #withRedirects(command: Command, stdio: Stdio, act: (stdio: Stdio) => void): boolean {
    const applied = applyRedirects(this.os, command.redirects, {
      stdio,
      expand: (word) => this.#expand(word),
    });
    try {
      if (applied.failure !== undefined) {
        complain(this.os, "sh", describeFailure(applied.failure));
        this.status = STATUS_FAILED;
        return true;
      }
      act(applied.stdio);
      return false;
    } finally {
      closeAll(applied.opened);
    }
  }

  #stdio(): Stdio {
    return [this.os.stdin, this.os.stdout, this.os.stderr];
  }

  #expandAll(words: readonly Word[]): string[] {
    return words.map((word) => this.#expand(word));
  }

  #expand(word: Word): string {
    return word.parts
      .map((part) => (part.tag === "text" ? part.text : String(this.status)))
      .join("");
  }
}
