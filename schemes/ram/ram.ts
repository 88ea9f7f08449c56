/**
 * `ram:`, a file system in the daemon's own memory: files, directories, symbolic and hard links,
 * with POSIX rules. Permission bits are kept and shown but not enforced: rights are capabilities.
 */

import {
  EBUSY,
  EEXIST,
  EFBIG,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
} from "../../ipc/errno.js";
import { BODY_BYTES_MAX, PATH_BYTES_MAX } from "../../ipc/limits.js";
import {
  O_APPEND,
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_STAT,
  O_SYMLINK,
  O_TRUNCATE,
  O_WRITE,
} from "../../ipc/open-flags.js";
import {
  EVENT_READ,
  EVENT_WRITE,
  type OpenContext,
  opened,
  type PathContext,
  type Scheme,
} from "../../ipc/scheme.js";
import type { DirectoryEntry, Stat } from "../../ipc/stat.js";
import { Budget, FILE_BYTES_MAX } from "./sparse-bytes.js";
import { type FileNode, type Node, type Place, Tree } from "./tree.js";

const BYTES_DEFAULT = 256 * 1024 * 1024;
const BLOCK_BYTES = 4096;
const ENTRIES_PER_REPLY = 256;
/** What an entry takes of a reply besides its name, and what all may take. */
const ENTRY_BYTES = 48;
const REPLY_BYTES_MAX = BODY_BYTES_MAX - 1024;

/** What an instance is made of. */
export interface RamOptions {
  /** Memory for everything in it, in bytes. */
  bytesMax?: number;
  /** Clock for times of change, in milliseconds since 1970. */
  now?: () => number;
  /** Tells this instance from others: handles of another one are stale. Default 0. */
  generation?: number;
  /** Puts first contents into the empty tree. */
  furnish?: (tree: Tree) => void;
}

/** An open node. */
export interface RamHandle {
  readonly node: Node;
  readonly append: boolean;
}

/** Makes a file system, empty unless it is furnished. */
export function ramScheme(options: RamOptions = {}): Scheme<RamHandle> {
  const generation = options.generation ?? 0;
  const tree = new Tree(new Budget(options.bytesMax ?? BYTES_DEFAULT), options.now ?? Date.now);
  options.furnish?.(tree);
  return {
    open(path, context) {
      const node = openNode(tree, path, context);
      node.handles += 1;
      const handle = { node, append: (context.flags & O_APPEND) !== 0 };
      const identity = { object: String(node.inode), generation };
      return opened(handle, { positioned: true, identity });
    },
    read: ({ node }, bytes, offset) => fileOf(node).content.read(bytes, offset),
    write({ node, append }, bytes, offset) {
      const { content } = fileOf(node);
      const count = content.write(bytes, append || offset < 0 ? content.size : offset);
      tree.touch(node);
      return count;
    },
    fsize: ({ node }) => sizeOf(node),
    ftruncate({ node }, size) {
      if (size < 0) throw EINVAL;
      if (size > FILE_BYTES_MAX) throw EFBIG;
      fileOf(node).content.truncate(size);
      tree.touch(node);
    },
    fsync() {},
    fstat: ({ node }) => ({ ...statOf(node), identity: `${generation}/${node.inode}` }),
    fstatvfs: () => ({
      blockSize: BLOCK_BYTES,
      blocks: Math.floor(tree.budget.bytesMax / BLOCK_BYTES),
      blocksFree: Math.floor(tree.budget.freeBytes / BLOCK_BYTES),
    }),
    getdents: ({ node }, cursor) => entriesAfter(node, cursor),
    link: ({ node }, path, context) => link(tree, node, placeIn(tree, path, context)),
    unlink: (path, kind, context) => unlink(tree, placeIn(tree, path, context), kind),
    rename(from, to, context) {
      const places = { from: placeIn(tree, from, context), to: placeIn(tree, to, context) };
      rename(tree, places, context.replace);
    },
    symlink: (path, target, context) => symlink(tree, placeIn(tree, path, context), target),
    readlink(path, context) {
      const { node } = placeIn(tree, path, context);
      if (node === undefined) throw ENOENT;
      if (node.kind !== "symlink") throw EINVAL;
      return node.target;
    },
    fevent: (_handle, mask) => mask & (EVENT_READ | EVENT_WRITE),
    close({ node }) {
      node.handles -= 1;
      tree.dropIfUnused(node);
    },
  };
}

/** Where a name stands, seen through a capability; a link that it leads to is not followed. */
function placeIn(tree: Tree, path: string, { root }: PathContext): Place {
  return tree.walk(path, { follow: false, root });
}

