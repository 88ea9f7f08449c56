/**
 * A mounted file system: operations happen in memory, one change at a time and each entirely or not
 * at all, and a commit brings all of them to the disk in one step: blocks, flush, header, flush. So
 * after a power cut the disk holds the state after some operation, and nothing that a `sync` had
 * promised is missing. Reads run beside each other.
 */

import { EIO, ENOSPC, EROFS } from "../../ipc/errno.js";
import { AllocLog } from "./alloc-log.js";
import { BLOCK_BYTES, type BlockDevice } from "./block-device.js";
import { BlockStore } from "./block-store.js";
import { Directories } from "./directory.js";
import type { ExtentSet } from "./extent-set.js";
import { changedHeader, HEADER_RING, type Header } from "./header.js";
import { Lock } from "./lock.js";
import type { Node } from "./node.js";
import { NodeTree } from "./node-tree.js";
import { Orphans } from "./orphans.js";
import { RecordMap } from "./record-map.js";
import { Records } from "./records.js";
import { Undo } from "./undo.js";

/** A change that finds more than this in memory commits first. */
const DIRTY_BYTES_MAX = 32 * 1024 * 1024;
const WRITE_BYTES_MAX = 1024 * 1024;
const WRITES_AT_ONCE = 8;

/** What a volume is made of. */
export interface VolumeParts {
  device: BlockDevice;
  /** Block of the device where the ring of headers starts. */
  start: number;
  header: Header;
  /** The highest generation that any header in the ring claims. */
  generationMax: number;
  readOnly: boolean;
}

export class Volume {
  readonly device: BlockDevice;
  readonly start: number;
  readonly readOnly: boolean;
  readonly undo = new Undo();
  readonly store: BlockStore;
  readonly tree: NodeTree;
  readonly map: RecordMap;
  readonly records: Records;
  readonly directories: Directories;
  readonly log = new AllocLog();
  readonly orphans: Orphans;
  readonly #lock = new Lock();
  #header: Header;
  #generationMax: number;
  #commits = 0;
  /** A flush has come after the last header. */
  #settled = true;

  constructor({ device, start, header, generationMax, readOnly }: VolumeParts) {
    this.device = device;
    this.start = start;
    this.readOnly = readOnly || device.readOnly;
    this.#header = header;
    this.#generationMax = generationMax;
    const { undo } = this;
    const blocks = Math.floor(header.sizeBytes / BLOCK_BYTES);
    const store = new BlockStore({ device, start, blocks, undo });
    this.store = store;
    this.tree = new NodeTree(store, undo, header.tree);
    this.map = new RecordMap(store);
    this.records = new Records({ store, tree: this.tree, map: this.map, undo });
    this.directories = new Directories(store, this.tree);
    this.orphans = new Orphans(store, undo, header.release);
    store.commitReserve = () => this.#reserve();
  }

  /** The header of the last commit. */
  get header(): Header {
    return this.#header;
  }

  /** Says what is free. */
  setFree(free: ExtentSet): void {
    this.store.setFree(free);
  }

  /** Runs `act`, which changes nothing, beside others of its kind. */
  async read<T>(act: () => Promise<T>): Promise<T> {
    const result = await this.#lock.shared(act);
    if (this.tree.wantsTrim) await this.#lock.exclusive(async () => this.tree.trim());
    return result;
  }

  /**
   * Runs `act`, which changes something: all of it stays, or nothing if it throws.
   * @param deleting - it frees space, and may use the last blocks for that
   * @throws EROFS, EIO, and what `act` throws
   */
  async change<T>(act: () => Promise<T>, deleting = false): Promise<T> {
    if (this.readOnly) throw EROFS;
    return await this.#lock.exclusive(async () => {
      if (this.#dirtyBytes > DIRTY_BYTES_MAX) await this.#commit(false);
      try {
        return await this.#attempt(act, deleting);
      } catch (thrown) {
        // A commit makes what was freed usable, and needs less reserve for the next one.
        if (thrown !== ENOSPC || !this.#changed) throw thrown;
        await this.#commit(false);
        return await this.#attempt(act, deleting);
      } finally {
        this.tree.trim();
      }
    });
  }

