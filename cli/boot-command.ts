/** `anode boot`: a machine with its console on this terminal. */

import type { ChildProcess } from "node:child_process";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { SysError } from "../ipc/sys-error.js";
import type { BootOptions, Reboot } from "./boot.js";
import { parseDisk } from "./disk-option.js";
import { attachTerminal } from "./host-terminal.js";
import type { Machine } from "./machine.js";
import { packageVersion } from "./version.js";

/** Options of the command line. */
export interface BootCommandOptions {
  disk: string[];
  board?: string;
  network: string[];
  command?: string;
  load: string[];
  files: "ram" | "disk";
  verbose: boolean;
  inProcess: boolean;
}

/** Statuses that are the command's own; all others are the shell's. */
const STATUS_FAILED = 1;
/** The machine died again and again, and was given up (EX_SOFTWARE). */
const STATUS_GIVEN_UP = 70;
/** The machine died while the commands ran: nobody knows what they did (EX_TEMPFAIL). */
const STATUS_ABORTED = 75;
const STATUS_PIPE = 141;
/** Signals that end the machine in order, and the status that a shell reports for them. */
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGQUIT: 131, SIGTERM: 143 } as const;

/**
 * Boots, runs the shell or the commands, and resolves to the exit status.
 * @param ahead - the machine's process, if it was started ahead of time
 */
export async function bootCommand(
  options: BootCommandOptions,
  ahead?: ChildProcess,
): Promise<number> {
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
  const reboots = new Reboots();
  let machine: Machine | undefined;
  void left.then(() => {
    reboots.leaving = true;
    // Nothing is lost with a machine that still boots.
    if (machine === undefined) ahead?.kill("SIGKILL");
  });
  for (const [signal, status] of Object.entries(SIGNALS)) {
    process.once(signal, () => {
      leave(status);
    });
  }
  try {
    machine = await bootMachine(options, { port: console_.port2, reboots, ahead });
    for (const folder of options.load) await loadFolder(machine, folder);
    const disks = describeDisks(options.disk.length);
    note(`anode ${packageVersion()}: board ${options.board ?? "virt"}, ${disks}`);
    if (interactive) note("Ctrl-A x leaves, 'help' lists the programs");
    return await Promise.race([runShells(machine, options, reboots), left]);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (reboots.leaving) return await left;
    process.stderr.write(`anode: ${error.message}\n`);
    return STATUS_FAILED;
  } finally {
    await machine?.close();
    // One that no machine was booted in would keep this process.
    ahead?.kill("SIGKILL");
    detach();
  }
}

/** What the outermost ring has told. */
class Reboots {
  last: Reboot | undefined;
  givenUp: string | undefined;
  /** The user has left, or a signal has come: the shell's end is no news. */
  leaving = false;
}

/** Boots behind the outermost ring, or in this process. */
async function bootMachine(
  options: BootCommandOptions,
  parts: { port: MessagePort; reboots: Reboots; ahead: ChildProcess | undefined },
): Promise<Machine> {
  const { port, reboots, ahead } = parts;
  const board = {
    disk: options.disk.map(parseDisk),
    network: options.network,
    files: options.files,
    ...(options.board === undefined ? {} : { board: options.board }),
  };
  if (options.inProcess) {
    const { boot } = await import("./boot.js");
    return await boot({ ...board, console: { port }, onStuck: endHard });
  }
  const { bootInChild } = await import("./ring/boot-in-child.js");
  const ring: BootOptions = {
    ...board,
    console: { port },
    onReboot: (reboot) => {
      reboots.last = reboot;
    },
    onGivenUp: ({ reason }) => {
      reboots.givenUp = reason;
    },
  };
  return await bootInChild(ring, ahead);
}

/**
 * Runs the shell, and at a terminal a new one after each reboot. A list of commands, or a script on
 * standard input, is not begun again: what it did is not known.
 */
async function runShells(
  machine: Machine,
  options: BootCommandOptions,
  reboots: Reboots,
): Promise<number> {
  const interactive = options.command === undefined;
  const args = options.command === undefined ? [] : ["-c", options.command];
  // Output that goes into a file or a pipe is for programs to read: no progress in between.
  const watched = interactive || process.stdout.isTTY;
  const stdio = watched ? "serial:/" : "serial:/plain";
  for (;;) {
    const boots = reboots.last?.count ?? 1;
    try {
      const { status, reason } = await machine.run("sh", { args, stdio });
      if (reason !== undefined && !reboots.leaving)
        process.stderr.write(`anode: the shell has ended: ${reason}\n`);
      return status;
    } catch (error) {
      if (reboots.givenUp !== undefined) {
        process.stderr.write(`anode: the machine is given up: ${reboots.givenUp}\n`);
        return STATUS_GIVEN_UP;
      }
      const reboot = reboots.last;
      if (reboot === undefined || reboot.count === boots) throw error;
      process.stderr.write(`\nanode: ${describeReboot(reboot)}\n`);
      if (interactive && process.stdin.isTTY) continue;
      process.stderr.write("anode: what the commands did is unknown; they are not begun again\n");
      return STATUS_ABORTED;
    }
  }
}

function describeReboot({ reason, tookMs, lost }: Reboot): string {
  const without = lost.length === 0 ? "" : `, without ${lost.join(", ")}`;
  return `machine aborted: ${reason}; rebooted in ${Math.round(tookMs)} ms${without}`;
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
