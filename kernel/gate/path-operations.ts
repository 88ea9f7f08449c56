/** Operations that name a path: unlink, rename, symlink, readlink. */

import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { EBADMSG, ENODEV, EOPNOTSUPP } from "../../ipc/errno.js";
import { OP_READLINK, OP_RENAME, OP_SYMLINK, OP_UNLINK } from "../../ipc/opcode.js";
import { RIGHT_CREATE, RIGHT_DELETE, RIGHT_READ } from "../../ipc/rights.js";
import type { Scheme } from "../../ipc/scheme.js";
import type { Sqe } from "../../ipc/sqe.js";
import type { Answer } from "./answers.js";
import type { Checks } from "./checks.js";
import { PathPending } from "./contexts.js";
import type { Made } from "./handle-operations.js";
import type { ProviderClient } from "./provider-client.js";

/** The second name of an operation, as the client sent it. */
function secondOf(second: unknown): string {
  if (typeof second !== "string") throw EBADMSG;
  return second;
}

function rightsFor(opcode: number): number {
  if (opcode === OP_READLINK) return RIGHT_READ;
  return opcode === OP_SYMLINK ? RIGHT_CREATE : RIGHT_DELETE;
}

/** Performs the operation. @throws the errno of whatever check fails */
export function onPath(
  checks: Checks,
  schemes: ReadonlyMap<string, Scheme>,
  client: ProviderClient,
  sqe: Sqe,
): Made {
  const decoded = decodeBody(checks.body(client, sqe));
  if ("errno" in decoded) throw decoded.errno;
  const [first, second] = Array.isArray(decoded.value) ? (decoded.value as unknown[]) : [];
  const path = checks.path(Buffer.from(secondOf(first)));
  const held = checks.capability(client, sqe.capability, path, rightsFor(sqe.opcode));
  const scheme = schemes.get(held.scheme);
  if (scheme === undefined) throw ENODEV;
  const pending = new PathPending(client, sqe, { root: held.root });
  return { pending, value: call(), convert: asText };

  function call(): unknown {
    switch (sqe.opcode) {
      case OP_UNLINK:
        if (scheme?.unlink === undefined) throw EOPNOTSUPP;
        return scheme.unlink(path, sqe.arg1 === 1 ? "directory" : "file", pending);
      case OP_SYMLINK:
        if (scheme?.symlink === undefined) throw EOPNOTSUPP;
        return scheme.symlink(path, secondOf(second), pending);
      case OP_READLINK:
        if (scheme?.readlink === undefined) throw EOPNOTSUPP;
        return scheme.readlink(path, pending);
      case OP_RENAME: {
        if (scheme?.rename === undefined) throw EOPNOTSUPP;
        const to = checks.path(Buffer.from(secondOf(second)));
        checks.capability(client, sqe.capability, to, RIGHT_CREATE);
        return scheme.rename(path, to, pending);
      }
      default:
        throw EOPNOTSUPP;
    }
  }
}

function asText(value: unknown): Answer {
  return typeof value === "string" ? { body: encodeBody(value), flags: 0 } : 0;
}
