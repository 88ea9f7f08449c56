/**
 * Contents of files and symbolic links: small ones inline in the node, others in records of 128
 * KiB. A record that was written stays in memory, in the place that it got when it was written,
 * until the next commit compresses it and gives back what it does not need; so a commit never runs
 * out of space. Behind the end of a file there are zeros or nothing.
 */

import { EFBIG, EINVAL } from "../../ipc/errno.js";
import { BlockCache } from "./block-cache.js";
import { BLOCK_BYTES } from "./block-device.js";
import { type BlockPointer, levelFor, NULL_POINTER } from "./block-pointer.js";
import type { BlockStore } from "./block-store.js";
import { compressed, expanded } from "./compression.js";
import { INLINE_BYTES_MAX, NODE_DATA_BYTES, type Node } from "./node.js";
import type { NodeTree } from "./node-tree.js";
import { RECORDS_MAX, type RecordMap } from "./record-map.js";
import type { Undo } from "./undo.js";

const CACHE_BYTES = 16 * 1024 * 1024;
/** Records that are read ahead of a reader who goes through a file in order. */
const READ_AHEAD = 4;
/** Records that one large read loads at once. */
const READ_AT_ONCE = 8;
/** Records compressed in a row before others get their turn. */
const FLUSHED_IN_A_ROW = 8;

/** A record in memory that no commit has stored yet, in a fresh piece of its level. */
interface DirtyRecord {
  readonly index: number;
  readonly level: number;
  readonly bytes: Buffer;
}

/** What `Records` is made of. */
export interface RecordsOptions {
  store: BlockStore;
  tree: NodeTree;
  map: RecordMap;
  undo: Undo;
}

export class Records {
  readonly #store: BlockStore;
  readonly #tree: NodeTree;
  readonly #map: RecordMap;
  readonly #undo: Undo;
  readonly #cache = new BlockCache(CACHE_BYTES);
  readonly #dirty = new Map<Node, Map<number, DirtyRecord>>();
  /** The record that comes next if a node is read in order. */
  readonly #expected = new WeakMap<Node, number>();
  #dirtyBytes = 0;

  constructor({ store, tree, map, undo }: RecordsOptions) {
    this.#store = store;
    this.#tree = tree;
    this.#map = map;
    this.#undo = undo;
  }

  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  /** Fills `bytes` from `offset` on; returns how many there are before the end. @throws EIO */
  async read(node: Node, offset: number, bytes: Uint8Array): Promise<number> {
    const count = Math.max(0, Math.min(bytes.length, node.size - offset));
    if (count === 0) return 0;
    const target = bytes.subarray(0, count);
    if (node.inline) {
      const source = node.data.subarray(offset, Math.min(offset + count, NODE_DATA_BYTES));
      target.set(source);
      target.fill(0, source.length);
      return count;
    }
    const { recordBytes } = node;
    const first = Math.floor(offset / recordBytes);
    const last = Math.floor((offset + count - 1) / recordBytes);
    for (let from = first; from <= last; from += READ_AT_ONCE) {
      const batch: Promise<void>[] = [];
      for (let record = from; record <= Math.min(last, from + READ_AT_ONCE - 1); record++) {
        const start = Math.max(offset, record * recordBytes);
        const end = Math.min(offset + count, (record + 1) * recordBytes);
        const piece = target.subarray(start - offset, end - offset);
        batch.push(this.#readPiece(node, { record, from: start % recordBytes, piece }));
      }
      await Promise.all(batch);
    }
    this.#readAhead(node, first, last);
    return count;
  }

  async #readPiece(
    node: Node,
    { record, from, piece }: { record: number; from: number; piece: Uint8Array },
  ): Promise<void> {
    const bytes = await this.#bytesOf(node, record);
    const source = bytes.subarray(from, from + piece.length);
    piece.set(source);
    piece.fill(0, source.length);
  }

