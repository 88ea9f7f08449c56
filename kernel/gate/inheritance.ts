/**
 * Handles that a parent has passed on. The child takes a copy from the provider; if that died in
 * the meantime, the copy with it, it opens the same object by name under its own capability.
 */

import { errnoFromNumber } from "../../ipc/errno.js";
import type { Inherited } from "../../ipc/mail.js";
import { OP_DUP, OP_REATTACH } from "../../ipc/opcode.js";
import type { Connection } from "./connection.js";
import { OPEN_ROOM, parseOpenReply, withoutEffects } from "./open-reply.js";
import { Request } from "./request.js";
import { Session } from "./session.js";

/** Makes the session; what the process does with it is queued behind `session.opening`. */
export function inheritSession(
  connection: Connection,
  inherited: Inherited & { kind: "session" },
): Session {
  const { url, path, flags, capability } = inherited;
  const session = new Session(connection, { url, path, flags, capability });
  session.positioned = inherited.positioned;
  session.share(inherited.cell);
  const request = new Request(OP_DUP, { connection, capability });
  request.room = OPEN_ROOM;
  request.offset = 0;
  request.onDone = () => {
    if (request.result >= 0) adopt(connection, session, request);
    else takeByName(connection, session);
  };
  begin(connection, session, request);
  return session;
}

function takeByName(connection: Connection, session: Session): void {
  const request = new Request(OP_REATTACH, { connection, capability: session.capability });
  request.bytes = Buffer.from(session.path);
  request.room = OPEN_ROOM;
  request.arg1 = withoutEffects(session.flags);
  request.offset = 0;
  request.onDone = () => {
    if (request.result < 0) session.lost = errnoFromNumber(-request.result);
    else adopt(connection, session, request);
  };
  begin(connection, session, request);
}

function begin(connection: Connection, session: Session, request: Request): void {
  session.opening = request;
  request.started = true;
  connection.submit(request);
}

/** Completes a session with what its open answered. */
export function adopt(connection: Connection, session: Session, request: Request): void {
  session.handle = request.result;
  session.identity = parseOpenReply(request.body);
  session.positioned = request.positioned;
  connection.adopt(session);
}
