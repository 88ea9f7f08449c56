/**
 * Positions and results on the client's side: a shared position moves once for each operation, a
 * short transfer gives back what it did not use, and an answer lands in the caller's bytes as a
 * copy.
 */

import { describe, expect, it } from "vitest";
import { allocateDoorbell } from "../../ipc/doorbell.js";
import { EIO } from "../../ipc/errno.js";
import { OP_CALL, OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import { O_APPEND, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { CQE_BODY_SHIFT, CQE_POSITIONED } from "../../ipc/sqe.js";
import { Connection } from "../../kernel/gate/connection.js";
import { Request } from "../../kernel/gate/request.js";
import { Session } from "../../kernel/gate/session.js";

function liveConnection(): Connection {
  const connection = new Connection(7);
  connection.connected(allocateChannel(64 * 1024), allocateDoorbell(), 1);
  return connection;
}

function newSession(connection: Connection, flags = O_READ | O_WRITE): Session {
  return new Session(connection, { url: "x:/f", path: "/f", flags, capability: 1 });
}

/** A request that is on its way, with its payload's extent in the arena. */
function sent(
  opcode: number,
  session: Session,
  facts: { length?: number; room?: number },
): Request {
  const request = new Request(opcode, { connection: session.connection, session });
  if (facts.length !== undefined) request.bytes = new Uint8Array(facts.length);
  request.room = facts.room ?? 0;
  session.connection.submit(request);
  return request;
}

describe.each(["its own", "shared"])("session: a position that is %s", (kind) => {
  function positioned(flags?: number): Session {
    const session = newSession(liveConnection(), flags);
    if (kind === "shared") session.share(new SharedArrayBuffer(8));
    return session;
  }

  it("position: moves by what was claimed, before the answer is there", () => {
    const session = positioned();
    const first = sent(OP_READ, session, { length: 10 });
    const second = sent(OP_WRITE, session, { length: 5 });
    expect([first.offset, second.offset, session.position]).toEqual([0, 10, 15]);
  });

  it("position: a short transfer gives back the rest, a failed one all", () => {
    const session = positioned();
    sent(OP_READ, session, { length: 10 }).landed(4, 0);
    expect(session.position).toBe(4);
    sent(OP_WRITE, session, { length: 10 }).landed(-EIO.errno, 0);
    expect(session.position).toBe(4);
    sent(OP_READ, session, { length: 10 }).landed(10, 0);
    expect(session.position).toBe(14);
  });

  it("position: a short transfer gives nothing back once another has moved it", () => {
    const session = positioned();
    const first = sent(OP_READ, session, { length: 10 });
    const second = sent(OP_READ, session, { length: 10 });
    first.landed(4, 0);
    expect(session.position).toBe(20);
    second.landed(3, 0);
    expect(session.position).toBe(13);
  });

  it("position: can be set, and an explicit offset does not move it", () => {
    const session = positioned();
    session.position = 100;
    const request = new Request(OP_READ, { connection: session.connection, session });
    request.bytes = new Uint8Array(10);
    request.offset = 7;
    session.connection.submit(request);
    request.landed(3, 0);
    expect([request.offset, session.position]).toEqual([7, 100]);
  });

  it("position: an append goes to the end, whatever the position", () => {
    const session = positioned(O_WRITE | O_APPEND);
    const request = sent(OP_WRITE, session, { length: 10 });
    request.landed(10, 0);
    expect([request.offset, session.position]).toEqual([-1, 0]);
  });
});

describe("session: a shared position", () => {
  it("position: two sessions with one cell never work at the same place", () => {
    const connection = liveConnection();
    const cell = new SharedArrayBuffer(8);
    const [one, two] = [newSession(connection), newSession(connection)];
    for (const session of [one, two]) session.share(cell);
    const offsets = [one, two, one].map((session) => sent(OP_WRITE, session, { length: 5 }).offset);
    expect(offsets).toEqual([0, 5, 10]);
    expect([one.position, two.position]).toEqual([15, 15]);
  });
});

describe("request: landing", () => {
  it("request: read bytes are copied out of the arena, no more than were read", () => {
    const session = newSession(liveConnection());
    const request = sent(OP_READ, session, { length: 6 });
    const arena = session.connection.arena as Uint8Array;
    arena.fill(0x61, request.arenaOffset, request.arenaOffset + 6);
    request.landed(4, 0);
    arena.fill(0x62);
    expect([...(request.bytes as Uint8Array)]).toEqual([0x61, 0x61, 0x61, 0x61, 0, 0]);
    expect(request.result).toBe(4);
  });

  it.each([5, 2 ** 40])("request: a read that claims %d of 4 bytes is EIO", (count) => {
    const request = sent(OP_READ, newSession(liveConnection()), { length: 4 });
    request.landed(count, 0);
    expect([request.result, [...(request.bytes as Uint8Array)]]).toEqual([
      -EIO.errno,
      [0, 0, 0, 0],
    ]);
  });

  it("request: no transfer counts more than was asked for, nor one of nothing", () => {
    const session = newSession(liveConnection());
    const write = sent(OP_WRITE, session, { length: 4 });
    write.landed(5, 0);
    const empty = sent(OP_READ, session, { length: 0 });
    empty.landed(100, 0);
    expect([write.result, empty.result]).toEqual([-EIO.errno, -EIO.errno]);
  });

  it("request: a body is a private copy, and never longer than its room", () => {
    const session = newSession(liveConnection());
    const request = sent(OP_CALL, session, { length: 2, room: 100 });
    const arena = session.connection.arena as Uint8Array;
    arena.fill(0x61, request.arenaOffset, request.arenaOffset + 200);
    request.landed(0, (0xffffff << CQE_BODY_SHIFT) | CQE_POSITIONED);
    arena.fill(0x62);
    expect(request.body).toEqual(new Uint8Array(100).fill(0x61));
    expect(request.body?.buffer).not.toBe(arena.buffer);
    expect(request.positioned).toBe(true);
  });

  it("request: is answered once; what comes later changes nothing", () => {
    const request = sent(OP_CALL, newSession(liveConnection()), { length: 2 });
    let answers = 0;
    request.onDone = () => answers++;
    request.finish(-EIO.errno, "unknown");
    request.landed(7, 0);
    expect([answers, request.result, request.outcome]).toEqual([1, -EIO.errno, "unknown"]);
  });
});
