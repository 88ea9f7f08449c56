/** A scheme of small text files that are made when they are opened: what `sys:` and `time:` are. */

import { EACCES, EISDIR, ENOENT, ENOTDIR } from "../../ipc/errno.js";
import { O_DIRECTORY, O_WRITE } from "../../ipc/open-flags.js";
import { opened, type Scheme } from "../../ipc/scheme.js";
import type { DirectoryEntry } from "../../ipc/stat.js";

/** A file's name and how its text is made. */
export type TextFiles = Readonly<Record<string, () => string>>;

/** An open file or the root directory. */
interface TextHandle {
  path: string;
  text: Buffer | undefined;
}

/**
 * Serves `files` under `/`, read-only. Each open sees one snapshot.
 * @param generation - of the files: a snapshot is not to go on in the tables of another machine
 */
export function textTree(files: TextFiles, generation = 0): Scheme<TextHandle> {
  const entries: DirectoryEntry[] = Object.keys(files).map((name, i) => ({
    name,
    kind: "file",
    next: i + 1,
  }));
  return {
    open(path, context) {
      if ((context.flags & O_WRITE) !== 0) throw EACCES;
      const identity = { object: path, generation };
      if (path === "/") return opened({ path, text: undefined }, { positioned: true, identity });
      if (!Object.hasOwn(files, path.slice(1))) throw ENOENT;
      if ((context.flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      const text = Buffer.from((files[path.slice(1)] as () => string)());
      return opened({ path, text }, { positioned: true, identity });
    },
    read({ text }, bytes, offset) {
      if (text === undefined) throw EISDIR;
      if (offset >= text.length) return 0;
      return text.copy(bytes, 0, offset);
    },
    fsize: ({ text }) => text?.length ?? 0,
    fstat: ({ text }) =>
      text === undefined
        ? { kind: "directory", size: 0, mode: 0o555 }
        : { kind: "file", size: text.length, mode: 0o444 },
    getdents({ text }, cursor) {
      if (text !== undefined) throw ENOTDIR;
      return entries.slice(cursor);
    },
  };
}
