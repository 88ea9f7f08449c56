/**
 * Files, directories and links by path, with POSIX rules, over a mounted volume. Each operation
 * that changes something happens entirely or not at all. Permissions, owners and times are kept and
 * shown, not enforced: rights are capabilities.
 */

import {
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
} from "../../ipc/errno.js";
import { PATH_BYTES_MAX } from "../../ipc/limits.js";
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
import type { FileKind, StatVfs } from "../../ipc/stat.js";
import { BLOCK_BYTES } from "./block-device.js";
import type { DiskTime, Node } from "./node.js";
import type { Volume } from "./volume.js";
import { newNameBytes, type Place, targetOf, walk } from "./walk.js";

/** Where an operation on a path stays beneath. */
export interface Beneath {
  /** Path of a directory that no link may lead out of. */
  readonly root?: string;
}

export interface OpenOptions extends Beneath {
  /** Bits of open-flags.ts. */
  readonly flags: number;
  /** Permission bits of what is made. */
  readonly mode?: number;
}

/** An open file, directory or link. */
export interface OpenFile {
  readonly node: Node;
  readonly append: boolean;
}

/** Attributes of a node. */
export interface Attributes {
  readonly node: number;
  readonly kind: FileKind;
  /** Bytes of contents; 0 for a directory. */
  readonly size: number;
  /** Blocks on the disk, those of the node itself included. */
  readonly blocks: number;
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  readonly links: number;
  readonly created: DiskTime;
  readonly modified: DiskTime;
  readonly accessed: DiskTime;
}

/** What can be set of them. */
export type NewAttributes = Partial<
  Pick<Attributes, "mode" | "user" | "group" | "modified" | "accessed">
>;

export interface Listed {
  readonly name: string;
  readonly kind: FileKind;
  readonly cursor: number;
}

export class FileSystem {
  readonly volume: Volume;
  readonly #now: () => DiskTime;

  constructor(volume: Volume, now: () => DiskTime) {
    this.volume = volume;
    this.#now = now;
  }

  /**
   * Opens what is at `path`, or makes it.
   * @throws ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, EACCES, EINVAL, ENAMETOOLONG, ENOSPC, EROFS,
   * EIO
   */
  async open(path: string, options: OpenOptions): Promise<OpenFile> {
    const { flags } = options;
    const mayChange = (flags & (O_CREATE | O_TRUNCATE)) !== 0;
    const act = async (): Promise<OpenFile> => {
      const node = await this.#openNode(path, options);
      node.handles += 1;
      return { node, append: (flags & O_APPEND) !== 0 };
    };
    return mayChange && !this.volume.readOnly
      ? await this.volume.change(act)
      : await this.volume.read(act);
  }

