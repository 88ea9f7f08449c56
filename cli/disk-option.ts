/** The disks of a machine, as options and as words of the command line. */

import { BootError } from "./boot-error.js";

/** A disk image for the board. */
export interface DiskOption {
  path: string;
  readOnly?: boolean;
}

/** Image of the first disk, or all of them in order. */
export type DiskOptions = string | DiskOption | readonly (string | DiskOption)[];

/** All disks of the options, in order. */
export function disksOf(disk: DiskOptions | undefined): Required<DiskOption>[] {
  const list = disk === undefined ? [] : Array.isArray(disk) ? disk : [disk];
  return (list as readonly (string | DiskOption)[]).map((item) =>
    typeof item === "string"
      ? { path: item, readOnly: false }
      : { path: item.path, readOnly: item.readOnly ?? false },
  );
}

/** `IMG` or `IMG,readonly`. */
export function parseDisk(text: string): DiskOption {
  const [path = "", ...words] = text.split(",");
  for (const word of words) {
    if (word === "readonly") continue;
    throw new BootError("EINVAL", `--disk ${text}: unknown option "${word}"; known: readonly`);
  }
  if (path === "") throw new BootError("EINVAL", "--disk needs the path of an image");
  return { path, readOnly: words.includes("readonly") };
}
