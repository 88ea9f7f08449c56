/**
 * The checks of a request: handle, rights cell, payload, path, capability. Every field comes from a
 * client and is believed only after it passed here. A check that fails throws its errno.
 */

import { rightsIn, slotOf } from "../../ipc/capability-index.js";
import { EACCES, EBADF, EBADMSG, EINVAL, EMSGSIZE, ENAMETOOLONG } from "../../ipc/errno.js";
import { BODY_BYTES_MAX, PATH_BYTES_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import type { Sqe } from "../../ipc/sqe.js";
import { canonicalPath, isBeneath } from "../../ipc/url.js";
import type { Handle, ProviderClient } from "./provider-client.js";

/** A capability on this provider, as the kernel told it. Its rights are in the cell. */
export interface Capability {
  client: number;
  scheme: string;
  root: string;
}

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Decodes text that a client sent. @throws EBADMSG */
export function decodeText(bytes: Uint8Array): string {
  try {
    return DECODER.decode(bytes);
  } catch {
    throw EBADMSG;
  }
}

/** What the kernel has said about this provider's clients. */
export class Checks {
  /** Rights cells: written by the kernel only. */
  readonly cells: Int32Array;
  readonly capabilities = new Map<number, Capability>();

  constructor(cells: Int32Array) {
    this.cells = cells;
  }

  /** Finds the handle and checks it and its cell for `need` (any of the bits; 0: just alive). */
  handle(client: ProviderClient, sqe: Sqe, need: number): Handle {
    const handle = client.handles.get(sqe.handle);
    if (handle === undefined) throw client.handles.wasRevoked(sqe.handle) ? EACCES : EBADF;
    if (need !== 0 && (handle.rights & need) === 0) throw EBADF;
    // Read for each request, after it was copied.
    const cell = this.cell(handle.capability);
    if (cell === 0 || (need !== 0 && (cell & need) === 0)) throw EACCES;
    return handle;
  }

  /** The first `length` bytes of the request's extent. */
  payload(client: ProviderClient, sqe: Sqe, length: number): Uint8Array {
    if (sqe.arenaLength > PAYLOAD_BYTES_MAX || length > sqe.arenaLength) throw EINVAL;
    if (!client.channel.inArena(sqe.arenaOffset, sqe.arenaLength)) throw EINVAL;
    return client.view(sqe.arenaOffset, length);
  }

  /** Copies the body that the client sent out of shared memory. */
  body(client: ProviderClient, sqe: Sqe): Uint8Array {
    if (sqe.arg2 < 0 || sqe.arg2 > BODY_BYTES_MAX) throw EMSGSIZE;
    if (sqe.arg2 === 0) return new Uint8Array(0);
    return this.payload(client, sqe, sqe.arg2).slice();
  }

  /** A canonical path from a body. A client's gate sends no other: anything else was forged. */
  path(body: Uint8Array): string {
    if (body.length > PATH_BYTES_MAX) throw ENAMETOOLONG;
    const text = decodeText(body);
    const path = canonicalPath(text);
    if (typeof path !== "string") throw path;
    if (path !== text) throw EINVAL;
    return path;
  }

  /** The named capability, if it is this client's. @throws EACCES */
  held(client: ProviderClient, index: number): Capability {
    const capability = this.capabilities.get(index);
    if (capability === undefined || capability.client !== client.pid) throw EACCES;
    return capability;
  }

  /** The named capability, if it is this client's and covers `path` with all of `need`. */
  capability(client: ProviderClient, index: number, path: string, need: number): Capability {
    const capability = this.held(client, index);
    if (!isBeneath(capability.root, path)) throw EACCES;
    const cell = this.cell(index);
    if (cell === 0 || (cell & need) !== need) throw EACCES;
    return capability;
  }

  /** Rights that a capability has now; 0 once it was revoked. */
  cell(index: number): number {
    // Partner: the kernel's `revoke` stores 0, and a new capability in the slot its generation.
    return rightsIn(Atomics.load(this.cells, slotOf(index)), index);
  }
}
