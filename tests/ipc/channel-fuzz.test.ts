/**
 * A peer that scribbles over the whole ring block while traffic runs. Whatever it writes, nothing
 * throws, nothing loops, no request is answered twice and no limit is passed; a wild index ends the
 * channel and nothing else. Seeds are printed; call `run` with one to repeat it.
 */

import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { type Random, seededRandom } from "../../ipc/clock.js";
import { RING_SLOTS } from "../../ipc/limits.js";
import {
  CQ_HEAD,
  CQ_TAIL,
  EVENTS_PENDING,
  RING_BLOCK_BYTES,
  SQ_HEAD,
  SQ_TAIL,
} from "../../ipc/ring-block.js";
import { emptySqe } from "../../ipc/sqe.js";
import { newPair, type Pair, submit, submitOneWay } from "./channel-pair.js";

const SEEDS = 400;
const STEPS = 400;

interface Outcome {
  landed: number;
  clientBroke: boolean;
  providerBroke: boolean;
  strays: number;
}

function wild(random: Random): number {
  const edges = [0, 1, -1, RING_SLOTS, RING_SLOTS + 1, -RING_SLOTS, 0x7fffffff, -0x80000000];
  return random.below(2) === 0
    ? (edges[random.below(edges.length)] as number)
    : random.below(2 ** 32) | 0;
}

/** Runs traffic in one thread; `scribble` writes what it likes between the steps. */
function run(seed: number, scribble: (pair: Pair, random: Random) => void): Outcome {
  const random = seededRandom(seed);
  const pair = newPair();
  const { client, provider } = pair;
  const sqe = emptySqe();
  const tags: number[] = [];
  const answers: number[] = [];
  const check = (holds: boolean, claim: string): void => {
    if (!holds) expect.fail(`seed ${seed}: ${claim}`);
  };
  for (let step = 0; step < STEPS; step++) {
    const n = answers.length;
    if (
      random.below(3) > 0 &&
      submit(pair, n, () => (answers[n] = (answers[n] ?? 0) + 1)).submitted === "published"
    ) {
      answers.push(0);
    }
    if (random.below(10) === 0) submitOneWay(pair, n);
    scribble(pair, random);
    for (let i = random.below(4); i > 0 && provider.available(); i--) {
      scribble(pair, random);
      provider.take(sqe);
      if ((sqe.flags & 4) === 0) tags.push(sqe.tag);
    }
    while (tags.length > 0 && random.below(2) === 0) {
      provider.complete(tags.splice(random.below(tags.length), 1)[0] as number, 0, 0);
    }
    scribble(pair, random);
    check(client.poll() <= RING_SLOTS, "more completions than places");
    client.takeEvents((handle) => {
      check(handle >= 0 && handle < 1024, `event of handle ${handle}`);
    });
    check(client.inFlight >= 0 && client.inFlight <= RING_SLOTS, `${client.inFlight} in flight`);
    check(provider.taken >= 0 && provider.taken <= RING_SLOTS, `${provider.taken} taken`);
    check(
      answers.every((count) => count <= 1),
      "a request was answered twice",
    );
  }
  const landed = answers.reduce((sum, count) => sum + count, 0);
  const { broken: clientBroke, strays } = client;
  return { landed, clientBroke, providerBroke: provider.broken, strays };
}

describe("channel: a peer that scribbles", () => {
  it("fuzz: canary, without scribbling everything lands and nothing breaks", () => {
    const outcome = run(1, () => {});
    expect(outcome).toMatchObject({ clientBroke: false, providerBroke: false, strays: 0 });
    expect(outcome.landed).toBeGreaterThan(200);
  });

  it(`fuzz: any word, any value (seeds 0 to ${SEEDS - 1})`, () => {
    const totals = { clientBroke: 0, providerBroke: 0, strays: 0 };
    for (let seed = 0; seed < SEEDS; seed++) {
      const outcome = run(seed, ({ words }, random) => {
        if (random.below(20) === 0) words[random.below(words.length)] = wild(random);
        if (random.below(60) === 0) words[16 * (1 + random.below(7))] = wild(random);
      });
      totals.clientBroke += Number(outcome.clientBroke);
      totals.providerBroke += Number(outcome.providerBroke);
      totals.strays += outcome.strays;
    }
    // Were these zero, the scribbler would not reach what it is meant to.
    expect(totals.clientBroke).toBeGreaterThan(SEEDS / 4);
    expect(totals.providerBroke).toBeGreaterThan(SEEDS / 4);
    expect(totals.strays).toBeGreaterThan(0);
  });

  it.each([
    ["submission tail", "provider", SQ_TAIL],
    ["completion head", "provider", CQ_HEAD],
    ["submission head", "client", SQ_HEAD],
    ["completion tail", "client", CQ_TAIL],
  ] as const)("fuzz: a wild %s breaks the channel for the %s", (_, victim, word) => {
    for (const value of [RING_SLOTS + 2, -RING_SLOTS - 2, 0x7fffffff, -0x80000000]) {
      const pair = newPair();
      submit(pair, 1);
      Atomics.store(pair.words, word, value);
      if (victim === "provider") {
        expect(pair.provider.available(), `${value}`).toBe(false);
      } else {
        expect(pair.client.poll(), `${value}`).toBe(0);
        expect(submit(pair, 2).submitted, `${value}`).toBe("full");
      }
      expect(pair[victim].broken, `${value}`).toBe(true);
      // A broken end says that there is nothing to do, or its owner would poll it for ever.
      expect(pair[victim].ready(), `${value}`).toBe(false);
    }
  });

  it("fuzz: pending events with none behind them are taken back", () => {
    const { client, words } = newPair();
    words[EVENTS_PENDING] = -1;
    client.takeEvents(() => expect.fail("there was none"));
    expect(client.ready()).toBe(false);
  });

  it("fuzz: another thread scribbles while both ends run (seeds 1 to 4)", async () => {
    for (let seed = 1; seed <= 4; seed++) {
      let pair: Pair | undefined;
      const outcome = run(seed, (made) => {
        pair ??= made;
      });
      expect(outcome.strays).toBe(0);
      const ring = (pair as Pair).memory.ring;
      expect(ring.byteLength).toBe(RING_BLOCK_BYTES);
      const worker = new Worker(new URL("./scribbler.js", import.meta.url), {
        workerData: { ring, seed },
      });
      await new Promise((resolve) => worker.once("message", resolve));
      traffic(pair as Pair, seed);
      await worker.terminate();
    }
  });
});

/** Traffic on a channel that another thread destroys: it may break, not crash, hang or double. */
function traffic(pair: Pair, seed: number): void {
  const { client, provider } = pair;
  const sqe = emptySqe();
  const answers: number[] = [];
  for (let i = 0; i < 20_000 && !(client.broken && provider.broken); i++) {
    const n = answers.length;
    if (submit(pair, n, () => (answers[n] = (answers[n] ?? 0) + 1)).submitted === "published")
      answers.push(0);
    if (provider.available()) {
      provider.take(sqe);
      if ((sqe.flags & 4) === 0) provider.complete(sqe.tag, 0, 0);
    }
    client.poll();
    client.takeEvents(() => {});
    if (client.inFlight > RING_SLOTS || provider.taken > RING_SLOTS) expect.fail(`seed ${seed}`);
  }
  expect(answers.every((count) => count <= 1)).toBe(true);
}
