/**
 * Random scripts of operations that both sides understand, and what this code makes of them. A
 * script keeps to what the real code does as POSIX says; where that goes wrong is listed in
 * docs/file-system.md.
 */

import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_WRITE } from "../../ipc/open-flags.js";
import type { FileSystem } from "../../schemes/fs/file-system.js";
import { type ContentKind, content, randomFrom } from "../fs/random.js";
import { linkFile, truncateFile, withFile, writeFile } from "../fs/volume.js";

export interface ScriptOptions {
  seed: number;
  steps: number;
  /** Names that a directory gets; many make deep H-trees. */
  names: number;
  /** Sizes of writes and how far out they go, in bytes. */
  bytesMax: number;
}

/** Makes a script, one operation a line, as the oracle's `apply` reads it. */
export function randomScript({ seed, steps, names, bytesMax }: ScriptOptions): string[] {
  const next = randomFrom(2 * seed + 1);
  const pick = <T>(from: readonly T[]): T => from[next() % from.length] as T;
  const lines: string[] = [];
  const directories = [""];
  const files: string[] = [];
  const taken = new Set<string>();
  const fresh = (): string => {
    for (;;) {
      const filler = "x".repeat(next() % 30);
      const path = `${pick(directories)}/n${next() % names}${filler}`;
      if (!taken.has(path)) return path;
    }
  };
  for (let step = 0; step < steps; step++) {
    const roll = next() % 100;
    const path = fresh();
    const file = files.length > 0 ? pick(files) : undefined;
    if (roll < 4 && directories.length < 40) {
      lines.push(`mkdir ${path}`);
      directories.push(path);
      taken.add(path);
    } else if (roll < 40 || file === undefined) {
      lines.push(`create ${path}`);
      files.push(path);
      taken.add(path);
    } else if (roll < 70) {
      const offset = next() % 3 === 0 ? next() % bytesMax : 0;
      const length = 1 + (next() % (next() % 4 === 0 ? bytesMax : 5000));
      lines.push(`write ${file} ${offset} ${length} ${next() % 3} ${next() % 100000}`);
    } else if (roll < 76) {
      lines.push(`symlink ${path} ../some/where/${"t".repeat(next() % 300)}`);
      taken.add(path);
    } else if (roll < 80) {
      lines.push(`link ${file} ${path}`);
      files.push(path);
      taken.add(path);
    } else if (roll < 88) {
      lines.push(`rename ${file} ${path}`);
      files.splice(files.indexOf(file), 1, path);
      taken.delete(file);
      taken.add(path);
    } else {
      lines.push(`unlink ${file}`);
      files.splice(files.indexOf(file), 1);
      taken.delete(file);
    }
  }
  return lines;
}

/** Fills one directory with so many names that its H-tree gets a second level of inner blocks. */
export function deepScript({ seed, steps }: ScriptOptions): string[] {
  const next = randomFrom(2 * seed + 1);
  const names = Array.from({ length: steps }, (_, at) => `/deep/n${at}-${"d".repeat(next() % 60)}`);
  const lines = ["mkdir /deep", "create /deep/n"];
  for (const name of names) {
    lines.push(next() % 9 === 0 ? `symlink ${name} target` : `link /deep/n ${name}`);
  }
  for (const name of names) if (next() % 3 === 0) lines.push(`unlink ${name}`);
  return lines;
}

/** Performs one line of a script with this code. */
export async function perform(fs: FileSystem, line: string): Promise<void> {
  const [operation, path = "", second = "", ...rest] = line.split(" ");
  switch (operation) {
    case "mkdir":
      return await withFile(fs, path, O_CREATE | O_EXCLUSIVE | O_DIRECTORY, async () => undefined);
    case "create":
      return await withFile(fs, path, O_WRITE | O_CREATE | O_EXCLUSIVE, async () => undefined);
    case "symlink":
      return await fs.symlink(path, second);
    case "write": {
      const [length, kind, seed] = rest.map(Number);
      const bytes = content(kind as ContentKind, seed ?? 0, length ?? 0);
      return await writeFile(fs, path, bytes, Number(second));
    }
    case "truncate":
      return await truncateFile(fs, path, Number(second));
    case "link":
      return await linkFile(fs, path, second);
    case "rename":
      return await fs.rename(path, second);
    case "unlink":
      return await fs.unlink(path, "file");
    case "rmdir":
      return await fs.unlink(path, "directory");
    default:
      throw new Error(`unknown operation: ${line}`);
  }
}