  /** What is stored of a record; shared, and as long as what is stored. @throws EIO */
  async #bytesOf(node: Node, record: number): Promise<Buffer> {
    const dirty = this.#dirty.get(node)?.get(record);
    if (dirty !== undefined) return dirty.bytes;
    const pointer = await this.#map.get(node, record);
    return pointer.index === 0 ? Buffer.alloc(0) : await this.load(node, pointer);
  }

  /** Reads, checks and expands a record. @throws EIO */
  async load(node: Node, pointer: BlockPointer): Promise<Buffer> {
    const known = this.#cache.get(pointer);
    if (known !== undefined) return known;
    const stored = await this.#store.read(pointer, `record of node ${node.id}`, false);
    const bytes = pointer.expandsTo === 0 ? stored : expanded(stored, pointer);
    this.#cache.set(pointer, bytes);
    return bytes;
  }

  /** Starts to load what comes next; a failure is left to whoever really reads it. */
  #readAhead(node: Node, first: number, last: number): void {
    const inOrder = this.#expected.get(node) === first;
    this.#expected.set(node, last + 1);
    if (!inOrder) return;
    const end = Math.min(Math.ceil(node.size / node.recordBytes), last + 1 + READ_AHEAD);
    for (let record = last + 1; record < end; record++) {
      this.#bytesOf(node, record).catch(() => undefined);
    }
  }

  /**
   * Writes `bytes` at `offset`; returns how many, which is less than all only when something failed
   * after the first record. @throws EFBIG, ENOSPC, EIO
   */
  async write(node: Node, offset: number, bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return 0;
    const end = offset + bytes.length;
    if (end > RECORDS_MAX * node.recordBytes || !Number.isSafeInteger(end)) throw EFBIG;
    this.#tree.touch(node);
    if (end > node.size) await this.#cleanTail(node);
    if (node.inline && end <= INLINE_BYTES_MAX) {
      node.data.set(bytes, offset);
      node.size = Math.max(node.size, end);
      return bytes.length;
    }
    if (node.inline) await this.#leaveInline(node);
    const { recordBytes } = node;
    let done = 0;
    while (done < bytes.length) {
      const at = offset + done;
      const from = at % recordBytes;
      const piece = bytes.subarray(done, done + recordBytes - from);
      const mark = this.#undo.mark();
      try {
        this.#tree.touch(node);
        await this.#writePiece(node, { record: Math.floor(at / recordBytes), from, piece });
      } catch (thrown) {
        if (done === 0) throw thrown;
        this.#undo.rollBack(mark);
        break;
      }
      done += piece.length;
      this.#tree.touch(node);
      node.size = Math.max(node.size, offset + done);
    }
    return done;
  }

  async #writePiece(
    node: Node,
    { record, from, piece }: { record: number; from: number; piece: Uint8Array },
  ): Promise<void> {
    const dirty = this.#dirty.get(node)?.get(record);
    const end = from + piece.length;
    if (dirty !== undefined && end <= dirty.bytes.length) {
      dirty.bytes.set(piece, from);
      return;
    }
    const pointer = await this.#map.get(node, record);
    if (pointer.index === 0 && isZero(piece)) return;
    const whole = from === 0 && end >= BLOCK_BYTES * 2 ** (pointer.expandsTo || pointer.level);
    const old = whole ? Buffer.alloc(0) : await this.#bytesOf(node, record);
    const level = levelFor(Math.max(old.length, end));
    const bytes = Buffer.alloc(BLOCK_BYTES * 2 ** level);
    old.copy(bytes);
    bytes.set(piece, from);
    await this.#replace(node, record, { pointer, bytes, level });
  }

  /** Puts a record in place of what `pointer` leads to. */
  async #replace(
    node: Node,
    record: number,
    { pointer, bytes, level }: { pointer: BlockPointer; bytes: Buffer; level: number },
  ): Promise<void> {
    const index = this.#store.allocate(level, node);
    if (pointer.index !== 0) this.#store.release(pointer, node);
    // Its hash is made when the record is stored; until then nobody reads by this pointer.
    await this.#map.set(node, record, { index, level, expandsTo: 0, low: 0, high: 0 });
    this.#setDirty(node, record, { index, level, bytes });
  }

  async #leaveInline(node: Node): Promise<void> {
    const bytes = Buffer.from(node.data.subarray(0, Math.min(node.size, NODE_DATA_BYTES)));
    node.inline = false;
    node.data.fill(0);
    if (bytes.length > 0) await this.#writePiece(node, { record: 0, from: 0, piece: bytes });
  }

  /** Sets the size; what is new reads as zeros. @throws EFBIG, EINVAL, ENOSPC, EIO */
  async truncate(node: Node, size: number): Promise<void> {
    if (!Number.isSafeInteger(size) || size < 0) throw EINVAL;
    if (size > RECORDS_MAX * node.recordBytes) throw EFBIG;
    if (size === node.size) return;
    this.#tree.touch(node);
    if (size > node.size) {
      await this.#cleanTail(node);
    } else {
      node.tailIsClean = false;
      node.size = size;
      await this.#cleanTail(node);
      if (size === 0) node.inline = true;
    }
    node.size = size;
  }

  /** Makes sure that nothing but zeros is behind the end: other writers may have left something. */
  async #cleanTail(node: Node): Promise<void> {
    if (node.tailIsClean) return;
    const { size, recordBytes } = node;
    if (node.inline) node.data.fill(0, size);
    else {
      const from = size % recordBytes;
      if (from > 0) await this.#zeroBehind(node, Math.floor(size / recordBytes), from);
      const first = Math.ceil(size / recordBytes);
      for (const record of this.#dirty.get(node)?.keys() ?? []) {
        if (record >= first) this.#setDirty(node, record, undefined);
      }
      await this.#map.dropFrom(node, first);
    }
    node.tailIsClean = true;
  }

  async #zeroBehind(node: Node, record: number, from: number): Promise<void> {
    const old = await this.#bytesOf(node, record);
    if (isZero(old.subarray(from))) return;
    const level = levelFor(from);
    const bytes = Buffer.alloc(BLOCK_BYTES * 2 ** level);
    old.copy(bytes, 0, 0, from);
    const pointer = await this.#map.get(node, record);
    await this.#replace(node, record, { pointer, bytes, level });
  }

  /** Frees all contents of a node. @throws EIO, ENOSPC */
  async clear(node: Node): Promise<void> {
    this.#tree.touch(node);
    if (!node.inline) {
      node.tailIsClean = false;
      node.size = 0;
      await this.#cleanTail(node);
    }
  }

  /** Compresses what was written and brings it into the store, ready for a commit. @throws EIO */
  async flush(): Promise<void> {
    let inARow = 0;
    for (const [node, records] of this.#dirty) {
      for (const [record, dirty] of records) {
        await this.#flushOne(node, record, dirty);
        records.delete(record);
        this.#dirtyBytes -= dirty.bytes.length;
        inARow += 1;
        if (inARow % FLUSHED_IN_A_ROW === 0) await new Promise(setImmediate);
      }
      this.#dirty.delete(node);
    }
  }

  async #flushOne(node: Node, record: number, { index, level, bytes }: DirtyRecord): Promise<void> {
    if (isZero(bytes)) {
      await this.#map.set(node, record, NULL_POINTER);
      this.#store.release({ index, level }, node);
      return;
    }
    const packed = compressed(bytes, level);
    if (packed === undefined) {
      const pointer = this.#store.put(index, bytes);
      await this.#map.set(node, record, pointer);
      this.#cache.set(pointer, bytes);
      return;
    }
    this.#store.shrink(index, packed.level, node);
    const pointer = this.#store.put(index, packed.bytes, level);
    await this.#map.set(node, record, pointer);
    this.#cache.set(pointer, bytes);
  }

  #setDirty(node: Node, record: number, dirty: DirtyRecord | undefined): void {
    const records = this.#dirty.get(node) ?? new Map<number, DirtyRecord>();
    this.#dirty.set(node, records);
    const before = records.get(record);
    const change = (to: DirtyRecord | undefined, from: DirtyRecord | undefined): void => {
      this.#dirtyBytes += (to?.bytes.length ?? 0) - (from?.bytes.length ?? 0);
      if (to === undefined) records.delete(record);
      else records.set(record, to);
      if (records.size === 0) this.#dirty.delete(node);
      else this.#dirty.set(node, records);
    };
    change(dirty, before);
    this.#undo.note(() => change(before, dirty));
  }
}

const ZEROS = Buffer.alloc(128 * 1024);

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const piece = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(piece, 0, piece.length, 0, piece.length) !== 0) return false;
  }
  return true;
}
