/**
 * A store: keys and values that outlive the service. Everything that a commit changes becomes
 * visible by one atomic store of the root; a service that is killed in the middle of one finds, in
 * its next life, either all of it or nothing. The replies of `dedup` operations are committed
 * together with what they did, so that a repetition is answered and not executed.
 */

import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { EINVAL, EIO, ENAMETOOLONG, ENOSPC } from "../../ipc/errno.js";
import { layout } from "../../ipc/layout.js";
import type { ReplyName, RequestContext } from "../../ipc/scheme.js";
import {
  BUCKETS,
  bucketOf,
  decodeBucket,
  decodeRoot,
  encodeBucket,
  encodeRoot,
  KEY_BYTES_MAX,
} from "./directory.js";
import { readRecord, recordExtent, unitsFor, writeRecord } from "./records.js";
import { type StoreMemory, UNIT_BYTES } from "./store-memory.js";
import { type Extent, Units } from "./units.js";

/** What stands before a reply's body: the sequence that it answers. */
const REPLY_HEAD = layout("StoreReply", 4, { sequence: [0, "u32"] });
/** Keys of replies begin with this; a service's own must not. */
const REPLY = "\0reply";

/** What a commit is going to change. Reads see the changes. */
export interface Transaction {
  /** A copy of the value. */
  get(key: string): Uint8Array | undefined;
  /** @throws EINVAL, ENAMETOOLONG for a key that no store takes */
  put(key: string, value: Uint8Array): void;
  delete(key: string): void;
}

/** New contents by key; undefined deletes. */
type Changes = Map<string, Uint8Array | undefined>;

/** Where new values lie; undefined: deleted. */
type NewPlaces = ReadonlyMap<string, Extent | undefined>;

const encoder = new TextEncoder();

/** The keys and values of one service. */
export class Store {
  /** Another number when the store was made anew: a good generation for identities. */
  readonly identity: number;
  readonly #memory: StoreMemory;
  readonly #units: Units;
  /** Where each key's value lies, by bucket. */
  readonly #places = Array.from({ length: BUCKETS }, () => new Map<string, Extent>());
  #root: Extent | undefined;
  #buckets: (Extent | undefined)[] = new Array<Extent | undefined>(BUCKETS).fill(undefined);

  private constructor(memory: StoreMemory) {
    this.#memory = memory;
    this.#units = new Units(memory.units);
    this.identity = memory.identity;
  }

  /**
   * Takes over what a predecessor left, every checksum verified; unused memory becomes an empty
   * store. @returns undefined when it does not hold together
   */
  static adopt(memory: StoreMemory, freshIdentity: number): Store | undefined {
    const condition = memory.condition();
    if (condition === "foreign") return undefined;
    if (condition === "unused") memory.format(freshIdentity);
    const store = new Store(memory);
    return store.#load() ? store : undefined;
  }

  #load(): boolean {
    const { root } = this.#memory;
    if (root === 0) return true;
    const payload = this.#claim(root);
    const buckets = payload === undefined ? undefined : decodeRoot(payload.bytes);
    if (payload === undefined || buckets === undefined) return false;
    this.#root = payload.extent;
    return buckets.every((unit, number) => unit === 0 || this.#loadBucket(unit, number));
  }

