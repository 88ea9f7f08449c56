/** Redirections: which files a command's three streams are. */

import { errnoOf } from "../../ipc/errno.js";
import type { BlockingFile } from "../file.js";
import type { System } from "../system.js";
import type { Redirect, Word } from "./syntax.js";

/** Standard input, output and error. */
export type Stdio = readonly [BlockingFile, BlockingFile, BlockingFile];

/**
 * The streams after the redirections, what was opened for them, and what failed, if anything did.
 */
export interface Applied {
  stdio: Stdio;
  opened: BlockingFile[];
  failure: unknown;
}

/** Applies redirections from left to right. The caller closes what was opened, failed or not. */
export function applyRedirects(
  os: System,
  redirects: readonly Redirect[],
  given: { stdio: Stdio; expand: (word: Word) => string },
): Applied {
  let stdio = given.stdio;
  const opened: BlockingFile[] = [];
  for (const redirect of redirects) {
    if (redirect.tag === "stream") {
      stdio = replace(stdio, redirect.stream, stdio[redirect.target] ?? given.stdio[1]);
      continue;
    }
    try {
      const url = os.resolve(given.expand(redirect.target));
      const file = os.open(url, { mode: redirect.access });
      opened.push(file);
      stdio = replace(stdio, redirect.stream, file);
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) throw thrown;
      return { stdio, opened, failure: thrown };
    }
  }
  return { stdio, opened, failure: undefined };
}

function replace(stdio: Stdio, stream: number, file: BlockingFile): Stdio {
  const [input, output, error] = stdio;
  if (stream === 0) return [file, output, error];
  return stream === 1 ? [input, file, error] : [input, output, file];
}

/** Closes each of `files` that is there. */
export function closeAll(files: readonly (BlockingFile | undefined)[]): void {
  for (const file of files) file?.close();
}
