/**
 * Blocks: verified reads, and writes that never touch what the last commit needs. A block that this
 * transaction allocated is *fresh* and is rewritten in place; any other one moves to a new place
 * when it changes. What was freed and belongs to the last commit stays untouched until the next
 * commit is on the disk. Written blocks stay in memory until a commit stores them.
 */

import { EIO, ENOSPC, errnoOf } from "../../ipc/errno.js";
import { BlockCache } from "./block-cache.js";
import { BLOCK_BYTES, type BlockDevice } from "./block-device.js";
import { type BlockPointer, RECORD_LEVEL } from "./block-pointer.js";
import { Buddy } from "./buddy.js";
import { corrupt } from "./corruption.js";
import { ExtentSet } from "./extent-set.js";
import { RESERVED_BLOCKS } from "./header.js";
import { seaHash } from "./sea-hash.js";
import type { Undo } from "./undo.js";

const CACHE_BYTES = 16 * 1024 * 1024;
/** Blocks that only deletions may use, so that a full file system can be emptied. */
const HEADROOM_BLOCKS = 32;

/** Who pays for a block: a node, in its own count. */
export interface Owner {
  blocks: number;
}

/** What a store is made of. */
export interface BlockStoreOptions {
  device: BlockDevice;
  /** Block of the device where the file system starts, and how many blocks it has. */
  start: number;
  blocks: number;
  undo: Undo;
}

export class BlockStore {
  readonly device: BlockDevice;
  readonly start: number;
  readonly blocks: number;
  readonly #undo: Undo;
  readonly #cache = new BlockCache(CACHE_BYTES);
  readonly #loading = new Map<number, { pointer: BlockPointer; bytes: Promise<Buffer> }>();
  #allocator = new Buddy([]);
  /** Bytes that the next commit writes, by index. */
  #dirty = new Map<number, Buffer>();
  #dirtyBytes = 0;
  /** Pieces allocated since the last commit: index → level. */
  #fresh = new Map<number, number>();
  /** Blocks of the last commit that the next one frees. */
  #freed = new ExtentSet();
  /** Blocks that the next commit will need for itself. */
  commitReserve: () => number = () => 0;
  /** Set while something is deleted: the headroom may be used. */
  deleting = false;

  constructor(options: BlockStoreOptions) {
    this.device = options.device;
    this.start = options.start;
    this.blocks = options.blocks;
    this.#undo = options.undo;
  }

  /** Says what is free at the last commit; before that nothing is. */
  setFree(free: ExtentSet): void {
    this.#allocator = new Buddy(free);
  }

