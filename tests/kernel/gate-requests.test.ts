/**
 * Requests in progress at the provider's gate: revoked, cancelled, and held back by others that
 * they conflict with.
 */

import { describe, expect, it } from "vitest";
import { EACCES, EBADF, ECANCELED, type Errno } from "../../ipc/errno.js";
import { HANDLES_PER_CHANNEL_MAX, RING_SLOTS } from "../../ipc/limits.js";
import { OP_CANCEL, OP_OPEN, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { SQE_ONEWAY } from "../../ipc/sqe.js";
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
const cancel = (client: StandClient, tag: number): void => {
  client.tell({ opcode: OP_CANCEL, flags: SQE_ONEWAY, arg1: tag });
};

describe("gate: revoking", () => {
  it("revoke: the next request is refused, before the mail and after", () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.log.length = 0;
    stand.clear(1);
    expect(mine.ask({ opcode: OP_READ, handle, room: 4 })).toBe(minus(EACCES));
    expect(mine.open(1)).toBe(minus(EACCES));
    stand.revoke(1);
    expect([minus(EACCES), minus(EBADF)]).toContain(mine.ask({ opcode: OP_READ, handle, room: 4 }));
    expect(mine.open(1)).toBe(minus(EACCES));
    expect(scheme.log).toEqual(["close /f"]);
  });

  it("revoke: a parked request ends with EACCES, is told, and is not answered twice", async () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    const answer = mine.send({ opcode: OP_READ, handle, room: 4 });
    mine.run();
    stand.revoke(1);
    mine.channel.poll();
    expect([answer.results, scheme.parked[0]?.context.canceled]).toEqual([[minus(EACCES)], true]);
    scheme.answer(4);
    await turn();
    mine.channel.poll();
    expect([answer.results, mine.channel.strays]).toEqual([[minus(EACCES)], 0]);
  });

  it("revoke: a handler done between the cells and the mail completes without data", async () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    const answer = mine.send({ opcode: OP_READ, handle, room: 4 });
    mine.run();
    stand.clear(1);
    scheme.answer(4);
    await turn();
    mine.channel.poll();
    expect(answer.results).toEqual([minus(EACCES)]);
  });

  it("revoke: an index that is in use again before the mail was read revives nobody", async () => {
    const { scheme, stand, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    const answer = mine.send({ opcode: OP_READ, handle, room: 4 });
    mine.run();
    // The kernel revokes, then gives the index to another; both pieces of mail are still unread.
    stand.clear(1);
    stand.unread.push({ kind: "revoked", indices: [1] });
    stand.unread.push({ kind: "capability", index: 1, client: THEIRS, scheme: "x", root: "/" });
    stand.cells[1] = 255;
    scheme.answer(4);
    await turn();
    mine.channel.poll();
    expect(answer.results).toEqual([minus(EACCES)]);
  });

  it("revoke: an open that was parked leaves no handle behind", async () => {
    const { scheme, stand, mine } = newStand();
    scheme.parks.add("open");
    mine.send({ opcode: OP_OPEN, body: "/f", room: 512, capability: 1, arg1: O_READ });
    mine.run();
    stand.revoke(1);
    scheme.answer("/f");
    await turn();
    // The index comes into use again, for another root; the first handle number is easy to guess.
    stand.grant(1, THEIRS);
    scheme.log.length = 0;
    expect(mine.ask({ opcode: OP_READ, handle: HANDLES_PER_CHANNEL_MAX, room: 4 })).toBe(
      minus(EBADF),
    );
    expect(scheme.log).toEqual([]);
  });
});

