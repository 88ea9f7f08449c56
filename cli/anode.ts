#!/usr/bin/env node
/** The `anode` command: reads its arguments and calls what does the work. */

import type { BootCommandOptions } from "./boot-command.js";
import { registerFileSystemCommands } from "./file-system-commands.js";
import type { NewOptions } from "./new-command.js";
import { spawnMachine } from "./ring/spawn.js";
import { packageVersion } from "./version.js";

/** Options of `boot` with which no machine is booted in a child process. */
const WITHOUT_CHILD = ["-h", "--help", "--in-process"];

// The machine's process starts while this one loads the rest of itself.
const [first, ...others] = process.argv.slice(2);
const boots = first === "boot" && !others.some((word) => WITHOUT_CHILD.includes(word));
const ahead = boots ? spawnMachine() : undefined;
const { Command, Option } = await import("commander");

const collect = (value: string, before: string[]): string[] => [...before, value];

const program = new Command("anode")
  .description("A scheme microkernel on worker threads: drivers die, and nothing is lost.")
  .version(packageVersion())
  .showHelpAfterError("(try 'anode --help')")
  .addHelpText(
    "after",
    "\nExamples:\n  anode boot --disk disk.img\n  anode boot -c 'ls sys:/; cat sys:/processes'",
  );

program
  .command("boot", { isDefault: false })
  .description("boot a machine; its serial console is this terminal (Ctrl-A x leaves)")
  .addOption(
    new Option("-d, --disk <image>", "raw disk image, with ,readonly if it is not to be written")
      .argParser(collect)
      .default([], "no disk"),
  )
  .addOption(
    new Option("-n, --network <network>", "none, socket:PATH[,listen] or udp:HOST:PORT,HOST:PORT")
      .argParser(collect)
      .default([], "no network"),
  )
  .option(
    "-b, --board <board>",
    "virt, virt,disks=2,nics=1,memory=256M, or a JSON file (default: virt)",
  )
  .addOption(
    new Option("-f, --files <where>", "file: in memory, or the RedoxFS on the first disk")
      .choices(["ram", "disk"])
      .default("ram"),
  )
  .option("-c, --command <commands>", "run these commands and exit with the last status")
  .addOption(
    new Option("-l, --load <folder>", "load the daemon in this folder (it has an anode.json)")
      .argParser(collect)
      .default([], "none"),
  )
  .option("-v, --verbose", "print boot messages with -c, too", false)
  .option("--in-process", "no child process: a machine that aborts takes the command along", false)
  .addHelpText(
    "after",
    `
Example:
  anode boot -d disk.img -c 'kill --at dequeued virtio-blkd; sha256sum disk:/0'

Exit status: that of the shell or of the last command; 1 if the machine cannot boot; 75 if the
machine died while commands ran (it was rebooted; what they did is unknown); 70 if it died again
and again; 129, 130, 131, 143 after SIGHUP, SIGINT, SIGQUIT, SIGTERM; 141 if nobody reads the
output.`,
  )
  .action(async (options: BootCommandOptions) => {
    const { bootCommand } = await import("./boot-command.js");
    // The machine has ended by then; what is left in the output is still written.
    process.exitCode = await bootCommand(options, ahead);
    process.stdin.unref?.();
  });

program
  .command("new")
  .description("make the beginning of something of your own")
  .command("scheme")
  .argument("<name>", "name of the daemon and of its scheme: a short lower-case word")
  .description("make a folder with a scheme daemon that works, and its crash-isolation test")
  .option("--dir <folder>", "folder to make (default: the name)")
  .option("--js", "JavaScript instead of TypeScript", false)
  .addHelpText(
    "after",
    "\nExample:\n  anode new scheme tides && cd tides && npm install && npm test",
  )
  .action(async (name: string, options: NewOptions) => {
    const { newSchemeCommand } = await import("./new-command.js");
    process.exitCode = newSchemeCommand(name, options);
  });

registerFileSystemCommands(program);

if (process.argv.length <= 2) program.help();
await program.parseAsync();
