/**
 * A plain file system in memory, as simple as can be, to hold the real one against: a map from path
 * to node. It knows what each operation must answer, and prints its whole state as text.
 */

import { createHash } from "node:crypto";
import type { FileSystem } from "../../schemes/fs/file-system.js";
import { type ContentKind, content } from "./random.js";
import {
  linkFile,
  makeDirectory,
  namesIn,
  readFile,
  statOf,
  truncateFile,
  writeFile,
} from "./volume.js";

/** One operation, with numbers that say which names it uses. */
export type Operation =
  | { tag: "mkdir" | "create" | "unlink" | "rmdir"; path: string }
  | { tag: "write"; path: string; offset: number; length: number; kind: ContentKind; seed: number }
  | { tag: "truncate"; path: string; size: number }
  | { tag: "symlink"; path: string; target: string }
  | { tag: "link" | "rename"; path: string; to: string };

type ModelNode =
  | { kind: "file"; bytes: Buffer }
  | { kind: "directory" }
  | { kind: "symlink"; target: string };

export class Model {
  readonly #nodes = new Map<string, ModelNode>([["", { kind: "directory" }]]);

  /** A copy that shares nothing that changes; hard links stay hard links. */
  clone(): Model {
    const copy = new Model();
    const copies = new Map<ModelNode, ModelNode>();
    for (const [path, node] of this.#nodes) {
      const known = copies.get(node) ?? { ...node };
      copies.set(node, known);
      copy.#nodes.set(path, known);
    }
    return copy;
  }

  /** Performs an operation; returns the errno that it must fail with, or undefined. */
  perform(operation: Operation): string | undefined {
    const { path } = operation;
    const node = this.#nodes.get(path);
    const blocked = this.#above(path);
    if (blocked !== undefined) return blocked;
    switch (operation.tag) {
      case "mkdir":
      case "symlink":
      case "create":
        if (node !== undefined) {
          return operation.tag === "create" ? this.#openForWriting(node) : "EEXIST";
        }
        this.#nodes.set(path, newNode(operation));
        return undefined;
      case "write":
        return this.#edit(path, (bytes) => writeInto(bytes, operation));
      case "truncate":
        return this.#edit(path, (bytes) => resized(bytes, operation.size));
      case "unlink":
      case "rmdir":
        return this.#remove(path, operation.tag);
      case "link":
        return this.#link(path, operation.to);
      case "rename":
        return this.#rename(path, operation.to);
    }
  }