  /** Free blocks; those that only the next commit frees are counted. */
  get free(): number {
    return this.#allocator.free + this.#freed.count;
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  /** Pieces that this transaction took: index → level. */
  get fresh(): ReadonlyMap<number, number> {
    return this.#fresh;
  }

  /** Blocks that become free with the next commit only. */
  get freed(): ExtentSet {
    return this.#freed;
  }

  get allocator(): Buddy {
    return this.#allocator;
  }

  isFresh(index: number): boolean {
    return this.#fresh.has(index);
  }

  /**
   * Reads what `pointer` leads to and checks it. The bytes are shared: not to be changed.
   * @param what - names the block in errors
   * @throws EIO
   */
  async read(pointer: BlockPointer, what: string, keep = true): Promise<Buffer> {
    const { index } = pointer;
    this.#check(pointer, what);
    const known = this.#dirty.get(index) ?? this.#cache.get(pointer);
    if (known !== undefined) {
      if (known.length !== BLOCK_BYTES * 2 ** pointer.level) throw corrupt(`${what}: size`, index);
      return known;
    }
    const loading = this.#loading.get(index);
    if (loading?.pointer.low === pointer.low && loading.pointer.high === pointer.high) {
      return await loading.bytes;
    }
    const bytes = this.#load(pointer, what);
    this.#loading.set(index, { pointer, bytes });
    try {
      const loaded = await bytes;
      if (keep) this.#cache.set(pointer, loaded);
      return loaded;
    } finally {
      if (this.#loading.get(index)?.bytes === bytes) this.#loading.delete(index);
    }
  }

  /** Reads a block of metadata, which is one block, never compressed. @throws EIO */
  async readBlock(pointer: BlockPointer, what: string): Promise<Buffer> {
    if (pointer.level !== 0 || pointer.expandsTo !== 0) {
      throw corrupt(`${what}: its pointer has a level`, pointer.index);
    }
    return await this.read(pointer, what);
  }

  /** Takes a piece of 2^level blocks. @throws ENOSPC */
  allocate(level: number, owner?: Owner): number {
    const headroom = this.deleting ? 0 : Math.min(HEADROOM_BLOCKS, this.blocks >>> 6);
    if (this.#allocator.free < 2 ** level + this.commitReserve() + headroom) throw ENOSPC;
    return this.allocateReserved(level, owner);
  }

  /** The same for a commit's own blocks, out of the reserve. @throws ENOSPC */
  allocateReserved(level: number, owner?: Owner): number {
    const index = this.#allocator.allocate(level);
    if (index === undefined) throw ENOSPC;
    this.#fresh.set(index, level);
    if (owner !== undefined) owner.blocks += 2 ** level;
    this.#undo.note(() => {
      this.#fresh.delete(index);
      this.#setDirty(index, undefined);
      this.#allocator.give(index, level);
    });
    return index;
  }

  /** Gives a piece up. One of the last commit stays untouched until the next. */
  release({ index, level }: { index: number; level: number }, owner?: Owner): void {
    this.#checkRange(index, level, "freed block");
    if (this.#fresh.get(index) === level) {
      const bytes = this.#dirty.get(index);
      this.#fresh.delete(index);
      this.#setDirty(index, undefined);
      this.#allocator.give(index, level);
      this.#undo.note(() => {
        this.#allocator.take(index, level);
        this.#fresh.set(index, level);
        this.#setDirty(index, bytes);
      });
      if (owner !== undefined) owner.blocks -= 2 ** level;
      return;
    }
    const free = this.#fresh.has(index) || this.#allocator.isFree(index, level);
    if (free || !this.#freed.add(index, 2 ** level)) {
      throw corrupt("it is freed, but is nobody's or somebody else's", index);
    }
    this.#undo.note(() => this.#freed.remove(index, 2 ** level));
    if (owner !== undefined) owner.blocks -= 2 ** level;
  }

  /** Gives the end of a fresh piece back, so that its level becomes `level`. Cannot be undone. */
  shrink(index: number, level: number, owner: Owner): void {
    const before = this.#fresh.get(index) ?? level;
    for (let at = level; at < before; at++) {
      this.#allocator.give(index + 2 ** at, at);
      owner.blocks -= 2 ** at;
    }
    this.#fresh.set(index, level);
  }

  /** Says what a fresh piece holds. `bytes` belong to the store from now on. */
  put(index: number, bytes: Buffer, expandsTo = 0): BlockPointer {
    const before = this.#dirty.get(index);
    this.#setDirty(index, bytes);
    this.#undo.note(() => this.#setDirty(index, before));
    const level = this.#fresh.get(index) ?? 0;
    return { index, level, expandsTo, ...seaHash(bytes) };
  }

  /** Writes a block of metadata anew: in place if it is fresh, elsewhere if not. @throws ENOSPC */
  rewrite(pointer: BlockPointer | undefined, bytes: Buffer, owner?: Owner): BlockPointer {
    if (pointer !== undefined && this.isFresh(pointer.index)) return this.put(pointer.index, bytes);
    const index = this.allocate(0, owner);
    if (pointer !== undefined) this.release(pointer, owner);
    return this.put(index, bytes);
  }

  /** The same within a commit. */
  rewriteReserved(pointer: BlockPointer | undefined, bytes: Buffer): BlockPointer {
    if (pointer !== undefined && this.isFresh(pointer.index)) return this.put(pointer.index, bytes);
    const index = this.allocateReserved(0);
    if (pointer !== undefined) this.release(pointer);
    return this.put(index, bytes);
  }

  /** What the next commit writes, in the order of the disk. */
  dirtyBlocks(): [index: number, bytes: Buffer][] {
    return [...this.#dirty].sort((a, b) => a[0] - b[0]);
  }

  /** The commit is on the disk: fresh blocks are blocks like any other, freed ones free. */
  committed(): void {
    for (const { index, count } of this.#freed) this.#allocator.giveRange(index, count);
    this.#freed = new ExtentSet();
    this.#fresh = new Map();
    this.#dirty = new Map();
    this.#dirtyBytes = 0;
  }

  /** Keeps bytes that were just put, for reads after the commit. */
  remember(pointer: BlockPointer, bytes: Buffer): void {
    this.#cache.set(pointer, bytes);
  }

  #setDirty(index: number, bytes: Buffer | undefined): void {
    this.#dirtyBytes += (bytes?.length ?? 0) - (this.#dirty.get(index)?.length ?? 0);
    if (bytes === undefined) this.#dirty.delete(index);
    else this.#dirty.set(index, bytes);
  }

  #check({ index, level, expandsTo }: BlockPointer, what: string): void {
    this.#checkRange(index, level, what);
    if (level > RECORD_LEVEL || expandsTo > RECORD_LEVEL) throw corrupt(`${what}: level`, index);
  }

  #checkRange(index: number, level: number, what: string): void {
    if (index < RESERVED_BLOCKS || index + 2 ** level > this.blocks) {
      throw corrupt(`${what}: its pointer leads out of the file system`, index);
    }
  }

  async #load(pointer: BlockPointer, what: string): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(BLOCK_BYTES * 2 ** pointer.level);
    try {
      await this.device.read(this.start + pointer.index, bytes);
    } catch (thrown) {
      if (errnoOf(thrown) !== EIO) throw thrown;
      throw corrupt(`${what}: the disk cannot read it`, pointer.index);
    }
    const { low, high } = seaHash(bytes);
    if (low !== pointer.low || high !== pointer.high) {
      throw corrupt(`${what}: its checksum is wrong`, pointer.index);
    }
    return bytes;
  }
}