function openNode(tree: Tree, path: string, { flags, root }: OpenContext): Node {
  const exclusive = (flags & O_CREATE) !== 0 && (flags & O_EXCLUSIVE) !== 0;
  const follow = !exclusive && (flags & O_SYMLINK) === 0;
  const place = tree.walk(path, { follow, root });
  if (place.node === undefined) return createNode(tree, place, flags);
  if (exclusive) throw EEXIST;
  checkKind(place.node, flags);
  const { node } = place;
  if (node.kind === "file" && (flags & O_TRUNCATE) !== 0 && (flags & O_WRITE) !== 0) {
    node.content.truncate(0);
    tree.touch(node);
  }
  return node;
}

/** The gate leaves O_CREATE only to those who have the right to create. */
function createNode(tree: Tree, place: Place, flags: number): Node {
  if ((flags & O_CREATE) === 0) throw ENOENT;
  return tree.create(place, (flags & O_DIRECTORY) !== 0 ? "directory" : "file");
}

function checkKind(node: Node, flags: number): void {
  if ((flags & O_DIRECTORY) !== 0 && node.kind !== "directory") throw ENOTDIR;
  if (node.kind === "directory" && (flags & (O_WRITE | O_TRUNCATE)) !== 0) throw EISDIR;
  if (node.kind === "symlink" && (flags & O_STAT) === 0) throw ELOOP;
}

function fileOf(node: Node): FileNode {
  if (node.kind === "directory") throw EISDIR;
  if (node.kind === "symlink") throw EINVAL;
  return node;
}

function sizeOf(node: Node): number {
  if (node.kind === "file") return node.content.size;
  return node.kind === "symlink" ? Buffer.byteLength(node.target) : 0;
}

function statOf(node: Node): Stat {
  return {
    kind: node.kind,
    size: sizeOf(node),
    mode: node.mode,
    links: node.links,
    blockSize: BLOCK_BYTES,
    modifiedMs: node.modifiedMs,
  };
}

function entriesAfter(node: Node, cursor: number): DirectoryEntry[] {
  if (node.kind !== "directory") throw ENOTDIR;
  const entries: DirectoryEntry[] = [];
  let bytes = 0;
  for (const [name, entry] of node.entries) {
    if (entry.cursor <= cursor) continue;
    bytes += ENTRY_BYTES + Buffer.byteLength(name);
    if (bytes > REPLY_BYTES_MAX || entries.length === ENTRIES_PER_REPLY) break;
    entries.push({ name, kind: entry.node.kind, next: entry.cursor });
  }
  return entries;
}

function link(tree: Tree, node: Node, place: Place): void {
  if (node.kind === "directory") throw EPERM;
  // A node without a name stays without one: its last handle ends it.
  if (node.links === 0) throw ENOENT;
  if (place.node !== undefined) throw EEXIST;
  tree.link(place, node);
}

function symlink(tree: Tree, place: Place, target: string): void {
  if (target === "") throw ENOENT;
  if (Buffer.byteLength(target) > PATH_BYTES_MAX) throw ENAMETOOLONG;
  if (place.node !== undefined) throw EEXIST;
  tree.create(place, "symlink", target);
}

function unlink(tree: Tree, place: Place, kind: "file" | "directory"): void {
  const { node } = place;
  if (node === undefined) throw ENOENT;
  if (kind === "file" && node.kind === "directory") throw EISDIR;
  if (kind === "directory" && node.kind !== "directory") throw ENOTDIR;
  if (node === tree.root) throw EBUSY;
  if (node.kind === "directory" && node.entries.size > 0) throw ENOTEMPTY;
  tree.remove(place);
}

/**
 * POSIX rename(): a directory replaces an empty directory only, a file anything but a directory.
 */
function rename(tree: Tree, { from, to }: { from: Place; to: Place }, replace: boolean): void {
  const { node } = from;
  if (node === undefined) throw ENOENT;
  if (node === tree.root || to.node === tree.root) throw EBUSY;
  if (node.kind === "directory" && to.above.includes(node)) throw EINVAL;
  if (to.node === undefined) {
    tree.move(from, to, node);
    return;
  }
  if (!replace) throw EEXIST;
  if (to.node === node) return;
  if (to.node.kind === "directory" && node.kind !== "directory") throw EISDIR;
  if (to.node.kind !== "directory" && node.kind === "directory") throw ENOTDIR;
  if (to.node.kind === "directory" && to.node.entries.size > 0) throw ENOTEMPTY;
  tree.move(from, to, node);
}
