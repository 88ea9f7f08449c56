/**
 * The store: commits are all or nothing wherever the writer ends, repetitions are answered and not
 * executed, and what was scribbled on is found out.
 */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../ipc/clock.js";
import { ENOSPC } from "../../ipc/errno.js";
import { crc32 } from "../../user/store/crc32.js";
import { bucketOf } from "../../user/store/directory.js";
import { Store, type Transaction } from "../../user/store/store.js";
import { StoreMemory } from "../../user/store/store-memory.js";
import { DyingMemory, WriterDied } from "./dying-memory.js";

const BYTES = 64 * 1024;
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();
const bytesOf = (value: string): Uint8Array => new TextEncoder().encode(value);

function adopt(memory: SharedArrayBuffer): Store {
  const store = Store.adopt(new StoreMemory(memory), 7);
  if (store === undefined) throw new RangeError("the store does not hold together");
  return store;
}

function contents(store: Store): Record<string, string | undefined> {
  return Object.fromEntries(store.keys().map((key) => [key, text(store.get(key))]));
}

/** A change that touches old and new keys. */
const CHANGE = (change: Transaction): string => {
  change.put("a", bytesOf("second"));
  change.put("fresh", bytesOf("x".repeat(500)));
  change.delete("b");
  return "done";
};

/** Memory with a few commits in it. */
function filled(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(BYTES);
  const store = adopt(memory);
  store.commit((change) => {
    for (const key of ["a", "b", "c"]) change.put(key, bytesOf(`first ${key}`));
  });
  return memory;
}

const BEFORE = { a: "first a", b: "first b", c: "first c" };
const AFTER = { a: "second", c: "first c", fresh: "x".repeat(500) };

function copyOf(memory: SharedArrayBuffer): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(memory.byteLength);
  new Uint8Array(copy).set(new Uint8Array(memory));
  return copy;
}

