/** Kernel objects that come by mail: what changes before the open is answered is not forgotten. */

import { expect, it } from "vitest";
import { allocateByteRing, ByteRing, WRITER_GONE } from "../../ipc/byte-ring.js";
import { PIPE_BYTES } from "../../ipc/limits.js";
import type { PipeMail } from "../../ipc/mail.js";
import { OP_READ } from "../../ipc/opcode.js";
import { ObjectTable } from "../../kernel/gate/object-table.js";
import type { LocalRequest } from "../../kernel/gate/objects.js";

function ring(): ByteRing {
  return new ByteRing(allocateByteRing(PIPE_BYTES));
}

it("object table: a writer that joins a pipe before its open is answered is read", () => {
  const table = new ObjectTable(() => false);
  const first = ring();
  const second = ring();
  const mail = (rings: ByteRing[]): PipeMail => ({
    id: 7,
    end: "read",
    rings: rings.map(({ memory }) => memory),
    peers: [],
  });
  table.arrive({ object: "pipe", ...mail([first]) });
  table.update(mail([first, second]));
  first.setGone(WRITER_GONE);
  second.write(Buffer.from("hello"));
  const request = table.claim(7)?.call(OP_READ) as LocalRequest;
  request.bytes = Buffer.alloc(16);
  table.submit(request);
  expect(request.result).toBe(5);
});
