/** What an open answers about the object, and how a session is opened again. */

import { decodeBody } from "../../ipc/codec.js";
import { O_CREATE, O_EXCLUSIVE, O_TRUNCATE } from "../../ipc/open-flags.js";
import type { OpenReply } from "./session.js";

/** Room for an open's identity. */
export const OPEN_ROOM = 512;

/** Flags with which a session can be opened again and nothing but the session changes. */
export function withoutEffects(flags: number): number {
  return flags & ~(O_CREATE | O_EXCLUSIVE | O_TRUNCATE);
}

/** Reads what an open answered about the object; a body that says nothing is an empty reply. */
export function parseOpenReply(body: Uint8Array | undefined): OpenReply {
  if (body === undefined || body.length === 0) return {};
  const decoded = decodeBody(body);
  if ("errno" in decoded || typeof decoded.value !== "object" || decoded.value === null) return {};
  const { object, generation, local } = decoded.value as Record<string, unknown>;
  return {
    ...(typeof object === "string" ? { object } : {}),
    ...(typeof generation === "number" ? { generation } : {}),
    ...(typeof local === "number" ? { local } : {}),
  };
}
