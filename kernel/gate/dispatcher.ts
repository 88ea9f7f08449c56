/**
 * The dispatcher: one request, from its private copy to the handler's call. What does not pass the
 * checks never reaches the scheme.
 */

import { encodeBody } from "../../ipc/codec.js";
import { EINVAL, ENODEV, EOPNOTSUPP } from "../../ipc/errno.js";
import {
  OP_CLOSE,
  OP_DUP,
  OP_OPEN,
  OP_READ,
  OP_READLINK,
  OP_REATTACH,
  OP_RENAME,
  OP_SYMLINK,
  OP_SYSCALL,
  OP_UNLINK,
  OP_WRITE,
} from "../../ipc/opcode.js";
import {
  O_APPEND,
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_READ,
  O_TRUNCATE,
  O_WRITE,
} from "../../ipc/open-flags.js";
import { RIGHT_CALL, RIGHT_CREATE, RIGHT_LIST, RIGHT_READ, RIGHT_WRITE } from "../../ipc/rights.js";
import { isOpened, type Scheme } from "../../ipc/scheme.js";
import { CQE_POSITIONED, type Sqe } from "../../ipc/sqe.js";
import { type Answer, Answers, asTransfer } from "./answers.js";
import { Checks, decodeText } from "./checks.js";
import { Conflicts } from "./conflicts.js";
import { OpenPending, Pending } from "./contexts.js";
import type { FaultPoints } from "./fault-points.js";
import { type Made, onHandle } from "./handle-operations.js";
import { onPath } from "./path-operations.js";
import type { Description, Handle, ProviderClient } from "./provider-client.js";

/** A copy of a handle that its new holder has not taken yet. */
export interface Grant {
  client: number;
  description: Description;
  rights: number;
  flags: number;
}

/** What the dispatcher needs. */
export interface DispatcherHost {
  /** Reads mail that has come. */
  refresh(): void;
  cells: Int32Array;
  faults: FaultPoints;
  bug(error: unknown): void;
  /** A pending request was answered by its handler. */
  settled(pending: Pending): void;
  syscall?: SyscallHandler;
}

/** Answers a system call: its number and body in, a body out. */
export type SyscallHandler = (
  context: Pending,
  number: number,
  body: Uint8Array,
) => Uint8Array | Promise<Uint8Array>;

/** Turns requests into handler calls. */
export class Dispatcher {
  readonly schemes = new Map<string, Scheme>();
  readonly grants = new Map<number, Grant>();
  readonly checks: Checks;
  readonly answers: Answers;
  readonly conflicts = new Conflicts();
  readonly #host: DispatcherHost;

  constructor(host: DispatcherHost) {
    this.#host = host;
    this.checks = new Checks(host.cells);
    this.answers = new Answers({
      checks: this.checks,
      conflicts: this.conflicts,
      refresh: () => {
        host.refresh();
      },
      faults: host.faults,
      bug: (error) => {
        host.bug(error);
      },
      settled: (pending, released) => {
        host.settled(pending);
        for (const { client, sqe } of released) if (!client.gone) this.dispatch(client, sqe);
      },
    });
  }

  /** Serves one request. `sqe` is a private copy, valid during this call. */
  dispatch(client: ProviderClient, sqe: Sqe): void {
    if (this.conflicts.hold(client, sqe)) return;
    try {
      const { pending, value, convert } = this.#call(client, sqe);
      this.answers.deliver(pending, value, convert);
    } catch (thrown) {
      this.answers.fail(client, sqe.tag, thrown);
    }
  }