  #loadBucket(unit: number, number: number): boolean {
    const bucket = this.#claim(unit);
    const entries = bucket === undefined ? undefined : decodeBucket(bucket.bytes, number);
    if (bucket === undefined || entries === undefined) return false;
    this.#buckets[number] = bucket.extent;
    for (const [key, at] of entries) {
      const value = this.#claim(at);
      if (value === undefined) return false;
      this.#places[number]?.set(key, value.extent);
    }
    return true;
  }

  /** A record that nothing else has claimed, with a checksum that fits. */
  #claim(unit: number): { extent: Extent; bytes: Uint8Array } | undefined {
    const extent = recordExtent(this.#memory, unit);
    if (extent === undefined || !this.#units.claim(extent)) return undefined;
    const bytes = readRecord(this.#memory, extent);
    return bytes === undefined ? undefined : { extent, bytes };
  }

  /** Bytes that are free, in whole records' terms. */
  get freeBytes(): number {
    return this.#units.freeUnits * UNIT_BYTES;
  }

  /** All keys of the service. */
  keys(): string[] {
    return this.#allKeys().filter((key) => !key.startsWith(REPLY));
  }

  #allKeys(): string[] {
    return this.#places.flatMap((bucket) => [...bucket.keys()]);
  }

  #place(key: string): Extent | undefined {
    return this.#places[bucketOf(key)]?.get(key);
  }

  /** A copy of a value. @throws EIO when its checksum does not fit any more */
  get(key: string): Uint8Array | undefined {
    const extent = this.#place(key);
    if (extent === undefined) return undefined;
    const value = readRecord(this.#memory, extent);
    if (value === undefined) throw EIO;
    return value;
  }

  /**
   * Makes changes, all or none of them.
   * @throws ENOSPC, and whatever `change` throws: then nothing has changed
   */
  commit<T>(change: (transaction: Transaction) => T): T {
    const changes: Changes = new Map();
    const value = change(this.#transaction(changes));
    if (changes.size > 0) this.#apply(changes);
    return value;
  }

  #transaction(changes: Changes): Transaction {
    return {
      get: (key) => (changes.has(key) ? changes.get(key)?.slice() : this.get(key)),
      put: (key, bytes) => {
        checkKey(key);
        changes.set(key, Uint8Array.from(bytes));
      },
      delete: (key) => {
        checkKey(key);
        changes.set(key, undefined);
      },
    };
  }

  /**
   * Executes a `dedup` operation once: what it did and what it answers become visible together, and
   * a repetition gets the answer. `act` does not wait; wait before, if you must. What it throws is
   * the answer, and nothing has changed.
   */
  once<T>(context: Pick<RequestContext, "reply">, act: (transaction: Transaction) => T): T {
    const { reply } = context;
    // A client whose manifest knows no `dedup`: no repetition can come.
    if (reply === undefined) return this.commit(act);
    const key = replyKey(reply);
    const known = this.get(key);
    if (known !== undefined && sequenceOf(known) === reply.sequence) {
      const decoded = decodeBody(known.subarray(REPLY_HEAD.SIZE));
      if ("errno" in decoded) throw decoded.errno;
      return decoded.value as T;
    }
    const changes: Changes = new Map();
    const value = act(this.#transaction(changes));
    const body = encodeBody(value ?? null);
    const record = new Uint8Array(REPLY_HEAD.SIZE + body.length);
    const view = new DataView(record.buffer);
    view.setUint32(REPLY_HEAD.sequence.offset, reply.sequence, true);
    record.set(body, REPLY_HEAD.SIZE);
    changes.set(key, record);
    this.#apply(changes);
    return value;
  }

  /**
   * Forgets the replies of sessions that live no more. Hand it to the scheme's `retain`. A store
   * that has no room even for that keeps them until the next call: being full is no reason to die.
   */
  retain(sessions: ReadonlySet<number>): void {
    const changes: Changes = new Map();
    for (const key of this.#allKeys()) {
      const dead = key.startsWith(REPLY) && !sessions.has(Number(key.split("/")[1]));
      if (dead) changes.set(key, undefined);
    }
    try {
      if (changes.size > 0) this.#apply(changes);
    } catch (thrown) {
      if (thrown !== ENOSPC) throw thrown;
    }
  }

  /** Copy-on-write: new values, new buckets, new root; then the one store; then the old go free. */
  #apply(changes: Changes): void {
    const taken: Extent[] = [];
    const write = (payload: Uint8Array): Extent => {
      const units = unitsFor(payload.length);
      const extent = { unit: this.#units.take(units), units };
      taken.push(extent);
      writeRecord(this.#memory, extent.unit, payload);
      return extent;
    };
    try {
      const places = new Map<string, Extent | undefined>();
      for (const [key, value] of changes) {
        places.set(key, value === undefined ? undefined : write(value));
      }
      const buckets = this.#writeBuckets(places, write);
      const root = write(encodeRoot(buckets.map((extent) => extent?.unit ?? 0)));
      this.#memory.publish(root.unit);
      taken.length = 0;
      this.#settle(places, buckets, root);
    } finally {
      for (const extent of taken) this.#units.give(extent);
    }
  }

  #writeBuckets(places: NewPlaces, write: (payload: Uint8Array) => Extent): (Extent | undefined)[] {
    const buckets = [...this.#buckets];
    const touched = new Map<number, Map<string, number>>();
    for (const [key, extent] of places) {
      const number = bucketOf(key);
      const entries = touched.get(number) ?? this.#entries(number);
      touched.set(number, entries);
      if (extent === undefined) entries.delete(key);
      else entries.set(key, extent.unit);
    }
    for (const [number, entries] of touched) {
      buckets[number] = entries.size === 0 ? undefined : write(encodeBucket(entries));
    }
    return buckets;
  }

  #entries(bucket: number): Map<string, number> {
    return new Map([...(this.#places[bucket] ?? [])].map(([key, { unit }]) => [key, unit]));
  }

  /** The commit is made: what it replaced is free. */
  #settle(places: NewPlaces, buckets: (Extent | undefined)[], root: Extent): void {
    const old = [this.#root, ...this.#buckets.filter((extent, at) => extent !== buckets[at])];
    for (const [key, extent] of places) {
      const bucket = this.#places[bucketOf(key)];
      old.push(bucket?.get(key));
      if (extent === undefined) bucket?.delete(key);
      else bucket?.set(key, extent);
    }
    this.#buckets = buckets;
    this.#root = root;
    for (const extent of old) if (extent !== undefined) this.#units.give(extent);
  }
}

function replyKey({ session, slot }: ReplyName): string {
  return `${REPLY}/${session}/${slot}`;
}

function sequenceOf(record: Uint8Array): number {
  const view = new DataView(record.buffer, record.byteOffset);
  return view.getUint32(REPLY_HEAD.sequence.offset, true);
}

function checkKey(key: string): void {
  if (key.length === 0 || key.startsWith(REPLY)) throw EINVAL;
  if (encoder.encode(key).length > KEY_BYTES_MAX) throw ENAMETOOLONG;
}