  async #attempt<T>(act: () => Promise<T>, deleting: boolean): Promise<T> {
    this.undo.keep();
    const mark = this.undo.mark();
    this.store.deleting = deleting;
    try {
      return await act();
    } catch (thrown) {
      this.undo.rollBack(mark);
      throw thrown;
    } finally {
      this.store.deleting = false;
      this.undo.keep();
    }
  }

  /** Resolves when everything that was done before survives a power cut. @throws EIO, ENOSPC */
  async sync(): Promise<void> {
    if (this.readOnly) return;
    await this.#lock.exclusive(async () => {
      await this.#commit(false);
      await this.#settle();
    });
  }

  /**
   * Resolves when everything that was done before will be found by another mount of the device, as
   * long as the device keeps its power; one flush cheaper than `sync`. @throws EIO, ENOSPC
   */
  async publish(): Promise<void> {
    if (this.readOnly) return;
    await this.#lock.exclusive(async () => await this.#commit(false));
  }

  /** Syncs, and leaves a short log for the next mount. */
  async unmount(): Promise<void> {
    if (this.readOnly) return;
    await this.#lock.exclusive(async () => {
      await this.#commit(this.#commits > 0 || this.log.blocks.length > 1);
      await this.#settle();
    });
  }

  /** Writes the allocation log anew, whatever has changed. */
  async squash(): Promise<void> {
    if (this.readOnly) throw EROFS;
    await this.#lock.exclusive(async () => {
      await this.#commit(true);
      await this.#settle();
    });
  }

  /** Something was done that no commit has stored. */
  get hasChanges(): boolean {
    return this.#changed;
  }

  /** Makes the last header safe, if no flush has done so. */
  async #settle(): Promise<void> {
    if (this.#settled) return;
    await this.device.flush();
    this.#settled = true;
  }

  get #changed(): boolean {
    return this.tree.changed || this.orphans.changed;
  }

  get #dirtyBytes(): number {
    return this.store.dirtyBytes + this.records.dirtyBytes + this.tree.dirtyBytes;
  }

  /** Blocks that a commit takes now at most. */
  #reserve(): number {
    const forTree = this.tree.reserve + this.orphans.reserve;
    const { fresh, freed } = this.store;
    return forTree + this.log.reserve(fresh.size + freed.extents + 2 * forTree);
  }

  /** If it fails, everything is as before and the commit can be tried again. */
  async #commit(squash: boolean): Promise<void> {
    if (!squash && !this.#changed) return;
    await this.records.flush();
    await this.tree.store();
    this.orphans.store();
    this.undo.keep();
    const mark = this.undo.mark();
    const generation = Math.max(this.#generationMax, this.#header.generation) + 1;
    let header: Header;
    try {
      this.log.store(this.store, squash);
      await this.#write();
      await this.device.flush();
      const { root: tree } = this.tree;
      const { newest: alloc } = this.log;
      header = changedHeader(this.#header, {
        generation,
        tree,
        alloc,
        release: this.orphans.newest,
      });
      this.#settled = false;
      await this.device.write(this.start + (generation % HEADER_RING), header.bytes);
    } catch (thrown) {
      this.undo.rollBack(mark);
      throw thrown;
    }
    this.#header = header;
    this.#generationMax = generation;
    this.#commits += 1;
    this.undo.keep();
    this.tree.committed();
    this.orphans.committed();
    this.log.committed();
    this.store.committed();
  }

  /** Writes all changed blocks, neighbours together, several writes at once. */
  async #write(): Promise<void> {
    const runs = runsOf(this.store.dirtyBlocks());
    const writer = async (): Promise<void> => {
      for (let run = runs.next(); run.done !== true; run = runs.next()) {
        await this.device.write(this.start + run.value.index, run.value.bytes);
      }
    };
    const done = await Promise.allSettled(Array.from({ length: WRITES_AT_ONCE }, writer));
    if (done.some(({ status }) => status === "rejected")) throw EIO;
  }

  /** Frees a node that has neither names nor handles. Within a change. @throws EIO */
  async free(node: Node): Promise<void> {
    if (node.kind !== "directory") await this.records.clear(node);
    await this.tree.remove(node);
    this.orphans.remove(node.id);
  }
}

/** Joins blocks that are neighbours on the disk, up to a length. */
function* runsOf(
  blocks: readonly [index: number, bytes: Buffer][],
): Generator<{ index: number; bytes: Buffer }> {
  let start = 0;
  let pieces: Buffer[] = [];
  let length = 0;
  for (const [index, bytes] of blocks) {
    const joins =
      index === start + length / BLOCK_BYTES && length + bytes.length <= WRITE_BYTES_MAX;
    if (!joins) {
      if (pieces.length > 0) yield { index: start, bytes: Buffer.concat(pieces) };
      start = index;
      pieces = [];
      length = 0;
    }
    pieces.push(bytes);
    length += bytes.length;
  }
  if (pieces.length > 0) yield { index: start, bytes: Buffer.concat(pieces) };
}
