/** Random operations for the model and the real file system alike. */

import type { Operation } from "./model.js";
import type { ContentKind } from "./random.js";

export interface OperationOptions {
  /** Names in a directory; few make many collisions. */
  names: number;
  /** Sizes and offsets are below this. */
  bytesMax: number;
}

/** The next operation; symbolic links get names of their own, so that no write goes through one. */
export function randomOperation(
  next: () => number,
  { names, bytesMax }: OperationOptions,
): Operation {
  const name = (): string => `n${next() % names}`;
  const path = (): string => {
    const depth = next() % 3;
    return Array.from({ length: depth + 1 }, () => `/${name()}`).join("");
  };
  const size = (): number => {
    const limits = [10, 4000, 5000, 140_000, bytesMax];
    return next() % Math.min(bytesMax, limits[next() % limits.length] as number);
  };
  const roll = next() % 100;
  if (roll < 15) return { tag: "mkdir", path: path() };
  if (roll < 35) return { tag: "create", path: path() };
  if (roll < 60) {
    const kind = (next() % 3) as ContentKind;
    const where = { path: path(), offset: size(), length: size() };
    return { tag: "write", ...where, kind, seed: next() % 1000 };
  }
  if (roll < 70) return { tag: "truncate", path: path(), size: size() };
  if (roll < 75) return { tag: "symlink", path: `${path()}s`, target: `t${next() % 9}` };
  if (roll < 80) return { tag: "link", path: path(), to: path() };
  if (roll < 90) return { tag: "rename", path: path(), to: path() };
  return next() % 3 === 0 ? { tag: "rmdir", path: path() } : { tag: "unlink", path: path() };
}
