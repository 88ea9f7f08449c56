/** A provider that breaks the protocol: its client closes the channel and goes on. */

import { expect, it } from "vitest";
import { allocateDoorbell } from "../../ipc/doorbell.js";
import { EIO, EOWNERDEAD } from "../../ipc/errno.js";
import { OP_READ } from "../../ipc/opcode.js";
import { allocateChannel, CQ_TAIL } from "../../ipc/ring-block.js";
import { Connection } from "../../kernel/gate/connection.js";
import { Request } from "../../kernel/gate/request.js";
import { Session } from "../../kernel/gate/session.js";

it("a wild completion index ends every request and fails the connection, not the process", () => {
  const memory = allocateChannel(2 ** 16);
  const connection = new Connection(9);
  connection.connected(memory, allocateDoorbell(), 1);
  const session = new Session(connection, { url: "x:/", path: "/", flags: 1, capability: 1 });
  session.handle = 1024;
  connection.sessions.add(session);
  const request = new Request(OP_READ, { connection, session });
  request.bytes = new Uint8Array(16);
  connection.submit(request);
  Atomics.store(new Int32Array(memory.ring), CQ_TAIL, 1_000_000);
  while (connection.ready()) connection.poll();
  expect(request.done).toBe(true);
  expect([-EIO.errno, -EOWNERDEAD.errno]).toContain(request.result);
  expect(connection.state).toBe("failed");
  expect(connection.brokenDown).toBe(true);
});
