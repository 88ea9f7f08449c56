/**
 * The channel, both ends in one thread: order, limits, what a stray completion does (nothing),
 * what a late one does (free its slot, once), and what is known of a request when its provider has
 * died.
 */

import { describe, expect, it } from "vitest";
import { seededRandom } from "../../ipc/clock.js";
import { HANDLES_PER_CHANNEL_MAX, RING_SLOTS } from "../../ipc/limits.js";
import { CLOSED, EVENTS_PENDING, SQ_TAIL, SQES } from "../../ipc/ring-block.js";
import { emptySqe, SQE } from "../../ipc/sqe.js";
import { newPair, PAIR_ARENA_BYTES, submit, submitOneWay, takeAll } from "./channel-pair.js";
import { flight } from "./handshake.js";

const SEED = 64;
/** First indices: fresh, before the sign bit flips, before the counter wraps. */
const STARTS = [0, 0x7fffffe0, -0x20];

describe("channel: order", () => {
  it.each(STARTS)(`channel: first in, first out, from index %i (seed ${SEED})`, (start) => {
    const random = seededRandom(SEED);
    const pair = newPair(start);
    const landed: number[] = [];
    let [submitted, taken] = [0, 0];
    const held: { tag: number; n: number }[] = [];
    while (landed.length < 1000) {
      const n = submitted;
      if (submitted < 1000 && submit(pair, n, (r) => landed.push(r)).submitted === "published") {
        submitted++;
      }
      if (random.below(3) === 0) {
        for (const sqe of takeAll(pair)) {
          expect(sqe.arg1).toBe(taken++);
          held.push({ tag: sqe.tag, n: sqe.arg1 });
        }
      }
      while (held.length > 0 && random.below(3) > 0) {
        const [one] = held.splice(random.below(held.length), 1);
        pair.provider.complete(one?.tag as number, one?.n as number, 0);
      }
      if (random.below(4) === 0) pair.client.poll();
    }
    expect([...landed].sort((a, b) => a - b)).toEqual([...landed.keys()]);
    expect([pair.client.inFlight, pair.provider.taken]).toEqual([0, 0]);
    expect([pair.client.broken, pair.provider.broken, pair.client.strays]).toEqual([
      false,
      false,
      0,
    ]);
  });

  it.each(STARTS)("channel: requests in flight are listed in their order, from %i", (start) => {
    const pair = newPair(start);
    for (let n = 0; n < 40; n++) submit(pair, n);
    for (const { tag } of takeAll(pair)) pair.provider.complete(tag, 0, 0);
    pair.client.poll();
    const requests = Array.from({ length: 40 }, (_, n) => submit(pair, n).request);
    expect(pair.client.flights()).toEqual(requests);
  });
});

