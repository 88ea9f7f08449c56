/**
 * Recovery at the provider's gate: what is left of a client that died, and the window in which
 * a new incarnation admits replays only.
 */

import { describe, expect, it } from "vitest";
import { ECANCELED, EOWNERDEAD, type Errno } from "../../ipc/errno.js";
import { REPLAY_WINDOW_MS, RING_SLOTS, TRIAL_MS } from "../../ipc/limits.js";
import { OP_OPEN, OP_READ, OP_RESUME, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { SQ_TAIL, SQES } from "../../ipc/ring-block.js";
import { SQE, SQE_ONEWAY, SQE_REPLAY, SQE_SUSPECT } from "../../ipc/sqe.js";
import { GateScheme } from "./gate-scheme.js";
import { Stand, type StandClient, turn } from "./gate-stand.js";

const MINE = 3;
const THEIRS = 4;

function newStand(recovering = false) {
  const scheme = new GateScheme();
  const stand = new Stand({ x: scheme }, recovering);
  const mine = stand.client(MINE, recovering);
  const theirs = stand.client(THEIRS, recovering);
  stand.grant(1, MINE);
  stand.grant(2, THEIRS);
  return { scheme, stand, mine, theirs };
}

const minus = ({ errno }: Errno): number => -errno;

describe("gate: the death of a client", () => {
  it("drained: at once when nothing is in progress; its handles are closed", () => {
    const { scheme, stand, mine } = newStand();
    mine.open(1);
    stand.provider.receive({ kind: "client-died", client: MINE, drain: 77 });
    expect([stand.drained, scheme.log]).toEqual([[77], ["open /f", "close /f"]]);
    stand.provider.receive({ kind: "client-died", client: 99, drain: 78 });
    expect(stand.drained).toEqual([77, 78]);
  });

  it("drained: not before the last handler has settled, and then once", async () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("write");
    for (const offset of [0, 100]) {
      mine.send({ opcode: OP_WRITE, handle, body: "x", offset });
    }
    mine.run();
    stand.provider.receive({ kind: "client-died", client: MINE, drain: 77 });
    expect(scheme.parked.map(({ context }) => context.canceled)).toEqual([true, true]);
    scheme.answer(1);
    await turn();
    expect(stand.drained).toEqual([]);
    scheme.fail(ECANCELED);
    await turn();
    expect(stand.drained).toEqual([77]);
  });

  it("drained: a dead client is served no more, and what was held back is dropped", async () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("write");
    mine.send({ opcode: OP_WRITE, handle, body: "x" });
    mine.send({ opcode: OP_WRITE, handle, body: "x" });
    mine.run();
    mine.send({ opcode: OP_WRITE, handle, body: "x", offset: 100 });
    stand.provider.receive({ kind: "client-died", client: MINE, drain: 77 });
    mine.run();
    scheme.answer(1);
    await turn();
    expect(scheme.log).toEqual(["open /f", "write /f 0", "close /f"]);
    expect(stand.drained).toEqual([77]);
  });

  it("drained: a client that uses a tag twice can't hide a handler at work", async () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("write");
    const flight = () => ({ landed() {}, arenaOffset: 0, arenaLength: 0, sqIndex: 0, tag: 0 });
    for (const offset of [0, 100]) {
      Object.assign(mine.channel.sqe, {
        opcode: OP_WRITE,
        handle,
        offset,
        arenaLength: 64,
        arg2: 1,
      });
      mine.channel.submit(flight());
    }
    // The second entry gets the first one's tag, as a hostile client would write it.
    const [first, second] = [1, 2].map((index) => (SQES + index * SQE.SIZE) / 4 + SQE.tag.word);
    mine.words[second as number] = mine.words[first as number] as number;
    mine.run();
    stand.provider.receive({ kind: "client-died", client: MINE, drain: 77 });
    const working = scheme.parked.length;
    scheme.parked.pop()?.resolve(1);
    await turn();
    expect(working > 1 ? stand.drained : []).toEqual([]);
  });
});

