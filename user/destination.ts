/** Where `cp` and `mv` put things: at the destination, or into it when it is a directory. */

import { ENOENT, errnoOf } from "../ipc/errno.js";
import type { System } from "./system.js";
import { childUrl, lastName } from "./url-path.js";

/** Tells whether `url` is a directory; what does not exist is none. */
export function destinationIsDirectory(os: System, url: string): boolean {
  try {
    return os.stat(url).kind === "directory";
  } catch (thrown) {
    if (errnoOf(thrown) !== ENOENT) throw thrown;
    return false;
  }
}

/** Returns where `source` goes in directory `directory`; a scheme's root becomes the directory. */
export function destinationFor(source: string, directory: string): string {
  const name = lastName(source);
  return name === "" ? directory : childUrl(directory, name);
}
