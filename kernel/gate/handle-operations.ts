/** Operations on a handle other than read, write, dup and close: check, call, say how to answer. */

import { decodeBody } from "../../ipc/codec.js";
import { EINVAL, EOPNOTSUPP } from "../../ipc/errno.js";
import {
  OP_CALL,
  OP_FEVENT,
  OP_FSIZE,
  OP_FSTAT,
  OP_FSTATVFS,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_GETDENTS,
  OP_LINK,
  operation,
} from "../../ipc/opcode.js";
import { RIGHT_CREATE } from "../../ipc/rights.js";
import type { Scheme } from "../../ipc/scheme.js";
import type { Sqe } from "../../ipc/sqe.js";
import { asBody, asCount, asZero, type Convert } from "./answers.js";
import type { Checks } from "./checks.js";
import { PathPending, Pending } from "./contexts.js";
import type { Handle, ProviderClient } from "./provider-client.js";

/** A call that was made: its request, what the handler returned, and how to answer with it. */
export interface Made {
  pending: Pending;
  value: unknown;
  convert: Convert;
}

/** Performs the operation. @throws the errno of whatever check fails; EOPNOTSUPP for what lacks */
export function onHandle(checks: Checks, client: ProviderClient, sqe: Sqe): Made {
  const handle = checks.handle(client, sqe, operation(sqe.opcode).rights);
  const { scheme, handle: node } = handle.description;
  const pending = new Pending(client, sqe, handle);
  switch (sqe.opcode) {
    case OP_FSIZE:
      return { pending, value: required(scheme, "fsize").call(scheme, node), convert: asCount };
    case OP_FTRUNCATE: {
      const size = wholeNumber(sqe.arg0);
      const value = required(scheme, "ftruncate").call(scheme, node, size);
      return { pending, value, convert: asZero };
    }
    case OP_FSYNC: {
      const value = required(scheme, "fsync").call(scheme, node, pending);
      return { pending, value, convert: asZero };
    }
    case OP_FSTAT:
      return { pending, value: required(scheme, "fstat").call(scheme, node), convert: asBody };
    case OP_FSTATVFS:
      return { pending, value: required(scheme, "fstatvfs").call(scheme, node), convert: asBody };
    case OP_GETDENTS: {
      const cursor = wholeNumber(sqe.arg0);
      const value = required(scheme, "getdents").call(scheme, node, cursor);
      return { pending, value, convert: asBody };
    }
    case OP_CALL: {
      const method = required(scheme, "call");
      const decoded = decodeBody(checks.body(client, sqe));
      if ("errno" in decoded) throw decoded.errno;
      return { pending, value: method.call(scheme, node, decoded.value, pending), convert: asBody };
    }
    case OP_LINK:
      return link(checks, client, sqe, handle);
    case OP_FEVENT: {
      const post = poster(client, handle);
      const value = required(scheme, "fevent").call(scheme, node, sqe.arg1, post);
      return { pending, value, convert: asCount };
    }
    default:
      throw EOPNOTSUPP;
  }
}

function link(checks: Checks, client: ProviderClient, sqe: Sqe, handle: Handle): Made {
  const { scheme, handle: node } = handle.description;
  const path = checks.path(checks.body(client, sqe));
  const { root } = checks.capability(client, handle.capability, path, RIGHT_CREATE);
  const pending = new PathPending(client, sqe, { handle, root });
  const value = required(scheme, "link").call(scheme, node, path, pending);
  return { pending, value, convert: asZero };
}

/** Posts readiness as long as the handle is open. */
function poster(client: ProviderClient, handle: Handle): (events: number) => void {
  return (events) => {
    const open = client.handles.get(handle.number) !== undefined;
    if (open && !client.gone) client.channel.post(handle.number, events);
  };
}

function required<Name extends keyof Scheme>(
  scheme: Scheme,
  name: Name,
): NonNullable<Scheme[Name]> {
  const method = scheme[name];
  if (method === undefined) throw EOPNOTSUPP;
  return method;
}

function wholeNumber(value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw EINVAL;
  return value;
}
