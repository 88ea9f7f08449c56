/**
 * The check of a whole file system: every checksum, every structure, and the allocation to the
 * block. It reads only, and walks over a mounted volume without uncommitted changes.
 */

import { ENOENT, errnoOf } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import type { BlockPointer } from "./block-pointer.js";
import { ExtentSet } from "./extent-set.js";
import { RESERVED_BLOCKS } from "./header.js";
import { type Node, ROOT_NODE } from "./node.js";
import type { Volume } from "./volume.js";

/** What is wrong. The kinds are stable, for scripts; docs/file-system.md explains each. */
export type FindingKind =
  | "damaged-tree"
  | "damaged-node"
  | "damaged-directory"
  | "damaged-record"
  | "shared-blocks"
  | "dangling-name"
  | "duplicate-name"
  | "directory-order"
  | "second-parent"
  | "link-count"
  | "block-count"
  | "directory-size"
  | "orphan-node"
  | "number-flag"
  | "stale-records"
  | "blocks-lost"
  | "blocks-missing";

/** One thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind;
  readonly path: string;
  /** Number of the node, 0 when it is about none. */
  readonly node: number;
  readonly detail: string;
  /** What the counts of the node should be. */
  readonly expected?: { readonly links?: number; readonly blocks?: number };
  /** Directory that names a damaged node. */
  readonly owner?: number;
}

/** The result of a check. */
export interface CheckReport {
  readonly findings: Finding[];
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly blocks: number;
  readonly used: number;
  readonly free: number;
  /** Where repairs start from: blocks that something leads to. */
  readonly reachable: ExtentSet;
}

export interface CheckOptions {
  /** Called now and then with how many of the nodes have been looked at. */
  progress?: (done: number, total: number) => void;
  /** Read and verify the contents of files, not only what describes them. */
  contents?: boolean;
}

/** How many nodes are looked at between two reports of progress. */
const PROGRESS_NODES = 256;
/** More are not told; a repair goes on with them in its next round. */
const FINDINGS_MAX = 10_000;

/** Checks everything; what has not been committed yet is committed first. @throws EIO, ENOSPC */
export async function check(volume: Volume, options: CheckOptions = {}): Promise<CheckReport> {
  await volume.sync();
  return await volume.read(async () => await new Check(volume, options).run());
}

class Check {
  readonly #volume: Volume;
  readonly #options: CheckOptions;
  readonly #findings: Finding[] = [];
  readonly #reachable = new ExtentSet();
  /** Nodes of the tree, and where they lie. */
  readonly #nodes = new Map<number, BlockPointer>();
  /** Names that lead to each node, and one of them as a path. */
  readonly #links = new Map<number, number>();
  readonly #paths = new Map<number, string>();
  #counts = { file: 0, directory: 0, symlink: 0 };
  #done = 0;

  constructor(volume: Volume, options: CheckOptions) {
    this.#volume = volume;
    this.#options = options;
  }

  async run(): Promise<CheckReport> {
    const volume = this.#volume;
    this.#reachable.add(0, RESERVED_BLOCKS);
    await this.#checkTree();
    for (const pointer of volume.log.blocks) this.#claim(pointer, 0, "the allocation log");
    for (const pointer of volume.orphans.blocks) this.#claim(pointer, 0, "the release list");
    this.#paths.set(ROOT_NODE, "/");
    this.#links.set(ROOT_NODE, 1);
    await this.#checkDirectory(ROOT_NODE);
    await this.#checkUnnamed();
    this.#checkAllocation();
    const { blocks, free } = volume.store;
    const { file, directory, symlink } = this.#counts;
    return {
      findings: this.#findings,
      files: file,
      directories: directory,
      symlinks: symlink,
      blocks,
      used: blocks - free,
      free,
      reachable: this.#reachable,
    };
  }

