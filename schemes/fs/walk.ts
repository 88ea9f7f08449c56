/**
 * The walk along a path: from the root over directories and symbolic links to a place, which need
 * not be taken. It never leaves the directory that it must stay beneath, whatever links say.
 */

import { EACCES, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "../../ipc/errno.js";
import { PATH_BYTES_MAX } from "../../ipc/limits.js";
import { corrupt } from "./corruption.js";
import { NAME_BYTES_MAX } from "./dir-list.js";
import { type Node, ROOT_NODE } from "./node.js";
import type { Volume } from "./volume.js";

/** Symbolic links that one walk follows at most. */
const LINKS_FOLLOWED_MAX = 40;

/** Where a walk ended: the directory, the last name, and what is there. */
export interface Place {
  readonly directory: Node;
  /** Empty for the root. */
  readonly name: string;
  readonly node: Node | undefined;
  /** The directories above, from the root down, `directory` last. */
  readonly above: readonly Node[];
}

export interface WalkOptions {
  /** Whether a symbolic link at the end is followed. */
  follow: boolean;
  /** Path of the directory to stay beneath. */
  root?: string;
}

/** A directory on the way, and the name under which it was entered. */
interface Passed {
  readonly node: Node;
  readonly name: string;
}

/**
 * Walks to `path`. The last name may be missing.
 * @throws ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EIO; EACCES when a link leads out of the root
 */
export async function walk(volume: Volume, path: string, options: WalkOptions): Promise<Place> {
  const base = split(options.root ?? "/");
  const names = split(path);
  let links = 0;
  let trail: Passed[] = [{ node: await volume.tree.get(ROOT_NODE), name: "" }];
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const { node: directory } = trail.at(-1) as Passed;
    if (name === "..") {
      // Only a link's target has these: a request's path is canonical.
      if (base.length > 0 && trail.length - 1 <= base.length) throw EACCES;
      if (trail.length > 1) trail.pop();
      continue;
    }
    const node = await child(volume, directory, name);
    const last = names.length === 0;
    if (node?.kind === "symlink" && (!last || options.follow)) {
      links += 1;
      if (links > LINKS_FOLLOWED_MAX) throw ELOOP;
      // A link above the root would move the root itself.
      if (trail.length - 1 < base.length) throw EACCES;
      const target = await targetOf(volume, node);
      if (target.startsWith("/")) {
        if (!isWithin(split(target), base)) throw EACCES;
        trail = trail.slice(0, 1);
      }
      names.unshift(...split(target));
    } else if (node?.kind === "directory") trail.push({ node, name });
    else if (last) return { directory, name, node, above: trail.map((passed) => passed.node) };
    else throw node === undefined ? ENOENT : ENOTDIR;
  }
  const { node, name } = trail.at(-1) as Passed;
  const above = trail.slice(0, -1).map((passed) => passed.node);
  return { directory: above.at(-1) ?? node, name, node, above };
}

async function child(volume: Volume, directory: Node, name: string): Promise<Node | undefined> {
  const id = await volume.directories.find(directory, nameBytes(name));
  if (id === undefined) return undefined;
  try {
    return await volume.tree.get(id);
  } catch (thrown) {
    if (thrown !== ENOENT) throw thrown;
    throw corrupt(`the name "${name}" in directory ${directory.id} leads to no node`);
  }
}

/** What a symbolic link leads to. @throws EIO */
export async function targetOf(volume: Volume, node: Node): Promise<string> {
  if (node.size > PATH_BYTES_MAX) throw corrupt(`symbolic link ${node.id} is too long`);
  const bytes = Buffer.alloc(node.size);
  await volume.records.read(node, 0, bytes);
  return bytes.toString();
}

/** A name as the disk has it. @throws ENAMETOOLONG */
export function nameBytes(name: string): Buffer {
  const bytes = Buffer.from(name);
  if (bytes.length > NAME_BYTES_MAX) throw ENAMETOOLONG;
  return bytes;
}

/**
 * A name that is to be made: RedoxFS has none with a colon or a zero. @throws EINVAL, ENAMETOOLONG
 */
export function newNameBytes(name: string): Buffer {
  if (/[:\0]/.test(name)) throw EINVAL;
  return nameBytes(name);
}

function split(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function isWithin(names: readonly string[], base: readonly string[]): boolean {
  return base.every((name, index) => names[index] === name);
}
