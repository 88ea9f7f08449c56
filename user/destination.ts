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

/** Tells whether two names lead to one object, so that writing one would destroy the other. */
export function isSameObject(os: System, one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((url) => identityOf(os, url));
  return first !== undefined && first === second;
}

function identityOf(os: System, url: string): string | undefined {
  try {
    return os.stat(url).identity;
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}

/** Returns where `source` goes in directory `directory`; a scheme's root becomes the directory. */
export function destinationFor(source: string, directory: string): string {
  const name = lastName(source);
  return name === "" ? directory : childUrl(directory, name);
}