  async #checkTree(): Promise<void> {
    for await (const visit of this.#volume.tree.visit()) {
      if (visit.tag === "list") this.#claim(visit.pointer, 0, "the node tree");
      else if (visit.tag === "damaged") this.#find("damaged-tree", 0, textOf(visit.error));
      else if (visit.tag === "flag") this.#find("number-flag", visit.id, "its place is misnoted");
      else {
        this.#nodes.set(visit.id, visit.pointer);
        this.#claim(visit.pointer, visit.id, "the node");
      }
    }
  }

  async #checkDirectory(id: number): Promise<void> {
    const pending = [id];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const directory = await this.#readNode(next);
      if (directory === undefined) continue;
      await this.#checkLinks(directory);
      pending.push(...(await this.#checkEntries(directory)));
    }
  }

  /** Checks the names in a directory and what they lead to; returns the directories in it. */
  async #checkEntries(directory: Node): Promise<number[]> {
    const seen = new Set<string>();
    const below: number[] = [];
    let blocks = 0;
    for await (const visit of this.#volume.directories.visit(directory)) {
      if (visit.tag === "block") {
        blocks += 1;
        this.#claim(visit.pointer, directory.id, "the directory");
      } else if (visit.tag === "damaged") {
        this.#find("damaged-directory", directory.id, textOf(visit.error));
      } else if (visit.tag === "order") {
        const detail = `block ${visit.pointer.index}: a name is where nobody looks for it`;
        this.#find("directory-order", directory.id, detail);
      } else {
        const name = visit.entry.name.toString();
        const { node } = visit.entry;
        if (seen.has(name)) this.#find("duplicate-name", directory.id, `"${name}" is there twice`);
        seen.add(name);
        if (await this.#checkName(directory, name, node)) below.push(node);
      }
    }
    const expected = blocks * 4096;
    if (directory.size !== expected) {
      const detail = `size ${directory.size}, ${blocks} blocks are ${expected}`;
      this.#find("directory-size", directory.id, detail);
    }
    this.#checkBlocks(directory, blocks + 1);
    return below;
  }

  /** Checks one name; true if it leads to a directory that is seen for the first time. */
  async #checkName(directory: Node, name: string, id: number): Promise<boolean> {
    const above = this.#paths.get(directory.id) ?? "";
    const path = `${above === "/" ? "" : above}/${name}`;
    if (!this.#nodes.has(id)) {
      this.#find(
        "dangling-name",
        directory.id,
        `"${name}" leads to node ${id}, which is not there`,
      );
      return false;
    }
    const links = (this.#links.get(id) ?? 0) + 1;
    this.#links.set(id, links);
    if (links > 1) {
      const node = await this.#readNode(id, "again");
      if (node?.kind === "directory") {
        this.#find("second-parent", directory.id, `"${name}" is a second name of directory ${id}`);
      }
      return false;
    }
    this.#paths.set(id, path);
    const node = await this.#readNode(id, directory.id);
    if (node === undefined) return false;
    if (node.kind === "directory") return true;
    await this.#checkContents(node);
    return false;
  }

  async #checkContents(node: Node): Promise<void> {
    let blocks = 1;
    const last = Math.ceil(node.size / node.recordBytes);
    let stale = 0;
    try {
      if (!node.inline) {
        for await (const visit of this.#volume.map.visit(node)) {
          const { pointer } = visit;
          if (this.#claim(pointer, node.id, "the file")) blocks += 2 ** pointer.level;
          if (visit.tag === "record" && visit.record >= last) stale += 1;
          else if (visit.tag === "record") await this.#checkRecord(node, visit.record, pointer);
        }
        this.#checkBlocks(node, blocks);
      } else this.#checkBlocks(node, 1);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#find("damaged-record", node.id, textOf(error));
    }
    if (stale > 0) this.#find("stale-records", node.id, `${stale} records behind the end`);
    const { kind } = node;
    if (kind === "file" || kind === "symlink") this.#counts[kind] += 1;
  }

  async #checkRecord(node: Node, record: number, pointer: BlockPointer): Promise<void> {
    if (this.#options.contents === false) return;
    try {
      await this.#volume.records.load(node, pointer);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#find("damaged-record", node.id, `record ${record}: ${textOf(error)}`);
    }
  }

  #checkBlocks(node: Node, blocks: number): void {
    if (node.blocks === blocks) return;
    const detail = `it says ${node.blocks} blocks, it has ${blocks}`;
    this.#find("block-count", node.id, detail, { expected: { blocks } });
  }

  /** Link counts can be judged only when all names are known. */
  async #checkLinks(node: Node): Promise<void> {
    this.#counts.directory += node.kind === "directory" ? 1 : 0;
    this.#done += 1;
    if (this.#done % PROGRESS_NODES === 0) {
      this.#options.progress?.(this.#paths.size, this.#nodes.size);
      await new Promise(setImmediate);
    }
  }

  /** Looks at nodes that no name leads to, and then at the link counts of all. */
  async #checkUnnamed(): Promise<void> {
    const unnamed = [...this.#nodes.keys()].filter((id) => !this.#links.has(id));
    const below = await this.#namedBy(unnamed);
    // First those that nobody names; then, should directories name one another in a ring, the rest.
    for (const again of [false, true]) {
      for (const id of unnamed) {
        if (this.#paths.has(id) || (below.has(id) && !again)) continue;
        await this.#checkOrphan(id);
      }
    }
    for (const [id, links] of this.#links) {
      const node = await this.#readNode(id, "again");
      if (node === undefined || node.links === links) continue;
      const detail = `it says ${node.links} links, ${links} names lead to it`;
      this.#find("link-count", id, detail, { expected: { links } });
    }
  }

  async #checkOrphan(id: number): Promise<void> {
    this.#paths.set(id, `node ${id}`);
    const node = await this.#readNode(id);
    if (node === undefined) return;
    if (!this.#volume.orphans.has(id) && node.handles === 0) {
      this.#find("orphan-node", id, `a ${node.kind} without a name`);
    }
    if (node.kind === "directory") await this.#checkDirectory(id);
    else await this.#checkContents(node);
  }

  /** Nodes that the directories among `ids` name. */
  async #namedBy(ids: readonly number[]): Promise<Set<number>> {
    const named = new Set<number>();
    for (const id of ids) {
      const node = await this.#readNode(id, "again");
      if (node?.kind !== "directory") continue;
      for await (const visit of this.#volume.directories.visit(node)) {
        if (visit.tag === "entry") named.add(visit.entry.node);
      }
    }
    return named;
  }

  /** What the log calls free and what something leads to must make up the disk exactly. */
  #checkAllocation(): void {
    const free = new ExtentSet();
    const pieces = [...this.#volume.store.allocator.pieces()];
    for (const { index, count } of pieces.sort((a, b) => a.index - b.index)) free.add(index, count);
    const lost = new ExtentSet();
    lost.add(0, this.#volume.store.blocks);
    for (const { index, count } of this.#reachable) lost.remove(index, count);
    for (const { index, count } of free) {
      if (lost.remove(index, count)) continue;
      for (let at = index; at < index + count; at++) {
        if (lost.remove(at, 1)) continue;
        this.#find("blocks-missing", 0, `block ${at} is in use, the log calls it free`);
      }
    }
    for (const { index, count } of lost) {
      const blocks = count === 1 ? `block ${index}` : `blocks ${index} to ${index + count - 1}`;
      this.#find("blocks-lost", 0, `${blocks}: neither free nor in use`);
    }
  }

  #claim(pointer: BlockPointer, node: number, what: string): boolean {
    const { index, level } = pointer;
    if (index + 2 ** level > this.#volume.store.blocks) return false;
    if (this.#reachable.add(index, 2 ** level)) return true;
    this.#find("shared-blocks", node, `block ${index} of ${what} belongs to something else, too`);
    return true;
  }

  /** @param owner - directory that names it, or "again" when its damage has been told */
  async #readNode(id: number, owner?: number | "again"): Promise<Node | undefined> {
    try {
      return await this.#volume.tree.get(id);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      const gone = error === ENOENT;
      if (owner === "again") return undefined;
      const more = owner === undefined ? {} : { owner };
      this.#find("damaged-node", id, gone ? "it is not there" : textOf(error), more);
      return undefined;
    }
  }

  #find(
    kind: FindingKind,
    node: number,
    detail: string,
    more: Pick<Finding, "expected" | "owner"> = {},
  ): void {
    const path = this.#paths.get(node) ?? (node === 0 ? "" : `node ${node}`);
    if (this.#findings.length < FINDINGS_MAX) {
      this.#findings.push({ kind, path, node, detail, ...more });
    }
  }
}

function textOf(error: unknown): string {
  if (error instanceof SysError) return error.hint ?? error.message;
  return String(errnoOf(error) ?? error);
}