describe("store", () => {
  it("keeps what was committed for the next incarnation", () => {
    const memory = filled();
    adopt(memory).commit(CHANGE);
    expect(contents(adopt(memory))).toEqual(AFTER);
  });

  it("a change that throws changes nothing", () => {
    const memory = filled();
    const store = adopt(memory);
    expect(() =>
      store.commit((change) => {
        CHANGE(change);
        throw ENOSPC;
      }),
    ).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    expect(contents(store)).toEqual(BEFORE);
    expect(contents(adopt(memory))).toEqual(BEFORE);
  });

  it("wherever the writer ends, the next one finds all of a commit or nothing", () => {
    const probe = new DyingMemory(filled());
    Store.adopt(probe, 7)?.commit(CHANGE);
    const published = probe.steps - 1;
    expect(published).toBeGreaterThan(8);
    for (let at = 0; at <= probe.steps; at++) {
      for (const half of [false, true]) {
        const memory = filled();
        const dying = Store.adopt(new DyingMemory(memory, { at, half }), 7);
        let died = false;
        try {
          dying?.commit(CHANGE);
        } catch (thrown) {
          died = thrown instanceof WriterDied;
        }
        expect(died).toBe(at < probe.steps);
        expect(contents(adopt(memory)), `died at step ${at}`).toEqual(
          at <= published ? BEFORE : AFTER,
        );
        // The survivor has all the room that there is, and goes on.
        const next = adopt(memory);
        next.commit(CHANGE);
        expect(contents(adopt(memory))).toEqual(AFTER);
        expect(next.freeBytes).toBe(adopt(memory).freeBytes);
      }
    }
  });

  it("a dedup operation that dies at any step is done once, and answered the same", () => {
    const reply = { session: 3, slot: 1, sequence: 9 };
    const add = (store: Store): number =>
      store.once({ reply }, (change) => {
        const value = Number(text(change.get("count")) ?? "0") + 1;
        change.put("count", bytesOf(String(value)));
        return value;
      });
    const probe = new DyingMemory(filled());
    add(Store.adopt(probe, 7) as Store);
    for (let at = 0; at <= probe.steps; at++) {
      const memory = filled();
      try {
        add(Store.adopt(new DyingMemory(memory, { at, half: true }), 7) as Store);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(WriterDied);
      }
      const next = adopt(memory);
      expect(add(next)).toBe(1);
      expect(add(next)).toBe(1);
      expect(text(next.get("count"))).toBe("1");
    }
  });

  it("the next sequence in a slot is a new operation; a dead session's replies go", () => {
    const store = adopt(new SharedArrayBuffer(BYTES));
    const once = (session: number, sequence: number): number =>
      store.once({ reply: { session, slot: 0, sequence } }, (change) => {
        const value = Number(text(change.get("n")) ?? "0") + 1;
        change.put("n", bytesOf(String(value)));
        return value;
      });
    expect([once(1, 1), once(1, 1), once(1, 2), once(2, 1)]).toEqual([1, 1, 2, 3]);
    const before = store.freeBytes;
    store.retain(new Set([1]));
    expect(store.freeBytes).toBeGreaterThan(before);
    expect(once(1, 2)).toBe(2);
    expect(once(2, 1)).toBe(4);
  });

  it("is full with ENOSPC, loses nothing, and has room again after a deletion", () => {
    const memory = new SharedArrayBuffer(BYTES);
    const store = adopt(memory);
    const put = (n: number): void => {
      store.commit((change) => change.put(`k${n}`, new Uint8Array(8000).fill(n)));
    };
    let kept = 0;
    expect(() => {
      for (;;) put(kept++);
    }).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    kept--;
    expect(kept).toBeGreaterThan(4);
    expect(adopt(memory).keys()).toHaveLength(kept);
    store.commit((change) => change.delete("k0"));
    put(99);
    expect(adopt(memory).get("k99")?.[0]).toBe(99);
  });

  it("retain in a store without any room is no error; the replies stay", () => {
    const store = adopt(new SharedArrayBuffer(BYTES));
    store.once({ reply: { session: 1, slot: 0, sequence: 1 } }, () => 7);
    // Neighbours in its bucket make it dear to write anew.
    const bucket = bucketOf("\0reply/1/0");
    for (let n = 0, found = 0; found < 6; n++) {
      const key = `${"k".repeat(900)}${n}`;
      if (bucketOf(key) !== bucket) continue;
      store.commit((change) => change.put(key, new Uint8Array(1)));
      found++;
    }
    const fill = (bytes: number): void => {
      for (let n = 0; ; n++) {
        const key = `${bytes}/${n}`;
        store.commit((change) => change.put(key, new Uint8Array(bytes)));
      }
    };
    for (const bytes of [4000, 100]) {
      expect(() => fill(bytes)).toThrow(expect.objectContaining({ code: "ENOSPC" }));
    }
    store.retain(new Set());
    const again = store.once({ reply: { session: 1, slot: 0, sequence: 1 } }, () => 8);
    expect(again).toBe(7);
  });

  it("refuses the keys that are its own, empty ones and endless ones", () => {
    const store = adopt(new SharedArrayBuffer(BYTES));
    const bad = { "": "EINVAL", "\0reply/1/1": "EINVAL", ["k".repeat(2000)]: "ENAMETOOLONG" };
    for (const [key, code] of Object.entries(bad)) {
      const put = (): void => store.commit((change) => change.put(key, new Uint8Array(1)));
      expect(put).toThrow(expect.objectContaining({ code }));
    }
  });

  it("any byte that is scribbled on is found out, or is of no account", () => {
    const memory = filled();
    const random = seededRandom(20261121);
    let found = 0;
    for (let round = 0; round < 3000; round++) {
      const scribbled = copyOf(memory);
      const at = 4 + random.below(4096);
      const bytes = new Uint8Array(scribbled);
      bytes[at] = (bytes[at] as number) ^ (1 + random.below(255));
      const store = Store.adopt(new StoreMemory(scribbled), 7);
      if (store === undefined) found++;
      else if (at < 16 || at >= 20) expect(contents(store)).toEqual(BEFORE);
    }
    expect(found).toBeGreaterThan(500);
  });

  it("does what a plain map does, over any commits and any restarts", () => {
    const keys = ["", "1", "2", "3"].map((end) => `key${end}`);
    const change = fc.record({
      key: fc.constantFrom(...keys),
      value: fc.option(fc.uint8Array({ maxLength: 300 })),
    });
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 20 }), (commits) => {
        const memory = new SharedArrayBuffer(BYTES);
        const model = new Map<string, Uint8Array>();
        let store = adopt(memory);
        for (const [n, changes] of commits.entries()) {
          store.commit((transaction) => {
            for (const { key, value } of changes) {
              if (value === null) transaction.delete(key);
              else transaction.put(key, value);
            }
          });
          for (const { key, value } of changes) {
            if (value === null) model.delete(key);
            else model.set(key, value);
          }
          if (n % 3 === 0) store = adopt(memory);
          expect(new Set(store.keys())).toEqual(new Set(model.keys()));
          for (const [key, value] of model) expect(store.get(key)).toEqual(value);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("crc32: the check value of the standard", () => {
    expect(crc32(bytesOf("123456789"))).toBe(0xcbf43926);
  });
});