describe("channel: limits", () => {
  it.each(STARTS)("channel: a full ring answers full, and nothing happened, from %i", (start) => {
    const pair = newPair(start);
    for (let n = 0; n < RING_SLOTS; n++) expect(submit(pair, n).submitted).toBe("published");
    const before = [...pair.words];
    expect(submit(pair, 99).submitted).toBe("full");
    expect(submitOneWay(pair, 99)).toBe(false);
    expect([...pair.words]).toEqual(before);
    expect(takeAll(pair)).toHaveLength(RING_SLOTS);
    expect(submit(pair, 99).submitted).toBe("full");
    expect(pair.client.inFlight).toBe(RING_SLOTS);
  });

  it("channel: a place is free again when its completion has landed", () => {
    const pair = newPair();
    for (let n = 0; n < RING_SLOTS; n++) submit(pair, n);
    const [first] = takeAll(pair);
    pair.provider.complete(first?.tag as number, 0, 0);
    expect(submit(pair, 99).submitted).toBe("full");
    expect(pair.client.poll()).toBe(1);
    expect(submit(pair, 99).submitted).toBe("published");
  });

  it("channel: 64 parked requests do not keep out their own cancels", () => {
    const pair = newPair();
    for (let n = 0; n < RING_SLOTS; n++) submit(pair, n);
    takeAll(pair);
    expect(submitOneWay(pair, 7)).toBe(true);
    expect(takeAll(pair).map(({ arg1 }) => arg1)).toEqual([7]);
    expect(pair.provider.taken).toBe(RING_SLOTS);
  });

  it(`channel: a client that does not read is not served beyond 64 (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const { words, provider } = newPair();
    const sqe = emptySqe();
    let [taken, completed] = [0, 0];
    for (let i = 0; i < 5000 && !provider.broken; i++) {
      words[SQ_TAIL] = taken + random.below(RING_SLOTS) + 1;
      if (provider.available()) {
        provider.take(sqe);
        taken++;
      }
      if (completed < taken && random.below(2) === 0) {
        provider.complete(completed++, 0, 0);
      }
      expect(taken).toBeLessThanOrEqual(RING_SLOTS);
    }
    expect([taken, completed]).toEqual([RING_SLOTS, RING_SLOTS]);
  });
});

describe("channel: what the peer must not do", () => {
  it("channel: duplicate, unknown and foreign completions are strays, and do nothing", () => {
    const pair = newPair();
    const results: number[] = [];
    const { request } = submit(pair, 1, (result) => results.push(result));
    takeAll(pair);
    for (const tag of [request.tag + RING_SLOTS, request.tag ^ 1, 0, -1, 0x7fffffff]) {
      pair.provider.complete(tag, 5, 0);
    }
    pair.client.poll();
    expect([results, pair.client.strays, pair.client.inFlight]).toEqual([[], 5, 1]);
    pair.provider.complete(request.tag, 5, 0);
    pair.provider.complete(request.tag, 6, 0);
    pair.client.poll();
    expect([results, pair.client.strays, pair.client.inFlight]).toEqual([[5], 6, 0]);
  });

  it("channel: a tag is another one when its slot is used again", () => {
    const pair = newPair();
    const tags = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      const { request } = submit(pair, i);
      tags.add(request.tag);
      for (const { tag } of takeAll(pair)) pair.provider.complete(tag, 0, 0);
      pair.client.poll();
    }
    expect(tags.size).toBe(1000);
    expect(tags).not.toContain(0);
  });

  it("channel: a result that is no whole number never reaches the caller", () => {
    const pair = newPair();
    const results: number[] = [];
    submit(pair, 1, (result) => results.push(result));
    const [sqe] = takeAll(pair);
    for (const wild of [Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2 ** 53]) {
      pair.provider.complete(sqe?.tag as number, wild, 0);
    }
    pair.client.poll();
    expect(results).toEqual([]);
    expect(pair.client.strays).toBe(4);
  });

  it("channel: an entry that changes after it was taken changes nothing", () => {
    const pair = newPair();
    submit(pair, 77);
    const [sqe] = takeAll(pair);
    pair.words.fill(-1, SQES / 4, (SQES + SQE.SIZE) / 4);
    expect(sqe?.arg1).toBe(77);
  });

  it("channel: an entry that turns from message to request is not admitted past 64", () => {
    const pair = newPair();
    for (let n = 0; n < RING_SLOTS; n++) submit(pair, n);
    takeAll(pair);
    submitOneWay(pair, 7);
    expect(pair.provider.available()).toBe(true);
    pair.words[SQES / 4 + SQE.opcode.word] = 3;
    const sqe = emptySqe();
    pair.provider.take(sqe);
    expect([sqe.opcode, pair.provider.taken, pair.provider.broken]).toEqual([0, RING_SLOTS, true]);
  });

  it("channel: an extent is checked against the arena without wrapping", () => {
    const { provider } = newPair();
    const inside = [
      [0, 0],
      [0, PAIR_ARENA_BYTES],
      [PAIR_ARENA_BYTES, 0],
    ];
    const outside = [
      [0, PAIR_ARENA_BYTES + 1],
      [PAIR_ARENA_BYTES, 1],
      [0xffffffff, 1],
      [0xffffffff, 0xffffffff],
    ];
    for (const [at = 0, length = 0] of inside) expect(provider.inArena(at, length)).toBe(true);
    for (const [at = 0, length = 0] of outside) expect(provider.inArena(at, length)).toBe(false);
  });
});

describe("channel: giving up", () => {
  it("channel: a late completion frees slot and extent exactly once", () => {
    const pair = newPair();
    const { client, provider } = pair;
    const results: number[] = [];
    const request = flight((result) => results.push(result));
    request.arenaLength = 4096;
    request.arenaOffset = client.book.allocate(4096);
    client.submit(request);
    const [sqe] = takeAll(pair);
    const late: number[] = [];
    client.abandon(
      request,
      flight((result) => late.push(result)),
    );
    expect([client.inFlight, client.book.freeBytes()]).toEqual([1, PAIR_ARENA_BYTES - 4096]);
    provider.complete(sqe?.tag as number, 9, 0);
    provider.complete(sqe?.tag as number, 9, 0);
    client.poll();
    expect([results, late, client.strays]).toEqual([[], [9], 1]);
    expect([client.inFlight, client.book.freeBytes()]).toEqual([0, PAIR_ARENA_BYTES]);
  });
});

describe("channel: what is known after a death", () => {
  it.each(STARTS)("channel: a request was dequeued or not, at every step, from %i", (start) => {
    const pair = newPair(start);
    const requests = [0, 1, 2].map((n) => submit(pair, n).request);
    const dequeued = (): boolean[] => requests.map((request) => pair.client.wasDequeued(request));
    expect(dequeued()).toEqual([false, false, false]);
    expect(pair.provider.available()).toBe(true);
    expect(dequeued()).toEqual([false, false, false]);
    const sqe = emptySqe();
    pair.provider.take(sqe);
    expect(dequeued()).toEqual([true, false, false]);
    pair.provider.complete(sqe.tag, 0, 0);
    expect(dequeued()).toEqual([true, false, false]);
    takeAll(pair);
    expect(dequeued()).toEqual([true, true, true]);
  });

  it("channel: the kernel's word that it is closed reaches both ends", () => {
    const { words, client, provider } = newPair();
    expect([client.closed, provider.closed]).toEqual([false, false]);
    Atomics.store(words, CLOSED, 1);
    expect([client.closed, provider.closed]).toEqual([true, true]);
  });
});

describe("channel: readiness", () => {
  it("events: bits of a handle coalesce until they are taken", () => {
    const { client, provider, words } = newPair();
    const take = (): [number, number][] => {
      const list: [number, number][] = [];
      client.takeEvents((handle, events) => list.push([handle, events]));
      return list;
    };
    expect([take(), client.ready()]).toEqual([[], false]);
    for (let i = 0; i < 10_000; i++) provider.post(3, 1);
    provider.post(3, 2);
    provider.post(5 + HANDLES_PER_CHANNEL_MAX, 4);
    expect(client.ready()).toBe(true);
    expect(take()).toEqual([
      [3, 3],
      [5, 4],
    ]);
    expect([take(), client.ready(), words[EVENTS_PENDING]]).toEqual([[], false, 0]);
  });

  it("events: the last handle has a word of its own", () => {
    const { client, provider } = newPair();
    provider.post(HANDLES_PER_CHANNEL_MAX - 1, 8);
    let seen: number[] = [];
    client.takeEvents((handle, events) => {
      seen = [handle, events];
    });
    expect(seen).toEqual([HANDLES_PER_CHANNEL_MAX - 1, 8]);
  });
});