describe("gate: the replay window", () => {
  const replay = (client: StandClient, path: string) =>
    client.send({
      opcode: OP_OPEN,
      flags: SQE_REPLAY,
      body: path,
      room: 512,
      capability: client.pid - 2,
      arg1: O_READ | O_WRITE,
    });
  const resume = (client: StandClient): void => {
    client.tell({ opcode: OP_RESUME, flags: SQE_ONEWAY });
  };

  it("window: what is new waits until every client has reported", () => {
    const { scheme, stand, mine, theirs } = newStand(true);
    replay(mine, "/mine");
    resume(mine);
    mine.open(1, "/new");
    mine.run();
    expect(scheme.log).toEqual(["open /mine"]);
    replay(theirs, "/theirs");
    resume(theirs);
    theirs.run();
    mine.run();
    expect(scheme.log).toEqual(["open /mine", "open /theirs", "open /new"]);
    expect(stand.resumed).toEqual([2]);
  });

  it("window: closes by itself when its time is over", () => {
    const { scheme, stand, mine } = newStand(true);
    resume(mine);
    mine.open(1, "/new");
    expect(scheme.log).toEqual([]);
    stand.nowMs += REPLAY_WINDOW_MS;
    mine.run();
    expect([scheme.log, stand.resumed]).toEqual([["open /new"], [0]]);
  });

  /** Opens in the window, so that there is something to replay on. */
  function reopened(client: StandClient): number {
    const answer = replay(client, "/f");
    client.run();
    return answer.results[0] as number;
  }
  const writes = (client: StandClient, handle: number, offset: number, flags = 0): number =>
    client.ask({ opcode: OP_WRITE, flags, handle, body: "abcd", offset });

  it("window: a change that is replayed after the client's report ends with EOWNERDEAD", () => {
    const { scheme, mine, theirs } = newStand(true);
    const handle = reopened(mine);
    resume(theirs);
    theirs.run();
    resume(mine);
    mine.run();
    expect(writes(mine, handle, 0, SQE_REPLAY)).toBe(minus(EOWNERDEAD));
    expect(scheme.log).toEqual(["open /f"]);
  });

  it("window: a change replayed late does not land on a newer one; elsewhere it does", () => {
    const { scheme, stand, mine, theirs } = newStand(true);
    const [late, early] = [reopened(mine), reopened(theirs)];
    resume(theirs);
    theirs.run();
    stand.nowMs += REPLAY_WINDOW_MS + 1;
    expect(writes(theirs, early, 100)).toBe(4);
    expect(writes(mine, late, 102, SQE_REPLAY)).toBe(minus(EOWNERDEAD));
    expect(writes(mine, late, 104, SQE_REPLAY)).toBe(4);
    expect(scheme.log.slice(2)).toEqual(["write /f 100", "write /f 104"]);
  });

  it("window: a read is served however late", () => {
    const { mine } = newStand();
    const handle = mine.open(1);
    const read = { opcode: OP_READ, flags: SQE_REPLAY, handle, room: 4 };
    expect(mine.ask(read)).toBe(4);
    expect(writes(mine, handle, 0, SQE_REPLAY)).toBe(minus(EOWNERDEAD));
  });

  it("ready: a client whose requests can't be taken does not hide its neighbour's", () => {
    const { scheme, stand, mine, theirs } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    for (let i = 0; i < RING_SLOTS; i++) mine.send({ opcode: OP_READ, handle, room: 4 });
    for (let i = 0; i < 3; i++) mine.run();
    // One more than its limit: it waits in the ring until a completion has its place.
    mine.words[SQ_TAIL] = (mine.words[SQ_TAIL] as number) + 1;
    theirs.send({ opcode: OP_READ, handle: 1, room: 4 });
    expect(stand.provider.ready()).toBe(true);
  });
});

describe("gate: suspects", () => {
  const suspect = { opcode: OP_READ, room: 4, flags: SQE_REPLAY | SQE_SUSPECT };

  it("are tried one by one; a trial ends with the answer or when its time is over", async () => {
    const { scheme, stand, mine } = newStand(true);
    const handle = mine.open(1);
    scheme.parks.add("read");
    for (let n = 0; n < 3; n++) mine.send({ ...suspect, handle });
    mine.run();
    expect(scheme.parked).toHaveLength(1);
    mine.run();
    expect(scheme.parked).toHaveLength(1);
    scheme.answer(4);
    await turn();
    mine.run();
    expect(scheme.parked).toHaveLength(1);
    stand.nowMs += TRIAL_MS;
    mine.run();
    expect(scheme.parked).toHaveLength(2);
  });

  it("nobody can hold the others up by calling itself suspect when it replays nothing", () => {
    const { scheme, mine, theirs } = newStand();
    const handle = mine.open(1);
    const other = theirs.open(2);
    scheme.parks.add("read");
    for (const flags of [SQE_SUSPECT, SQE_SUSPECT | SQE_REPLAY]) {
      mine.send({ ...suspect, flags, handle });
    }
    mine.run();
    expect(scheme.parked.length).toBeGreaterThan(0);
    expect(theirs.ask({ opcode: OP_WRITE, handle: other, body: "x", offset: 100 })).toBe(1);
  });
});