describe("gate: cancelling", () => {
  it("cancel: a deferred handler is told, and the client answered at once", async () => {
    const { scheme, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    scheme.defers = true;
    const answer = mine.send({ opcode: OP_READ, handle, room: 4 });
    mine.run();
    let told = 0;
    scheme.parked[0]?.context.onCancel(() => told++);
    cancel(mine, answer.tag);
    cancel(mine, answer.tag);
    mine.run();
    expect([answer.results, told]).toEqual([[minus(ECANCELED)], 1]);
    scheme.answer(4);
    await turn();
    mine.channel.poll();
    expect([answer.results, mine.channel.strays]).toEqual([[minus(ECANCELED)], 0]);
  });

  it("cancel: a handler at work is told, and answers when it is done", async () => {
    const { scheme, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    const answer = mine.send({ opcode: OP_READ, handle, room: 4 });
    mine.run();
    cancel(mine, answer.tag);
    mine.run();
    expect([answer.results, scheme.parked[0]?.context.canceled]).toEqual([[], true]);
    scheme.answer(4);
    await turn();
    mine.channel.poll();
    expect(answer.results).toEqual([4]);
  });

  it("cancel: 64 parked requests can all be cancelled", () => {
    const { scheme, mine } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    scheme.defers = true;
    const send = () => mine.send({ opcode: OP_READ, handle, room: 4 });
    const answers = Array.from({ length: RING_SLOTS }, send);
    for (let i = 0; i < 3; i++) mine.run();
    expect(scheme.parked).toHaveLength(RING_SLOTS);
    for (const { tag } of answers) cancel(mine, tag);
    for (let i = 0; i < 3; i++) mine.run();
    expect(answers.every(({ results }) => results[0] === minus(ECANCELED))).toBe(true);
  });

  it("cancel: a wild tag, and a neighbour's, disturb nobody", () => {
    const { scheme, mine, theirs } = newStand();
    const handle = mine.open(1);
    scheme.parks.add("read");
    scheme.defers = true;
    const answer = mine.send({ opcode: OP_READ, handle, room: 4 });
    mine.run();
    for (const tag of [0, -1, answer.tag + 1]) cancel(mine, tag);
    cancel(theirs, answer.tag);
    mine.run();
    expect([answer.results, scheme.parked[0]?.context.canceled]).toEqual([[], false]);
  });

  it("cancel: an open that nobody waits for leaves no handle behind", async () => {
    const { scheme, mine } = newStand();
    scheme.parks.add("open");
    scheme.defers = true;
    const ask = { opcode: OP_OPEN, body: "/f", room: 512, capability: 1, arg1: O_READ };
    const { tag } = mine.send(ask);
    mine.run();
    cancel(mine, tag);
    mine.run();
    scheme.answer("/f");
    await turn();
    expect(scheme.log).toEqual(["open /f", "close /f"]);
  });
});

describe("gate: conflicts", () => {
  const write = (handle: number, offset: number, body = "abcd") => ({
    opcode: OP_WRITE,
    handle,
    body,
    offset,
  });

  it("conflicts: overlapping writes go one after the other, in order; others pass", async () => {
    const { scheme, mine, theirs } = newStand();
    const handle = mine.open(1);
    const other = theirs.open(2);
    scheme.log.length = 0;
    scheme.parks.add("write");
    mine.send(write(handle, 0));
    mine.send(write(handle, 2));
    mine.send(write(handle, 4));
    mine.send(write(handle, 100));
    mine.run();
    theirs.send(write(other, 1));
    theirs.run();
    expect(scheme.log).toEqual(["write /f 0", "write /f 100"]);
    scheme.answer(4);
    await turn();
    expect(scheme.log).toEqual(["write /f 0", "write /f 100", "write /f 2"]);
    scheme.parked.splice(0, 1);
    scheme.answer(4);
    await turn();
    expect(scheme.log.slice(3)).toEqual(["write /f 4"]);
    scheme.answer(4);
    await turn();
    expect(scheme.log.slice(4)).toEqual(["write /f 1"]);
  });

  it("conflicts: reads run together, but wait for a write, and writes for them", async () => {
    const { scheme, mine } = newStand();
    const handle = mine.open(1, "/f", O_READ | O_WRITE);
    scheme.log.length = 0;
    scheme.parks.add("read").add("write");
    for (const offset of [0, 1]) mine.send({ opcode: OP_READ, handle, room: 4, offset });
    mine.send(write(handle, 3));
    mine.send({ opcode: OP_READ, handle, room: 4, offset: 0 });
    mine.run();
    expect(scheme.log).toEqual(["read /f 0", "read /f 1"]);
    scheme.answer(4);
    scheme.answer(4);
    await turn();
    expect(scheme.log.slice(2)).toEqual(["write /f 3"]);
    scheme.answer(4);
    await turn();
    expect(scheme.log.slice(3)).toEqual(["read /f 0"]);
  });

  it("conflicts: an append conflicts with all of the object, other objects with nothing", () => {
    const { scheme, mine } = newStand();
    const handle = mine.open(1);
    const other = mine.open(1, "/g");
    scheme.log.length = 0;
    scheme.parks.add("write");
    mine.send(write(handle, -1));
    mine.send(write(handle, 1_000_000));
    mine.send(write(other, 0));
    mine.run();
    expect(scheme.log).toEqual(["write /f -1", "write /g 0"]);
  });
});
