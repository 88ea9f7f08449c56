/** What a case of the conformance suite is, and the few words that all cases use. */

import { expect } from "vitest";
import type { AsyncSystem } from "../../user/async-system.js";
import type { File } from "../../user/file.js";

/** What a case works with. */
export interface CaseContext {
  readonly os: AsyncSystem;
  /** URL of an object that can be read and written; in a tree a new file of 16 bytes. */
  readonly object: string;
  /** URL of a name in this case's own directory, for schemes with a tree. */
  at(name: string): string;
  /** The system with fewer rights, perhaps beneath a URL only; what it opens can only be closed. */
  narrowed(rights: number, prefix?: string): Promise<AsyncSystem>;
}

/** One case. */
export interface Case {
  name: string;
  /** Set when the case is about rights. */
  rights?: true;
  run(context: CaseContext): Promise<void>;
}

/** What a file of a tree holds when a case gets it as its object. */
export const OBJECT_TEXT = "0123456789abcdef";

/** Makes or replaces a file. */
export async function writeText(os: AsyncSystem, url: string, text: string): Promise<void> {
  await using file = await os.open(url, { mode: "write" });
  await file.write(text);
}

/** Reads a file to its end. */
export async function textOf(os: AsyncSystem, url: string): Promise<string> {
  await using file = await os.open(url);
  return (await file.readAll()).toString();
}

/** Bytes that every write to `file` must be a multiple of: a device with sectors names its own. */
export async function unitOf(file: File): Promise<number> {
  const { kind, blockSize } = await file.stat();
  return kind === "device" ? (blockSize ?? 1) : 1;
}

/** Returns the names in a directory, sorted. */
export async function namesIn(os: AsyncSystem, url: string): Promise<string[]> {
  await using directory = await os.open(url, { mode: "list" });
  return (await directory.list()).map((entry) => entry.name).sort();
}

/** Expects that an operation fails with one of `codes`. */
export async function expectCode(operation: Promise<unknown>, ...codes: string[]): Promise<void> {
  const code = await operation.then(
    () => "success",
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
  expect(codes).toContain(code);
}
