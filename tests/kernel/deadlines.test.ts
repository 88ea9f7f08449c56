/** Deadlines of requests, and how they wait for a provider's recovery. */

import { beforeEach, describe, expect, it } from "vitest";
import { allocateDoorbell } from "../../ipc/doorbell.js";
import { RECOVERY_MS_MAX } from "../../ipc/limits.js";
import { OP_READ } from "../../ipc/opcode.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { Connection } from "../../kernel/gate/connection.js";
import { Deadlines } from "../../kernel/gate/deadlines.js";
import { Request } from "../../kernel/gate/request.js";

let deadlines: Deadlines;
let connection: Connection;
beforeEach(() => {
  deadlines = new Deadlines();
  connection = new Connection(7);
  serve(1);
});

function serve(incarnation: number): void {
  connection.connected(allocateChannel(65_536), allocateDoorbell(), incarnation);
}

function fence(nowMs: number): void {
  connection.fenced();
  deadlines.pause(connection, nowMs);
}

function add(nowMs: number, deadlineMs: number, to = connection): Request {
  const request = new Request(OP_READ, { connection: to });
  request.deadlineMs = deadlineMs;
  deadlines.add(request, nowMs);
  return request;
}

describe("deadlines", () => {
  it("expire at their moment, once", () => {
    const request = add(0, 100);
    expect(deadlines.nextMs(40)).toBe(60);
    expect(deadlines.expired(99)).toEqual([]);
    expect(deadlines.expired(100)).toEqual([request]);
    expect(deadlines.expired(200)).toEqual([]);
  });

  it("one that is done in time does not expire", () => {
    add(0, 100).finish(0);
    expect([deadlines.expired(100), deadlines.size]).toEqual([[], 0]);
  });

  it("wait while the provider is recovered, and go on where they stood", () => {
    const request = add(0, 100);
    fence(90);
    expect(deadlines.expired(1000)).toEqual([]);
    connection.died(true);
    serve(2);
    expect(deadlines.expired(1090)).toEqual([]);
    expect(deadlines.nextMs(1090)).toBe(10);
    expect(deadlines.expired(1100)).toEqual([request]);
  });

  it("one that was made during the recovery waits for the rest of it only", () => {
    fence(0);
    const request = add(500, 600);
    connection.died(true);
    serve(2);
    expect(deadlines.expired(1000)).toEqual([]);
    expect(deadlines.expired(1099)).toEqual([]);
    expect(deadlines.expired(1100)).toEqual([request]);
  });

  it("a recovery counts no longer than its limit, a second death during it included", () => {
    const request = add(0, 100);
    fence(50);
    fence(1050);
    expect(deadlines.nextMs(1050)).toBe(RECOVERY_MS_MAX - 1000 + 50);
    expect(deadlines.expired(RECOVERY_MS_MAX + 99)).toEqual([]);
    expect(deadlines.expired(RECOVERY_MS_MAX + 100)).toEqual([request]);
  });

  it("another provider's recovery makes nobody wait", () => {
    const other = new Connection(8);
    const request = add(0, 100, other);
    fence(10);
    expect(deadlines.expired(100)).toEqual([request]);
  });
});
