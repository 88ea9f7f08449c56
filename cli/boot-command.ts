/** `anode boot`: a machine with its console on this terminal. */

import { MessageChannel } from "node:worker_threads";
import { SysError } from "../ipc/sys-error.js";
import { BootError, boot, type DiskOption } from "./boot.js";
import { attachTerminal } from "./host-terminal.js";
import type { Machine } from "./machine.js";
import { packageVersion } from "./version.js";

/** Options of the command line. */
export interface BootCommandOptions {
  disk: string[];
  command?: string;
  load: string[];
  files: "ram" | "disk";
  verbose: boolean;
}

/** Statuses that are the command's own. */
const STATUS_FAILED = 1;
const STATUS_PIPE = 141;
/** As a shell reports death by SIGINT. */
const STATUS_INTERRUPTED = 130;

/** Boots, runs the shell or the commands, and resolves to the exit status. */
export async function bootCommand(options: BootCommandOptions): Promise<number> {
  const startMs = performance.now();
  const console_ = new MessageChannel();
  let leave: (status: number) => void = () => undefined;
  const left = new Promise<number>((resolve) => {
    leave = resolve;
  });
  const interactive = options.command === undefined;
  const note = notes(interactive || options.verbose, startMs);
  const detach = attachTerminal({
    port: console_.port1,
    input: interactive,
    onLeave: (why) => {
      leave(why === "pipe" ? STATUS_PIPE : 0);
    },
  });
  process.once("SIGINT", () => {
    leave(STATUS_INTERRUPTED);
  });
  process.once("SIGTERM", () => {
    leave(128 + 15);
  });
  let machine: Machine | undefined;
  try {
    machine = await boot({
      disk: options.disk.map(parseDisk),
      files: options.files,
      console: { port: console_.port2 },
      onStuck: endHard,
    });
    for (const folder of options.load) await loadFolder(machine, folder);
    note(`anode ${packageVersion()}: board virt, ${describeDisks(options.disk.length)}`);
    if (interactive) note("Ctrl-A x leaves, 'help' lists the programs");
    const args = options.command === undefined ? [] : ["-c", options.command];
    // Output that goes into a file or a pipe is for programs to read: no progress in between.
    const watched = interactive || process.stdout.isTTY;
    const stdio = watched ? "serial:/" : "serial:/plain";
    let leaving = false;
    void left.then(() => {
      leaving = true;
    });
    const shell = machine.run("sh", { args, stdio }).then(({ status, reason }) => {
      if (reason !== undefined && !leaving)
        process.stderr.write(`anode: the shell has ended: ${reason}\n`);
      return status;
    });
    return await Promise.race([shell, left]);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    process.stderr.write(`anode: ${error.message}\n`);
    return STATUS_FAILED;
  } finally {
    await machine?.close();
    detach();
  }
}

/** A worker in a blocking native call holds up even `process.exit`: only a signal ends this. */
function endHard(name: string): void {
  process.stderr.write(`anode: ${name} cannot be ended; ending the whole machine\n`);
  process.kill(process.pid, "SIGKILL");
}

/** Loads a daemon's folder that was named on the command line. */
async function loadFolder(machine: Machine, folder: string): Promise<void> {
  const { pathToFileURL } = await import("node:url");
  await machine.load(pathToFileURL(folder.endsWith("/") ? folder : `${folder}/`));
}

/** `IMG` or `IMG,readonly`. */
function parseDisk(text: string): DiskOption {
  const [path = "", ...words] = text.split(",");
  for (const word of words) {
    if (word === "readonly") continue;
    throw new BootError("EINVAL", `--disk ${text}: unknown option "${word}"; known: readonly`);
  }
  if (path === "") throw new BootError("EINVAL", "--disk needs the path of an image");
  return { path, readOnly: words.includes("readonly") };
}

function describeDisks(count: number): string {
  return count === 0 ? "no disk" : `${count} disk${count === 1 ? "" : "s"}`;
}

/** Short messages with times, for people. */
function notes(wanted: boolean, startMs: number): (text: string) => void {
  return (text) => {
    if (!wanted) return;
    const ms = Math.round(performance.now() - startMs);
    process.stderr.write(`[${String(ms).padStart(5)} ms] ${text}\n`);
  };
}
