/** The commands for file systems in images, as the command line knows them. */

import type { Command } from "commander";
import type { FsCpOptions, FsLsOptions } from "./fs-command.js";
import type { FsckOptions } from "./fsck-command.js";
import type { MkfsOptions } from "./mkfs-command.js";

/** Adds `mkfs`, `fsck` and `fs` to the program. Each is loaded when it is used. */
export function registerFileSystemCommands(program: Command): void {
  program
    .command("mkfs")
    .argument("<image>", "image file, or block device")
    .description("make an empty RedoxFS in an image; what was there is lost")
    .option("-s, --size <size>", "make the image, or change its size, like 64M or 2G")
    .option("-f, --force", "even if there is a file system already", false)
    .addHelpText("after", "\nExample:\n  anode mkfs --size 64M disk.img")
    .action(async (image: string, options: MkfsOptions) => {
      const { mkfsCommand } = await import("./mkfs-command.js");
      process.exitCode = await mkfsCommand(image, options);
    });

  program
    .command("fsck")
    .argument("<image>", "image file, or block device")
    .description("check every structure of a RedoxFS, every checksum and the allocation")
    .option("-r, --repair", "repair what can be repaired; without it nothing is written", false)
    .option("--json", "print the result as one line of JSON", false)
    .addHelpText(
      "after",
      "\nExit status: 0 clean, 1 all repaired, 4 faults are left, 8 it could not be checked" +
        "\n\nExample:\n  anode fsck --repair disk.img",
    )
    .action(async (image: string, options: FsckOptions) => {
      const { fsckCommand } = await import("./fsck-command.js");
      process.exitCode = await fsckCommand(image, options);
    });

  const fs = program.command("fs").description("files in an image, without a machine");
  fs.command("cp")
    .argument("<source>", "on the host, or in an image: disk.img:/etc/motd")
    .argument("<target>", "the other way round; a directory that is there is copied into")
    .description("copy files between the host and an image")
    .option("-r, --recursive", "a directory and everything in it", false)
    .addHelpText(
      "after",
      "\nExamples:\n  anode fs cp -r ./site disk.img:/srv\n  anode fs cp disk.img:/etc/motd .",
    )
    .action(async (source: string, target: string, options: FsCpOptions) => {
      const { fsCpCommand } = await import("./fs-command.js");
      process.exitCode = await fsCpCommand(source, target, options);
    });
  fs.command("ls")
    .argument("<place>", "an image, or a place in it: disk.img:/etc")
    .description("list a directory of an image")
    .option("-l, --long", "permissions, links, owner, size and time", false)
    .option("--json", "one line of JSON for each name", false)
    .addHelpText("after", "\nExample:\n  anode fs ls -l disk.img:/etc")
    .action(async (place: string, options: FsLsOptions) => {
      const { fsLsCommand } = await import("./fs-command.js");
      process.exitCode = await fsLsCommand(place, options);
    });
}