  #above(path: string): string | undefined {
    const parent = this.#nodes.get(parentOf(path));
    if (parent === undefined) return this.#above(parentOf(path)) ?? "ENOENT";
    return parent.kind === "directory" ? undefined : "ENOTDIR";
  }

  #openForWriting(node: ModelNode): string | undefined {
    return node.kind === "directory" ? "EISDIR" : undefined;
  }

  #edit(path: string, edit: (bytes: Buffer) => Buffer): string | undefined {
    const node = this.#nodes.get(path);
    if (node === undefined) return "ENOENT";
    if (node.kind === "directory") return "EISDIR";
    if (node.kind === "file") node.bytes = edit(node.bytes);
    return undefined;
  }

  #remove(path: string, tag: "unlink" | "rmdir"): string | undefined {
    const node = this.#nodes.get(path);
    if (node === undefined) return "ENOENT";
    if (tag === "unlink" && node.kind === "directory") return "EISDIR";
    if (tag === "rmdir" && node.kind !== "directory") return "ENOTDIR";
    if (this.#hasChildren(path)) return "ENOTEMPTY";
    this.#nodes.delete(path);
    return undefined;
  }

  #link(path: string, to: string): string | undefined {
    const node = this.#nodes.get(path);
    if (node === undefined) return "ENOENT";
    if (node.kind === "directory") return "EPERM";
    const blocked = this.#above(to);
    if (blocked !== undefined) return blocked;
    if (this.#nodes.has(to)) return "EEXIST";
    this.#nodes.set(to, node);
    return undefined;
  }

  #rename(path: string, to: string): string | undefined {
    const blocked = this.#above(to);
    if (blocked !== undefined) return blocked;
    const node = this.#nodes.get(path);
    const target = this.#nodes.get(to);
    if (node === undefined) return "ENOENT";
    if (node.kind === "directory" && to.startsWith(`${path}/`)) return "EINVAL";
    if (target === node) return undefined;
    if (target !== undefined) {
      if (target.kind === "directory" && node.kind !== "directory") return "EISDIR";
      if (target.kind !== "directory" && node.kind === "directory") return "ENOTDIR";
      if (this.#hasChildren(to)) return "ENOTEMPTY";
    }
    this.#nodes.delete(path);
    this.#nodes.set(to, node);
    for (const [below, child] of [...this.#nodes]) {
      if (!below.startsWith(`${path}/`)) continue;
      this.#nodes.delete(below);
      this.#nodes.set(to + below.slice(path.length), child);
    }
    return undefined;
  }

  #hasChildren(path: string): boolean {
    return [...this.#nodes.keys()].some((below) => below.startsWith(`${path}/`));
  }

  /** Everything, as text. */
  toString(): string {
    const links = new Map<ModelNode, number>();
    for (const node of this.#nodes.values()) links.set(node, (links.get(node) ?? 0) + 1);
    return [...this.#nodes]
      .map(([path, node]) => describe(path, node, links.get(node) ?? 0))
      .sort()
      .join("\n");
  }
}

function newNode(operation: Operation): ModelNode {
  if (operation.tag === "mkdir") return { kind: "directory" };
  if (operation.tag === "symlink") return { kind: "symlink", target: operation.target };
  return { kind: "file", bytes: Buffer.alloc(0) };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function writeInto(before: Buffer, operation: Operation & { tag: "write" }): Buffer {
  const { offset, length, kind, seed } = operation;
  if (length === 0) return before;
  const bytes = resized(before, Math.max(before.length, offset + length));
  content(kind, seed, length).copy(bytes, offset);
  return bytes;
}

function resized(before: Buffer, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  before.copy(bytes);
  return bytes;
}

function describe(path: string, node: ModelNode, links: number): string {
  if (node.kind === "directory") return `${path}/`;
  if (node.kind === "symlink") return `${path} -> ${node.target} (${links})`;
  return `${path} ${node.bytes.length} ${digest(node.bytes)} (${links})`;
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 12);
}

/** Everything in a real file system, in the model's words. @throws EIO */
export async function stateOf(fs: FileSystem, path = ""): Promise<string> {
  const lines: string[] = [];
  const visit = async (at: string): Promise<void> => {
    const { kind, links } = await statOf(fs, at === "" ? "/" : at);
    if (kind === "directory") {
      lines.push(`${at}/`);
      for (const name of await namesIn(fs, at === "" ? "/" : at)) await visit(`${at}/${name}`);
    } else if (kind === "symlink") lines.push(`${at} -> ${await fs.readlink(at)} (${links})`);
    else {
      const bytes = await readFile(fs, at);
      lines.push(`${at} ${bytes.length} ${digest(bytes)} (${links})`);
    }
  };
  await visit(path);
  return lines.sort().join("\n");
}

/** Performs an operation on a real file system; returns the errno that it failed with. */
export async function performOn(fs: FileSystem, operation: Operation): Promise<string | undefined> {
  try {
    await act(fs, operation);
    return undefined;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

async function act(fs: FileSystem, operation: Operation): Promise<void> {
  const { path } = operation;
  switch (operation.tag) {
    case "mkdir":
      return await makeDirectory(fs, path);
    case "create":
      return await writeFile(fs, path, "");
    case "write": {
      const { kind, seed, length, offset } = operation;
      // The model does not make files by writing.
      await statOf(fs, path);
      return await writeFile(fs, path, content(kind, seed, length), offset);
    }
    case "truncate":
      return await truncateFile(fs, path, operation.size);
    case "symlink":
      return await fs.symlink(path, operation.target);
    case "link":
      return await linkFile(fs, path, operation.to);
    case "rename":
      return await fs.rename(path, operation.to);
    case "unlink":
      return await fs.unlink(path, "file");
    case "rmdir":
      return await fs.unlink(path, "directory");
  }
}
