/**
 * All schemes of the network in one: a daemon has one table of operations, and `open` says under
 * which name it was addressed. Each handle then goes to the scheme that made it.
 */

import { ENODEV, EOPNOTSUPP } from "../../ipc/errno.js";
import { type Awaitable, isOpened, type Opened, opened, type Scheme } from "../../ipc/scheme.js";
import { datagramScheme } from "./datagram-scheme.js";
import { dnsScheme } from "./dns-scheme.js";
import { netcfgScheme } from "./netcfg-scheme.js";
import type { NetService } from "./service.js";
import { tcpScheme } from "./tcp-scheme.js";

/** A handle and the scheme that it belongs to. */
interface FaceHandle {
  readonly face: Scheme;
  readonly handle: unknown;
}

/** Makes the table. @param generation - tells this incarnation from others */
export function netScheme(service: NetService, generation: number): Scheme<FaceHandle> {
  const faces = new Map<string, Scheme>([
    ["tcp", tcpScheme(service, generation) as Scheme],
    ["udp", datagramScheme(service, "udp", generation) as Scheme],
    ["icmp", datagramScheme(service, "icmp", generation) as Scheme],
    ["ip", datagramScheme(service, "ip", generation) as Scheme],
    ["dns", dnsScheme(service) as Scheme],
    ["netcfg", netcfgScheme(service) as Scheme],
  ]);
  return {
    open(path, context) {
      const face = faces.get(context.scheme);
      if (face === undefined) throw ENODEV;
      // Nobody's recovery waits for an address: what can go on needs none.
      const needs = context.scheme !== "netcfg" && context.reattaches !== true;
      const configured = needs ? service.configured() : undefined;
      if (configured === undefined) return wrap(face, face.open(path, context));
      context.defer();
      return wrap(
        face,
        configured.then(() => face.open(path, context)),
      );
    },
    dup: ({ face, handle }, name, context) =>
      wrap(face, offered(face.dup).call(face, handle, name, context)),
    read: ({ face, handle }, bytes, offset, context) =>
      offered(face.read).call(face, handle, bytes, offset, context),
    write: ({ face, handle }, bytes, offset, context) =>
      offered(face.write).call(face, handle, bytes, offset, context),
    fsize: ({ face, handle }) => offered(face.fsize).call(face, handle),
    fsync: ({ face, handle }, context) => offered(face.fsync).call(face, handle, context),
    fstat: ({ face, handle }) => offered(face.fstat).call(face, handle),
    getdents: ({ face, handle }, cursor) => offered(face.getdents).call(face, handle, cursor),
    fevent: ({ face, handle }, mask, post) => offered(face.fevent).call(face, handle, mask, post),
    call: ({ face, handle }, request, context) =>
      offered(face.call).call(face, handle, request, context),
    close: ({ face, handle }) => face.close?.(handle),
  };
}

/** An operation that the scheme has. */
function offered<F>(operation: F | undefined): F {
  if (operation === undefined) throw EOPNOTSUPP;
  return operation;
}

function wrap(face: Scheme, made: Awaitable<unknown>): Awaitable<FaceHandle | Opened<FaceHandle>> {
  if (made instanceof Promise) return made.then((value: unknown) => wrapNow(face, value));
  return wrapNow(face, made);
}

function wrapNow(face: Scheme, value: unknown): FaceHandle | Opened<FaceHandle> {
  if (!isOpened(value)) return { face, handle: value };
  const { handle, positioned, identity } = value;
  const facts = { positioned, ...(identity === undefined ? {} : { identity }) };
  return opened({ face, handle }, facts);
}
