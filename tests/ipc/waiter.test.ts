/**
 * The rule of waiting, with a fake clock and a fake peer: who spins, for how long, and who parks at
 * once. A poll costs a microsecond here, a park as long as the test says.
 */

import { beforeEach, describe, expect, it } from "vitest";
import { type Waitable, Waiter } from "../../ipc/waiter.js";

/** Polls before the clock is looked at, and polls that a spin of 50 µs has, with a margin. */
const QUICK = 60;
const SPUN = 100;

let nowMs = 0;

beforeEach(() => {
  nowMs = 1000;
});

/** A peer that answers at the n-th poll, or after a park. */
class Peer implements Waitable {
  polls = 0;
  parks = 0;
  answersAt = Number.POSITIVE_INFINITY;
  parkMs = 1;

  poll(): boolean {
    this.polls++;
    nowMs += 0.001;
    return this.polls >= this.answersAt;
  }

  park(): void {
    this.parks++;
    nowMs += this.parkMs;
  }
}

interface Wait {
  answersAt?: number;
  parkMs?: number;
  idleMs?: number;
  wokePeer?: boolean;
  deferred?: boolean;
}

/** One wait; says how many polls and parks it took. */
function wait(waiter: Waiter, how: Wait): { polls: number; parks: number } {
  const peer = new Peer();
  peer.answersAt = how.answersAt ?? Number.POSITIVE_INFINITY;
  peer.parkMs = how.parkMs ?? 1;
  nowMs += how.idleMs ?? 0;
  waiter.wait(peer, how.wokePeer ?? false, how.deferred ?? false);
  return { polls: peer.polls, parks: peer.parks };
}

/** A waiter that was hit while polling a moment ago. */
function hotWaiter(): Waiter {
  const waiter = new Waiter(() => nowMs);
  wait(waiter, { answersAt: 10 });
  return waiter;
}

describe("waiter", () => {
  it("waiter: an answer within the first polls neither spins nor parks", () => {
    expect(wait(new Waiter(() => nowMs), { answersAt: 5 })).toEqual({ polls: 5, parks: 0 });
  });

  it("waiter: a rare caller never spins", () => {
    const waiter = new Waiter(() => nowMs);
    for (let i = 0; i < 100; i++) {
      expect(wait(waiter, { idleMs: 3, parkMs: 0.07 })).toEqual({ polls: QUICK, parks: 1 });
    }
  });

  it("waiter: a hot caller spins before it parks, as long as a park costs", () => {
    const { polls, parks } = wait(hotWaiter(), { parkMs: 1 });
    expect(polls).toBeGreaterThan(QUICK + 40);
    expect(polls).toBeLessThan(QUICK + SPUN);
    expect(parks).toBe(1);
  });

  it("waiter: a hit during the spin saves the park", () => {
    expect(wait(hotWaiter(), { answersAt: QUICK + 20 })).toEqual({ polls: QUICK + 20, parks: 0 });
  });

  it("waiter: nobody spins for a provider that waits for the world", () => {
    expect(wait(hotWaiter(), { deferred: true })).toEqual({ polls: QUICK, parks: 1 });
  });

  it("waiter: after spins that missed, a woken peer is not disturbed by another", () => {
    const waiter = hotWaiter();
    wait(waiter, { parkMs: 0.1 });
    expect(wait(waiter, { wokePeer: true, parkMs: 0.1 })).toEqual({ polls: QUICK, parks: 1 });
    expect(wait(waiter, { parkMs: 0.1 }).polls).toBeGreaterThan(QUICK);
  });

  it("waiter: three misses end the spinning; it is probed again, less and less often", () => {
    const waiter = hotWaiter();
    let spins = 0;
    const gaps: number[] = [];
    let gap = 0;
    for (let i = 0; i < 5000; i++) {
      if (wait(waiter, { parkMs: 0.1 }).polls === QUICK) gap++;
      else {
        spins++;
        gaps.push(gap);
        gap = 0;
      }
    }
    expect(gaps.slice(0, 3)).toEqual([0, 0, 0]);
    expect(gaps.slice(3)).toEqual([...gaps.slice(3)].sort((a, b) => a - b));
    expect(spins).toBeLessThan(15);
    expect(spins).toBeGreaterThan(8);
  });

  it("waiter: a probe that hits at once brings the spinning back, a late one does not", () => {
    const probed = (hitAfterPolls: number): number => {
      const waiter = hotWaiter();
      for (let spins = 0; spins < 4; ) spins += wait(waiter, { parkMs: 0.1 }).polls > QUICK ? 1 : 0;
      for (let parked = 0; parked < 100; parked++) {
        const answersAt = QUICK + hitAfterPolls;
        if (wait(waiter, { answersAt, parkMs: 0.1 }).parks === 0) break;
      }
      return wait(waiter, { parkMs: 0.1 }).polls;
    };
    expect(probed(2)).toBeGreaterThan(QUICK);
    expect(probed(30)).toBe(QUICK);
  });

  it("waiter: long parks are no reason to probe", () => {
    const waiter = hotWaiter();
    for (let i = 0; i < 3; i++) wait(waiter, { parkMs: 0.1 });
    for (let i = 0; i < 100; i++) expect(wait(waiter, { parkMs: 5 }).polls).toBe(QUICK);
  });
});
