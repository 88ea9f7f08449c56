/**
 * The tree of names of `ram:`: nodes, directories, and the walk along a path. The walk follows
 * symbolic links, and never leaves the directory that it must stay beneath.
 */

import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOSPC, ENOTDIR } from "../../ipc/errno.js";
import { NAME_BYTES_MAX } from "../../ipc/limits.js";
import { type Budget, SparseBytes } from "./sparse-bytes.js";

/** Symbolic links that one walk follows at most. */
export const LINKS_FOLLOWED_MAX = 40;
/** What a node, and a name, cost of the budget besides contents. */
export const NODE_BYTES = 256;
export const ENTRY_BYTES = 256;

interface NodeFacts {
  readonly inode: number;
  mode: number;
  /** Names that lead here; the node dies when there is none and no handle either. */
  links: number;
  handles: number;
  modifiedMs: number;
}

export interface FileNode extends NodeFacts {
  readonly kind: "file";
  readonly content: SparseBytes;
}

export interface DirectoryNode extends NodeFacts {
  readonly kind: "directory";
  /** In the order of their cursors, since every new entry gets the next one. */
  readonly entries: Map<string, Entry>;
  nextCursor: number;
}

export interface SymlinkNode extends NodeFacts {
  readonly kind: "symlink";
  readonly target: string;
}

export type Node = FileNode | DirectoryNode | SymlinkNode;

/** A name in a directory. Its cursor never changes, so a listing survives changes around it. */
export interface Entry {
  readonly node: Node;
  readonly cursor: number;
}

/** Where a walk ended: the directory, the last name, and what is there. */
export interface Place {
  readonly directory: DirectoryNode;
  /** Empty for the root. */
  readonly name: string;
  readonly node: Node | undefined;
  /** The directories above, from the scheme's root down, `directory` last. */
  readonly above: readonly DirectoryNode[];
}

/** A directory on the way of a walk, and the name under which it was entered. */
interface Passed {
  readonly node: DirectoryNode;
  readonly name: string;
}

/** The tree of one instance. */
export class Tree {
  readonly budget: Budget;
  readonly root: DirectoryNode;
  readonly #now: () => number;
  #nextInode = 1;

  constructor(budget: Budget, now: () => number) {
    this.budget = budget;
    this.#now = now;
    this.root = { ...this.#facts(0o755), kind: "directory", entries: new Map(), nextCursor: 1 };
    this.root.links = 1;
  }

  /**
   * Walks to `path`, beneath directory `root`. The last name may be missing; `follow` says whether
   * a symbolic link there is followed.
   * @throws ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG; EACCES when a link leads out of `root`.
   */
  walk(path: string, options: { follow: boolean; root?: string }): Place {
    const base = split(options.root ?? "/");
    const names = split(path);
    let links = 0;
    let trail: Passed[] = [{ node: this.root, name: "" }];
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const { node: directory } = trail[trail.length - 1] as Passed;
      if (name === "..") {
        // Only a link's target has these: a request's path is canonical.
        if (base.length > 0 && trail.length - 1 <= base.length) throw EACCES;
        if (trail.length > 1) trail.pop();
        continue;
      }
      checkName(name);
      const node = directory.entries.get(name)?.node;
      const last = names.length === 0;
      if (node?.kind === "symlink" && (!last || options.follow)) {
        links += 1;
        if (links > LINKS_FOLLOWED_MAX) throw ELOOP;
        // A link above the root would move the root itself.
        if (trail.length - 1 < base.length) throw EACCES;
        const target = split(node.target);
        if (node.target.startsWith("/")) {
          if (!isWithin(target, base)) throw EACCES;
          trail = [{ node: this.root, name: "" }];
        }
        names.unshift(...target);
      } else if (node?.kind === "directory") trail.push({ node, name });
      else if (last) return { directory, name, node, above: trail.map((passed) => passed.node) };
      else throw node === undefined ? ENOENT : ENOTDIR;
    }
    return placeOf(trail);
  }

  /** Makes a file, a directory, or a symbolic link to `target`. @throws ENOSPC */
  create(place: Place, kind: Node["kind"], target = ""): Node {
    this.#charge(NODE_BYTES + ENTRY_BYTES + target.length);
    const node = this.#newNode(kind, target);
    this.#enter(place.directory, place.name, node);
    return node;
  }

  /** Gives `node` one more name, which must be free. @throws ENOSPC */
  link(place: Place, node: Node): void {
    this.#charge(ENTRY_BYTES);
    this.#enter(place.directory, place.name, node);
  }

  /** Moves a name, in place of what is at `to`. */
  move(from: Place, to: Place, node: Node): void {
    if (to.node !== undefined) this.remove(to);
    from.directory.entries.delete(from.name);
    node.links -= 1;
    this.#enter(to.directory, to.name, node);
    this.touch(from.directory);
  }

  /** Removes a name, and with its last name and handle the node. */
  remove({ directory, name }: Place): void {
    const entry = directory.entries.get(name);
    if (entry === undefined) return;
    directory.entries.delete(name);
    this.budget.give(ENTRY_BYTES);
    entry.node.links -= 1;
    this.touch(directory);
    this.dropIfUnused(entry.node);
  }

  touch(node: Node): void {
    node.modifiedMs = this.#now();
  }

  /** Gives a node's memory back once nothing leads to it. */
  dropIfUnused(node: Node): void {
    if (node.links > 0 || node.handles > 0) return;
    if (node.kind === "file") node.content.release();
    this.budget.give(NODE_BYTES + (node.kind === "symlink" ? node.target.length : 0));
  }

  #newNode(kind: Node["kind"], target: string): Node {
    switch (kind) {
      case "file":
        return { ...this.#facts(0o644), kind, content: new SparseBytes(this.budget) };
      case "directory":
        return { ...this.#facts(0o755), kind, entries: new Map(), nextCursor: 1 };
      case "symlink":
        return { ...this.#facts(0o777), kind, target };
    }
  }

  #enter(directory: DirectoryNode, name: string, node: Node): void {
    directory.entries.set(name, { node, cursor: directory.nextCursor });
    directory.nextCursor += 1;
    node.links += 1;
    this.touch(directory);
  }

  #facts(mode: number): NodeFacts {
    const inode = this.#nextInode;
    this.#nextInode += 1;
    return { inode, mode, links: 0, handles: 0, modifiedMs: this.#now() };
  }

  #charge(bytes: number): void {
    if (!this.budget.take(bytes)) throw ENOSPC;
  }
}

/** The place of the directory at which a walk ended. */
function placeOf(trail: readonly Passed[]): Place {
  const { node, name } = trail[trail.length - 1] as Passed;
  const above = trail.slice(0, -1).map((passed) => passed.node);
  return { directory: above[above.length - 1] ?? node, name, node, above };
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function checkName(name: string): void {
  if (name.length * 3 > NAME_BYTES_MAX && Buffer.byteLength(name) > NAME_BYTES_MAX) {
    throw ENAMETOOLONG;
  }
}

function isWithin(names: readonly string[], base: readonly string[]): boolean {
  return base.every((name, index) => names[index] === name);
}