  async #openNode(path: string, { flags, root = "/", mode }: OpenOptions): Promise<Node> {
    const exclusive = (flags & O_CREATE) !== 0 && (flags & O_EXCLUSIVE) !== 0;
    const follow = !exclusive && (flags & O_SYMLINK) === 0;
    const place = await walk(this.volume, path, { follow, root });
    const { node } = place;
    if (node === undefined) {
      if ((flags & O_CREATE) === 0) throw ENOENT;
      if (this.volume.readOnly) return await this.volume.change(async () => place.directory);
      const kind = (flags & O_DIRECTORY) === 0 ? "file" : "directory";
      return await this.#create(place, kind, mode ?? (kind === "file" ? 0o644 : 0o755));
    }
    if (exclusive) throw EEXIST;
    checkKind(node, flags);
    if (node.kind === "file" && (flags & O_TRUNCATE) !== 0 && (flags & O_WRITE) !== 0) {
      await this.#truncate(node, 0);
    }
    return node;
  }

  async #create(place: Place, kind: "file" | "directory" | "symlink", mode: number): Promise<Node> {
    const { directory, name } = place;
    const bytes = newNameBytes(name);
    const created = this.#now();
    const { user, group } = directory;
    const node = await this.volume.tree.create({ kind, mode, user, group, created });
    await this.volume.directories.insert(directory, bytes, node.id);
    node.links = 1;
    this.#touch(directory);
    return node;
  }

  /** The handle is no longer used. Frees what has lost its last name. */
  async close({ node }: OpenFile): Promise<void> {
    node.handles -= 1;
    if (node.handles > 0 || node.links > 0 || this.volume.readOnly) return;
    await this.volume.change(async () => {
      // Somebody may have come before us: a node without names is freed once.
      if (!node.gone && node.handles === 0 && node.links === 0) await this.volume.free(node);
    }, true);
  }

  /** Fills `bytes`; returns the count, 0 at the end. @throws EISDIR, EINVAL, EIO */
  async read({ node }: OpenFile, bytes: Uint8Array, offset: number): Promise<number> {
    requireFile(node);
    return await this.volume.read(async () => await this.volume.records.read(node, offset, bytes));
  }

  /**
   * Writes at `offset`, or at the end: for a handle opened to append, or with a negative offset.
   * @returns how many bytes were taken; less than all if the disk is full @throws ENOSPC, EFBIG,
   * EIO
   */
  async write(file: OpenFile, bytes: Uint8Array, offset: number): Promise<number> {
    const { node } = file;
    requireFile(node);
    return await this.volume.change(async () => {
      const at = file.append || offset < 0 ? node.size : offset;
      const count = await this.volume.records.write(node, at, bytes);
      this.#touch(node);
      return count;
    });
  }

  /** Sets the size. @throws EINVAL, EFBIG, ENOSPC, EIO */
  async truncate({ node }: OpenFile, size: number): Promise<void> {
    requireFile(node);
    await this.volume.change(async () => await this.#truncate(node, size), size < node.size);
  }

  async #truncate(node: Node, size: number): Promise<void> {
    await this.volume.records.truncate(node, size);
    this.#touch(node);
  }

  attributes({ node }: OpenFile): Attributes {
    const { id, kind, mode, user, group, links, blocks } = node;
    const { created, modified, accessed } = node;
    const facts = { node: id, kind: kind ?? "file", size: sizeOf(node), blocks, mode };
    return { ...facts, user, group, links, created, modified, accessed };
  }

  /** Sets some attributes. @throws EROFS, ENOSPC, EIO */
  async setAttributes({ node }: OpenFile, attributes: NewAttributes): Promise<void> {
    await this.volume.change(async () => {
      this.volume.tree.touch(node);
      Object.assign(node, attributes);
    });
  }

  /** Entries behind `cursor`, at least `count` if there are so many. @throws ENOTDIR, EIO */
  async list({ node }: OpenFile, cursor: number, count: number): Promise<Listed[]> {
    if (node.kind !== "directory") throw ENOTDIR;
    return await this.volume.read(async () => {
      const listed: Listed[] = [];
      for (const entry of await this.volume.directories.list(node, cursor, count)) {
        listed.push({ ...entry, kind: await this.#kindOf(entry.node) });
      }
      return listed;
    });
  }

  /** A damaged node is listed as a file, so that it can be seen. */
  async #kindOf(id: number): Promise<FileKind> {
    try {
      return (await this.volume.tree.get(id)).kind ?? "file";
    } catch {
      return "file";
    }
  }

  /** Gives an open file one more name. @throws EPERM, ENOENT, EEXIST, ENOSPC, EIO */
  async link({ node }: OpenFile, path: string, beneath: Beneath = {}): Promise<void> {
    if (node.kind === "directory") throw EPERM;
    await this.volume.change(async () => {
      const { directory, name, node: there } = await this.#placeOf(path, beneath);
      // A node without a name stays without one: its last handle ends it.
      if (node.links === 0) throw ENOENT;
      if (there !== undefined) throw EEXIST;
      await this.volume.directories.insert(directory, newNameBytes(name), node.id);
      this.volume.tree.touch(node);
      node.links += 1;
      this.#touch(directory);
    });
  }

  /** @throws ENOENT for an empty target, ENAMETOOLONG, EEXIST, ENOSPC, EIO */
  async symlink(path: string, target: string, beneath: Beneath = {}): Promise<void> {
    const bytes = Buffer.from(target);
    if (bytes.length === 0) throw ENOENT;
    if (bytes.length > PATH_BYTES_MAX) throw ENAMETOOLONG;
    await this.volume.change(async () => {
      const place = await this.#placeOf(path, beneath);
      if (place.node !== undefined) throw EEXIST;
      const node = await this.#create(place, "symlink", 0o777);
      await this.volume.records.write(node, 0, bytes);
    });
  }

  /** @throws ENOENT, EINVAL when it is no symbolic link, EIO */
  async readlink(path: string, beneath: Beneath = {}): Promise<string> {
    return await this.volume.read(async () => {
      const { node } = await this.#placeOf(path, beneath);
      if (node === undefined) throw ENOENT;
      if (node.kind !== "symlink") throw EINVAL;
      return await targetOf(this.volume, node);
    });
  }

  /** Removes a name. @throws ENOENT, EISDIR, ENOTDIR, EBUSY, ENOTEMPTY, EIO */
  async unlink(path: string, kind: "file" | "directory", beneath: Beneath = {}): Promise<void> {
    await this.volume.change(async () => {
      const { directory, name, node } = await this.#placeOf(path, beneath);
      if (node === undefined) throw ENOENT;
      if (kind === "file" && node.kind === "directory") throw EISDIR;
      if (kind === "directory" && node.kind !== "directory") throw ENOTDIR;
      if (name === "") throw EBUSY;
      this.#requireEmpty(node);
      await this.volume.directories.remove(directory, Buffer.from(name));
      this.#touch(directory);
      await this.#dropLink(node);
    }, true);
  }

  /** POSIX rename(): a directory replaces an empty directory only, a file all but a directory. */
  async rename(
    from: string,
    to: string,
    { replace = true, ...beneath }: Beneath & { replace?: boolean } = {},
  ): Promise<void> {
    await this.volume.change(async () => {
      const source = await this.#placeOf(from, beneath);
      const target = await this.#placeOf(to, beneath);
      const { node } = source;
      if (node === undefined) throw ENOENT;
      if (source.name === "" || (target.node !== undefined && target.name === "")) throw EBUSY;
      if (node.kind === "directory" && target.above.includes(node)) throw EINVAL;
      if (target.node !== undefined) {
        if (!replace) throw EEXIST;
        if (target.node === node) return;
        this.#requireReplaceable(node, target.node);
      }
      await this.#move(node, source, target);
    }, true);
  }

  #requireReplaceable(node: Node, target: Node): void {
    if (target.kind === "directory" && node.kind !== "directory") throw EISDIR;
    if (target.kind !== "directory" && node.kind === "directory") throw ENOTDIR;
    this.#requireEmpty(target);
  }

  #requireEmpty(node: Node): void {
    if (node.kind === "directory" && !this.volume.directories.isEmpty(node)) throw ENOTEMPTY;
  }

  async #move(node: Node, source: Place, target: Place): Promise<void> {
    const { directories } = this.volume;
    const name = newNameBytes(target.name);
    if (target.node === undefined) await directories.insert(target.directory, name, node.id);
    else {
      await directories.change(target.directory, name, node.id);
      await this.#dropLink(target.node);
    }
    await directories.remove(source.directory, Buffer.from(source.name));
    this.#touch(source.directory);
    this.#touch(target.directory);
  }

  async #dropLink(node: Node): Promise<void> {
    this.volume.tree.touch(node);
    node.links = Math.max(0, node.links - 1);
    if (node.links > 0) return;
    if (node.handles > 0) this.volume.orphans.add(node.id);
    else await this.volume.free(node);
  }

  statVfs(): StatVfs {
    const { blocks, free } = this.volume.store;
    return { blockSize: BLOCK_BYTES, blocks, blocksFree: free };
  }

  /** Where a name stands; a link that it leads to is not followed. */
  async #placeOf(path: string, { root = "/" }: Beneath): Promise<Place> {
    return await walk(this.volume, path, { follow: false, root });
  }

  #touch(node: Node): void {
    this.volume.tree.touch(node);
    node.modified = this.#now();
  }
}

function checkKind(node: Node, flags: number): void {
  if ((flags & O_DIRECTORY) !== 0 && node.kind !== "directory") throw ENOTDIR;
  if (node.kind === "directory" && (flags & (O_WRITE | O_TRUNCATE)) !== 0) throw EISDIR;
  if (node.kind === "symlink" && (flags & O_STAT) === 0) throw ELOOP;
}

function requireFile(node: Node): void {
  if (node.kind === "directory") throw EISDIR;
  if (node.kind !== "file") throw EINVAL;
}

function sizeOf(node: Node): number {
  return node.kind === "directory" ? 0 : node.size;
}