  #call(client: ProviderClient, sqe: Sqe): Made {
    switch (sqe.opcode) {
      case OP_READ:
      case OP_WRITE:
        return this.#transfer(client, sqe);
      case OP_OPEN:
      case OP_REATTACH:
        return this.#open(client, sqe);
      case OP_DUP:
        return this.#dup(client, sqe);
      case OP_UNLINK:
      case OP_RENAME:
      case OP_SYMLINK:
      case OP_READLINK:
        return onPath(this.checks, this.schemes, client, sqe);
      case OP_CLOSE:
        return this.#close(client, sqe);
      case OP_SYSCALL:
        return this.#syscall(client, sqe);
      default:
        return onHandle(this.checks, client, sqe);
    }
  }

  #transfer(client: ProviderClient, sqe: Sqe): Made {
    const reads = sqe.opcode === OP_READ;
    const handle = this.checks.handle(client, sqe, reads ? RIGHT_READ : RIGHT_WRITE);
    const { scheme, handle: node } = handle.description;
    const length = reads ? sqe.arenaLength : sqe.arg2;
    const { offset } = sqe;
    if (length < 0 || !Number.isSafeInteger(offset) || offset < (reads ? 0 : -1)) throw EINVAL;
    if (!Number.isSafeInteger(offset + length)) throw EINVAL;
    const method = reads ? scheme.read : scheme.write;
    if (method === undefined) throw EOPNOTSUPP;
    const bytes = this.checks.payload(client, sqe, length);
    const pending = new Pending(client, sqe, handle);
    pending.limit = length;
    const value = method.call(scheme, node, bytes, offset, pending);
    return { pending, value, convert: asTransfer };
  }

  #open(client: ProviderClient, sqe: Sqe): Made {
    const path = this.checks.path(this.checks.body(client, sqe));
    const need = rightsForOpen(sqe.arg1);
    const held = this.checks.capability(client, sqe.capability, path, need);
    const { root, scheme: name } = held;
    const scheme = this.schemes.get(name);
    if (scheme === undefined) throw ENODEV;
    const cell = this.checks.cell(sqe.capability);
    const flags = grantedFlags(sqe.arg1, cell);
    const rights = rightsOfHandle(flags, cell);
    const facts = { rights: cell, flags, scheme: name, root };
    const pending = new OpenPending(client, sqe, facts);
    const { capability } = sqe;
    const value = scheme.open(path, pending);
    return {
      pending,
      value,
      convert: (node) => this.#describe(pending, { scheme, node, rights, flags, capability }),
    };
  }

  #describe(
    pending: Pending,
    facts: { scheme: Scheme; node: unknown; rights: number; flags: number; capability: number },
  ): Answer {
    const { scheme, node, rights, flags, capability } = facts;
    const wrapped = isOpened(node);
    const description: Description = {
      scheme,
      handle: wrapped ? node.handle : node,
      positioned: wrapped && node.positioned,
      identity: wrapped ? node.identity : undefined,
      references: 1,
    };
    if (pending.answered) {
      // The client has given up on the open: nobody will ever close what it made.
      this.release(description);
      return 0;
    }
    try {
      return this.#addHandle(pending.client, { description, rights, flags, capability });
    } catch (thrown) {
      // The client's table is full: what was opened for it must not stay open.
      this.release(description);
      throw thrown;
    }
  }

  #addHandle(client: ProviderClient, facts: Omit<Handle, "number">): Answer {
    const handle = client.handles.add((number) => ({ number, ...facts }));
    const { identity, positioned } = facts.description;
    const body = identity === undefined ? new Uint8Array(0) : encodeBody(identity);
    return { result: handle.number, body, flags: positioned ? CQE_POSITIONED : 0 };
  }

  #dup(client: ProviderClient, sqe: Sqe): Made {
    const { capability } = sqe;
    const grant = this.grants.get(capability);
    if (sqe.handle === 0 && grant !== undefined && grant.client === client.pid) {
      // Taken once: from here on the copy lives in the client's table.
      this.grants.delete(capability);
      const { description, rights, flags } = grant;
      const answer = this.#addHandle(client, { description, rights, flags, capability });
      const pending = new Pending(client, sqe, undefined);
      return { pending, value: undefined, convert: () => answer };
    }
    const handle = this.checks.handle(client, sqe, 0);
    const { scheme, handle: node } = handle.description;
    if (scheme.dup === undefined) throw EOPNOTSUPP;
    const { rights, flags, capability: held } = handle;
    const { scheme: name, root } = this.checks.held(client, held);
    const pending = new OpenPending(client, sqe, { rights, flags, scheme: name, root });
    const value = scheme.dup(node, decodeText(this.checks.body(client, sqe)), pending);
    return {
      pending,
      value,
      convert: (made) =>
        this.#describe(pending, { scheme, node: made, rights, flags, capability: held }),
    };
  }

  #close(client: ProviderClient, sqe: Sqe): Made {
    const handle = client.handles.get(sqe.handle);
    if (handle === undefined) client.handles.forget(sqe.handle);
    else {
      client.handles.remove(handle);
      this.release(handle.description);
    }
    return { pending: new Pending(client, sqe, undefined), value: 0, convert: () => 0 };
  }

  #syscall(client: ProviderClient, sqe: Sqe): Made {
    const { syscall } = this.#host;
    if (syscall === undefined) throw EOPNOTSUPP;
    const pending = new Pending(client, sqe, undefined);
    pending.defer();
    const value = syscall(pending, sqe.arg1, this.checks.body(client, sqe));
    return { pending, value, convert: (body) => ({ body: body as Uint8Array, flags: 0 }) };
  }

  /** Drops one reference; the last one closes the scheme's object. */
  release(description: Description): void {
    description.references--;
    if (description.references > 0) return;
    try {
      description.scheme.close?.(description.handle);
    } catch (thrown) {
      // `close` always succeeds for the client; a daemon that throws from it has a bug.
      this.#host.bug(thrown);
    }
  }
}

/** Rights that a capability must have for an open with these flags. */
function rightsForOpen(flags: number): number {
  let need = 0;
  if ((flags & O_READ) !== 0) need |= (flags & O_DIRECTORY) !== 0 ? RIGHT_LIST : RIGHT_READ;
  if ((flags & (O_WRITE | O_APPEND | O_TRUNCATE)) !== 0) need |= RIGHT_WRITE;
  if ((flags & O_CREATE) !== 0 && (flags & O_EXCLUSIVE) !== 0) need |= RIGHT_CREATE;
  return need;
}

/** Without the right to create, `>` still writes what exists: the scheme is not asked to create. */
function grantedFlags(flags: number, cell: number): number {
  return (cell & RIGHT_CREATE) === 0 ? flags & ~O_CREATE : flags;
}

/** Rights that the handle gets: what it was opened for, within the capability. */
function rightsOfHandle(flags: number, cell: number): number {
  let rights = cell & RIGHT_CALL;
  if ((flags & O_READ) !== 0) rights |= cell & (RIGHT_READ | RIGHT_LIST);
  if ((flags & (O_WRITE | O_APPEND)) !== 0) rights |= cell & RIGHT_WRITE;
  return rights;
}
