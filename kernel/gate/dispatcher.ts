/**
 * The dispatcher: one request, from its private copy to its completion. Validates every field, checks
 * the rights cell, holds back what conflicts with a request in progress, calls the handler, publishes.
 */

import { decodeBody, encodeBody } from "../../ipc/codec.js";
import {
  EACCES,
  EBADF,
  EBADMSG,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENODEV,
  EOPNOTSUPP,
  type Errno,
  errnoOf,
} from "../../ipc/errno.js";
import { BODY_BYTES_MAX, PATH_BYTES_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import {
  O_APPEND,
  O_CREATE,
  O_DIRECTORY,
  O_READ,
  O_TRUNCATE,
  O_WRITE,
} from "../../ipc/open-flags.js";
import {
  OP_CALL,
  OP_CLOSE,
  OP_DUP,
  OP_FEVENT,
  OP_FSIZE,
  OP_FSTAT,
  OP_FSTATVFS,
  OP_FSYNC,
  OP_FTRUNCATE,
  OP_GETDENTS,
  OP_LINK,
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
import { FAULT_POINTS } from "../../ipc/process-block.js";
import {
  RIGHT_CALL,
  RIGHT_CREATE,
  RIGHT_DELETE,
  RIGHT_LIST,
  RIGHT_READ,
  RIGHT_WRITE,
} from "../../ipc/rights.js";
import { isOpened, type OpenContext, type Scheme } from "../../ipc/scheme.js";
import { CQE_BODY_SHIFT, CQE_POSITIONED, SQE_NONBLOCK, type Sqe } from "../../ipc/sqe.js";
import { canonicalPath, isBeneath } from "../../ipc/url.js";
import type { FaultPoints } from "./fault-points.js";
import {
  type Description,
  type Handle,
  Pending,
  type PendingFacts,
  type ProviderClient,
} from "./provider-client.js";

/** A capability on this provider, as the kernel told it. Its rights are in the cell. */
export interface Capability {
  client: number;
  scheme: string;
  root: string;
}

/** A copy of a handle that its new holder has not taken yet. */
export interface Grant {
  client: number;
  description: Description;
  rights: number;
  flags: number;
}

/** What the dispatcher needs. */
export interface DispatcherHost {
  /** Rights cells: written by the kernel only. */
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

/** What a handler answered, before it is published. */
type Answer = number | { body: Uint8Array; flags: number; result?: number };

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Turns requests into handler calls and answers into completions. */
export class Dispatcher {
  readonly schemes = new Map<string, Scheme>();
  readonly capabilities = new Map<number, Capability>();
  readonly grants = new Map<number, Grant>();
  promises = 0;
  readonly #host: DispatcherHost;
  /** Requests with a byte range whose handlers are at work, for conflicts. */
  readonly #atWork = new Set<Pending>();
  /** Requests that conflict with one at work, in order. */
  #held: { client: ProviderClient; sqe: Sqe; start: number; end: number; object: string }[] = [];

  constructor(host: DispatcherHost) {
    this.#host = host;
  }

  /** Serves one request. `sqe` is a private copy, valid during this call. */
  dispatch(client: ProviderClient, sqe: Sqe): void {
    try {
      if (this.#holdBack(client, sqe)) return;
      this.#serve(client, sqe);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === undefined) this.#host.bug(thrown);
      else this.#complete(client, sqe.tag, -errno.errno, 0);
    }
  }

  #serve(client: ProviderClient, sqe: Sqe): void {
    switch (sqe.opcode) {
      case OP_READ:
      case OP_WRITE:
        this.#transfer(client, sqe);
        return;
      case OP_OPEN:
      case OP_REATTACH:
        this.#open(client, sqe);
        return;
      case OP_DUP:
        this.#dup(client, sqe);
        return;
      case OP_UNLINK:
      case OP_RENAME:
      case OP_SYMLINK:
      case OP_READLINK:
        this.#onPath(client, sqe);
        return;
      case OP_CLOSE:
        this.#close(client, sqe);
        return;
      case OP_SYSCALL:
        this.#syscall(client, sqe);
        return;
      default:
        this.#onHandle(client, sqe);
    }
  }

  // --- checks -----------------------------------------------------------------------------------

  /** Finds the handle and checks it and its capability for `need` (any of the bits; 0: just alive). */
  #handle(client: ProviderClient, sqe: Sqe, need: number): Handle {
    const handle = client.handles.get(sqe.handle);
    if (handle === undefined) throw EBADF;
    if (need !== 0 && (handle.rights & need) === 0) throw EBADF;
    // Partner: the kernel's `revoke` stores 0. Read for each request, after it was copied.
    const cell = Atomics.load(this.#host.cells, handle.capability);
    if (cell === 0 || (need !== 0 && (cell & need) === 0)) throw EACCES;
    return handle;
  }

  #payload(client: ProviderClient, sqe: Sqe, length: number): Uint8Array {
    if (sqe.arenaLength > PAYLOAD_BYTES_MAX || length > sqe.arenaLength) throw EINVAL;
    if (!client.channel.inArena(sqe.arenaOffset, sqe.arenaLength)) throw EINVAL;
    return client.view(sqe.arenaOffset, length);
  }

  /** Copies the body that the client sent out of shared memory. */
  #body(client: ProviderClient, sqe: Sqe): Uint8Array {
    if (sqe.arg2 < 0 || sqe.arg2 > BODY_BYTES_MAX) throw EMSGSIZE;
    if (sqe.arg2 === 0) return new Uint8Array(0);
    return this.#payload(client, sqe, sqe.arg2).slice();
  }

  #pathOf(body: Uint8Array): string {
    if (body.length > PATH_BYTES_MAX) throw EINVAL;
    let text: string;
    try {
      text = DECODER.decode(body);
    } catch {
      throw EBADMSG;
    }
    const path = canonicalPath(text);
    if (typeof path !== "string") throw path;
    // A client's gate sends canonical paths only; anything else was forged.
    if (path !== text) throw EINVAL;
    return path;
  }

  /** Finds a capability of this client that covers `path` with all of `need`. */
  #capability(client: ProviderClient, sqe: Sqe, path: string, need: number): Capability {
    const capability = this.capabilities.get(sqe.capability);
    if (capability === undefined || capability.client !== client.pid) throw EACCES;
    if (!isBeneath(capability.root, path)) throw EACCES;
    const cell = Atomics.load(this.#host.cells, sqe.capability);
    if (cell === 0 || (cell & need) !== need) throw EACCES;
    return capability;
  }

  // --- conflicts --------------------------------------------------------------------------------

  /**
   * Holds a positioned transfer back while one that overlaps it on the same object is at work: what
   * was executed but not published yet could otherwise be replayed on top of a newer write.
   */
  #holdBack(client: ProviderClient, sqe: Sqe): boolean {
    if (this.#atWork.size === 0 && this.#held.length === 0) return false;
    const range = this.#range(client, sqe);
    if (range === undefined) return false;
    const clash =
      [...this.#atWork].some((pending) => conflicts(rangeOf(pending), range)) ||
      this.#held.some((held) => conflicts({ ...held, writes: isChange(held.sqe.opcode) }, range));
    if (!clash) return false;
    this.#held.push({ client, sqe: { ...sqe }, ...range });
    return true;
  }

  #range(client: ProviderClient, sqe: Sqe): Range | undefined {
    if (sqe.opcode !== OP_READ && sqe.opcode !== OP_WRITE && sqe.opcode !== OP_FTRUNCATE) {
      return undefined;
    }
    const handle = client.handles.get(sqe.handle);
    const identity = handle?.description.identity;
    if (handle === undefined || identity === undefined || !handle.description.positioned) {
      return undefined;
    }
    const whole = sqe.opcode === OP_FTRUNCATE || sqe.offset < 0;
    const start = whole ? 0 : sqe.offset + (identity.base ?? 0);
    const end = whole ? Number.MAX_SAFE_INTEGER : start + sqe.arenaLength;
    return { object: identity.object, start, end, writes: isChange(sqe.opcode) };
  }

  /** Goes on with what was held back, as far as it conflicts no longer. */
  #releaseHeld(): void {
    if (this.#held.length === 0) return;
    const waiting = this.#held;
    this.#held = [];
    for (const { client, sqe } of waiting) if (!client.gone) this.dispatch(client, sqe);
  }

  // --- operations -------------------------------------------------------------------------------

  #transfer(client: ProviderClient, sqe: Sqe): void {
    const reads = sqe.opcode === OP_READ;
    const handle = this.#handle(client, sqe, reads ? RIGHT_READ : RIGHT_WRITE);
    const { scheme, handle: node } = handle.description;
    const length = reads ? sqe.arenaLength : sqe.arg2;
    if (length < 0 || !Number.isSafeInteger(sqe.offset) || sqe.offset < -1) throw EINVAL;
    if (!Number.isSafeInteger(sqe.offset + length)) throw EINVAL;
    const method = reads ? scheme.read : scheme.write;
    if (method === undefined) throw EOPNOTSUPP;
    const bytes = this.#payload(client, sqe, length);
    const pending = this.#pending(client, sqe, handle);
    const answer = method.call(scheme, node, bytes, sqe.offset, pending);
    if (typeof answer === "number") this.#publishCount(pending, answer, length);
    else this.#later(pending, answer, (count) => checkCount(count, length));
  }

  #open(client: ProviderClient, sqe: Sqe): void {
    const flags = sqe.arg1;
    const path = this.#pathOf(this.#body(client, sqe));
    const capability = this.#capability(client, sqe, path, rightsForOpen(flags));
    const scheme = this.schemes.get(capability.scheme);
    if (scheme === undefined) throw ENODEV;
    const cell = Atomics.load(this.#host.cells, sqe.capability);
    const rights = rightsOfHandle(flags, cell);
    const facts = this.#facts(client, sqe, undefined);
    const context = new OpenPending(client, { ...facts, flags }, rights, capability.scheme);
    const opening = scheme.open(path, context);
    const finish = (node: unknown): Answer =>
      this.#newHandle(client, sqe, { scheme, node, rights, flags });
    if (opening instanceof Promise) this.#later(context, opening, finish);
    else this.#publish(context, finish(opening));
  }

  #newHandle(
    client: ProviderClient,
    sqe: { capability: number },
    facts: { scheme: Scheme; node: unknown; rights: number; flags: number },
  ): Answer {
    const { scheme, node, rights, flags } = facts;
    const wrapped = isOpened(node);
    const description: Description = {
      scheme,
      handle: wrapped ? node.handle : node,
      positioned: wrapped && node.positioned,
      identity: wrapped ? node.identity : undefined,
      references: 1,
    };
    return this.#addHandle(client, { description, rights, flags, capability: sqe.capability });
  }

  #addHandle(client: ProviderClient, facts: Omit<Handle, "number">): Answer {
    const handle = client.handles.add((number) => ({ number, ...facts }));
    const { identity, positioned } = facts.description;
    const body = identity === undefined ? new Uint8Array(0) : encodeBody(identity);
    return { result: handle.number, body, flags: positioned ? CQE_POSITIONED : 0 };
  }

  #dup(client: ProviderClient, sqe: Sqe): void {
    const grant = this.grants.get(sqe.capability);
    if (sqe.handle === 0 && grant !== undefined && grant.client === client.pid) {
      // Taken once: from here on the copy lives in the client's table.
      this.grants.delete(sqe.capability);
      const { description, rights, flags } = grant;
      const facts = { description, rights, flags, capability: sqe.capability };
      this.#publish(this.#pending(client, sqe, undefined), this.#addHandle(client, facts));
      return;
    }
    const handle = this.#handle(client, sqe, 0);
    const { scheme, handle: node } = handle.description;
    if (scheme.dup === undefined) throw EOPNOTSUPP;
    const name = DECODER.decode(this.#body(client, sqe));
    const facts = this.#facts(client, sqe, handle);
    const context = new OpenPending(client, facts, handle.rights, "");
    const opening = scheme.dup(node, name, context);
    const finish = (made: unknown): Answer =>
      this.#newHandle(client, handle, {
        scheme,
        node: made,
        rights: handle.rights,
        flags: handle.flags,
      });
    if (opening instanceof Promise) this.#later(context, opening, finish);
    else this.#publish(context, finish(opening));
  }

  #onPath(client: ProviderClient, sqe: Sqe): void {
    const decoded = decodeBody(this.#body(client, sqe));
    if ("errno" in decoded) throw decoded.errno;
    const [first, second] = Array.isArray(decoded.value) ? (decoded.value as unknown[]) : [];
    if (typeof first !== "string") throw EBADMSG;
    const path = this.#pathOf(Buffer.from(first));
    const need = rightsForPath(sqe.opcode);
    const capability = this.#capability(client, sqe, path, need);
    const scheme = this.schemes.get(capability.scheme);
    if (scheme === undefined) throw ENODEV;
    const pending = this.#pending(client, sqe, undefined);
    const answer = this.#callPath(client, scheme, sqe, path, second);
    this.#deliver(pending, answer, (value) =>
      typeof value === "string" ? { body: encodeBody(value), flags: 0 } : 0,
    );
  }

  #callPath(
    client: ProviderClient,
    scheme: Scheme,
    sqe: Sqe,
    path: string,
    second: unknown,
  ): unknown {
    switch (sqe.opcode) {
      case OP_UNLINK:
        if (scheme.unlink === undefined) throw EOPNOTSUPP;
        return scheme.unlink(path, sqe.arg1 === 1 ? "directory" : "file");
      case OP_SYMLINK:
        if (scheme.symlink === undefined) throw EOPNOTSUPP;
        if (typeof second !== "string") throw EBADMSG;
        return scheme.symlink(path, second);
      case OP_READLINK:
        if (scheme.readlink === undefined) throw EOPNOTSUPP;
        return scheme.readlink(path);
      default: {
        if (scheme.rename === undefined) throw EOPNOTSUPP;
        if (typeof second !== "string") throw EBADMSG;
        const to = this.#pathOf(Buffer.from(second));
        this.#capability(client, sqe, to, RIGHT_CREATE);
        return scheme.rename(path, to, { replace: sqe.arg1 === 1 });
      }
    }
  }

  #onHandle(client: ProviderClient, sqe: Sqe): void {
    switch (sqe.opcode) {
      case OP_FSIZE: {
        const { scheme, handle } = this.#handle(client, sqe, 0).description;
        if (scheme.fsize === undefined) throw EOPNOTSUPP;
        return this.#deliver(this.#simple(client, sqe), scheme.fsize(handle), asCount);
      }
      case OP_FTRUNCATE: {
        const { scheme, handle } = this.#handle(client, sqe, RIGHT_WRITE).description;
        if (scheme.ftruncate === undefined) throw EOPNOTSUPP;
        if (!Number.isSafeInteger(sqe.arg0) || sqe.arg0 < 0) throw EINVAL;
        return this.#deliver(this.#simple(client, sqe), scheme.ftruncate(handle, sqe.arg0), asZero);
      }
      case OP_FSYNC: {
        const { scheme, handle } = this.#handle(client, sqe, 0).description;
        if (scheme.fsync === undefined) throw EOPNOTSUPP;
        const pending = this.#simple(client, sqe);
        return this.#deliver(pending, scheme.fsync(handle, pending), asZero);
      }
      case OP_FSTAT: {
        const { scheme, handle } = this.#handle(client, sqe, 0).description;
        if (scheme.fstat === undefined) throw EOPNOTSUPP;
        return this.#deliver(this.#simple(client, sqe), scheme.fstat(handle), asBody);
      }
      case OP_FSTATVFS: {
        const { scheme, handle } = this.#handle(client, sqe, 0).description;
        if (scheme.fstatvfs === undefined) throw EOPNOTSUPP;
        return this.#deliver(this.#simple(client, sqe), scheme.fstatvfs(handle), asBody);
      }
      case OP_GETDENTS: {
        const need = RIGHT_LIST | RIGHT_READ;
        const { scheme, handle } = this.#handle(client, sqe, need).description;
        if (scheme.getdents === undefined) throw EOPNOTSUPP;
        if (!Number.isSafeInteger(sqe.arg0) || sqe.arg0 < 0) throw EINVAL;
        return this.#deliver(this.#simple(client, sqe), scheme.getdents(handle, sqe.arg0), asBody);
      }
      case OP_CALL:
        return this.#call(client, sqe);
      case OP_LINK:
        return this.#link(client, sqe);
      case OP_FEVENT:
        return this.#fevent(client, sqe);
      default:
        throw EOPNOTSUPP;
    }
  }

  #call(client: ProviderClient, sqe: Sqe): void {
    const need = RIGHT_CALL | RIGHT_READ | RIGHT_WRITE;
    const { scheme, handle } = this.#handle(client, sqe, need).description;
    if (scheme.call === undefined) throw EOPNOTSUPP;
    const decoded = decodeBody(this.#body(client, sqe));
    if ("errno" in decoded) throw decoded.errno;
    const pending = this.#simple(client, sqe);
    this.#deliver(pending, scheme.call(handle, decoded.value, pending), asBody);
  }

  #link(client: ProviderClient, sqe: Sqe): void {
    const handle = this.#handle(client, sqe, 0);
    const path = this.#pathOf(this.#body(client, sqe));
    const own = { ...sqe, capability: handle.capability };
    this.#capability(client, own, path, RIGHT_CREATE);
    const { scheme, handle: node } = handle.description;
    if (scheme.link === undefined) throw EOPNOTSUPP;
    this.#deliver(this.#simple(client, sqe), scheme.link(node, path), asZero);
  }

  #fevent(client: ProviderClient, sqe: Sqe): void {
    const handle = this.#handle(client, sqe, 0);
    const { scheme, handle: node } = handle.description;
    if (scheme.fevent === undefined) throw EOPNOTSUPP;
    const post = (events: number): void => {
      if (client.handles.get(handle.number) !== undefined) {
        client.channel.post(handle.number, events);
      }
    };
    const ready = scheme.fevent(node, sqe.arg1, post);
    this.#deliver(this.#simple(client, sqe), ready, asCount);
  }

  #close(client: ProviderClient, sqe: Sqe): void {
    const handle = client.handles.get(sqe.handle);
    if (handle !== undefined) {
      client.handles.remove(handle);
      this.release(handle.description);
    }
    this.#complete(client, sqe.tag, 0, 0);
  }

  #syscall(client: ProviderClient, sqe: Sqe): void {
    const { syscall } = this.#host;
    if (syscall === undefined) throw EOPNOTSUPP;
    const pending = this.#simple(client, sqe);
    pending.defer();
    const answer = syscall(pending, sqe.arg1, this.#body(client, sqe));
    this.#deliver(pending, answer, (body) => ({ body: body as Uint8Array, flags: 0 }));
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

  // --- answers ----------------------------------------------------------------------------------

  #facts(client: ProviderClient, sqe: Sqe, handle: Handle | undefined): PendingFacts {
    return {
      tag: sqe.tag,
      opcode: sqe.opcode,
      flags: handle?.flags ?? 0,
      nonblocking: (sqe.flags & SQE_NONBLOCK) !== 0,
      handle,
      capability: handle?.capability ?? sqe.capability,
      arenaOffset: sqe.arenaOffset,
      arenaLength: sqe.arenaLength,
    };
  }

  #pending(client: ProviderClient, sqe: Sqe, handle: Handle | undefined): Pending {
    const pending = new Pending(client, this.#facts(client, sqe, handle));
    const range = this.#range(client, sqe);
    if (range !== undefined) {
      pending.start = range.start;
      pending.end = range.end;
    }
    return pending;
  }

  #simple(client: ProviderClient, sqe: Sqe): Pending {
    return this.#pending(client, sqe, client.handles.get(sqe.handle));
  }

  #deliver(pending: Pending, answer: unknown, convert: (value: unknown) => Answer): void {
    if (answer instanceof Promise) this.#later(pending, answer, convert);
    else this.#publish(pending, convert(answer));
  }

  /** Publishes when the handler's promise settles. */
  #later<T>(pending: Pending, answer: Promise<T>, convert: (value: T) => Answer): void {
    this.promises++;
    pending.client.pending.set(pending.tag, pending);
    if (pending.end > 0) this.#atWork.add(pending);
    answer.then(
      (value) => {
        this.#finish(pending, () => convert(value));
      },
      (thrown: unknown) => {
        this.#finish(pending, () => {
          throw thrown;
        });
      },
    );
  }

  #finish(pending: Pending, make: () => Answer): void {
    this.#atWork.delete(pending);
    if (pending.client.pending.get(pending.tag) === pending) {
      pending.client.pending.delete(pending.tag);
    }
    try {
      const answer = make();
      // A revoked capability stops even an answer that is ready: nothing completes with data.
      const cell = Atomics.load(this.#host.cells, pending.capability);
      if (cell === 0 && pending.opcode !== OP_SYSCALL) throw EACCES;
      this.#publish(pending, answer);
      pending.client.channel.wake();
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === undefined) this.#host.bug(thrown);
      else this.answer(pending, -errno.errno, 0);
    }
    this.#host.settled(pending);
    this.#releaseHeld();
  }

  #publishCount(pending: Pending, count: number, length: number): void {
    this.#publish(pending, checkCount(count, length));
  }

  #publish(pending: Pending, answer: Answer): void {
    if (pending.answered) return;
    if (typeof answer === "number") {
      this.answer(pending, answer, 0);
      return;
    }
    const { client, arenaOffset, arenaLength } = pending;
    const { length } = answer.body;
    if (length > arenaLength || !client.channel.inArena(arenaOffset, arenaLength)) {
      this.answer(pending, -EMSGSIZE.errno, 0);
      return;
    }
    if (length > 0) client.view(arenaOffset, length).set(answer.body);
    const flags = answer.flags | (length << CQE_BODY_SHIFT);
    this.answer(pending, answer.result ?? length, flags);
  }

  /** Publishes a completion for `pending`, once. */
  answer(pending: Pending, result: number, flags: number): void {
    if (pending.answered) return;
    pending.answered = true;
    if (pending.client.gone) return;
    this.#complete(pending.client, pending.tag, result, flags);
    pending.client.channel.wake();
  }

  #complete(client: ProviderClient, tag: number, result: number, flags: number): void {
    const { faults } = this.#host;
    if (faults.armed) faults.pass(FAULT_POINTS.handled);
    client.channel.complete(tag, result, flags);
    if (faults.armed) faults.pass(FAULT_POINTS.completed);
  }
}

/** The context of an open or dup. */
class OpenPending extends Pending implements OpenContext {
  readonly rights: number;
  readonly scheme: string;

  constructor(client: ProviderClient, facts: PendingFacts, rights: number, scheme: string) {
    super(client, facts);
    this.rights = rights;
    this.scheme = scheme;
  }
}

/** A byte range on an object. */
interface Range {
  object: string;
  start: number;
  end: number;
  writes: boolean;
}

function rangeOf(pending: Pending): Range {
  const object = pending.handle?.description.identity?.object ?? "";
  return { object, start: pending.start, end: pending.end, writes: isChange(pending.opcode) };
}

function conflicts(a: Range, b: Range): boolean {
  return (a.writes || b.writes) && a.object === b.object && a.start < b.end && b.start < a.end;
}

function isChange(opcode: number): boolean {
  return opcode !== OP_READ;
}

function checkCount(count: number, length: number): number {
  // More than was asked for would hand the client bytes that are not its own.
  return Number.isInteger(count) && count >= 0 && count <= length ? count : -EIO.errno;
}

function asCount(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : -EIO.errno;
}

function asZero(): number {
  return 0;
}

function asBody(value: unknown): Answer {
  return { body: encodeBody(value ?? null), flags: 0 };
}

/** Rights that a capability must have for an open with these flags. */
function rightsForOpen(flags: number): number {
  let need = 0;
  if ((flags & O_READ) !== 0) need |= (flags & O_DIRECTORY) !== 0 ? RIGHT_LIST : RIGHT_READ;
  if ((flags & (O_WRITE | O_APPEND | O_TRUNCATE)) !== 0) need |= RIGHT_WRITE;
  if ((flags & O_CREATE) !== 0) need |= RIGHT_CREATE;
  return need;
}

/** Rights that the handle gets: what it was opened for, within the capability. */
function rightsOfHandle(flags: number, cell: number): number {
  let rights = cell & RIGHT_CALL;
  if ((flags & O_READ) !== 0) rights |= cell & (RIGHT_READ | RIGHT_LIST);
  if ((flags & (O_WRITE | O_APPEND)) !== 0) rights |= cell & RIGHT_WRITE;
  return rights;
}

function rightsForPath(opcode: number): number {
  if (opcode === OP_READLINK) return RIGHT_READ;
  return opcode === OP_SYMLINK ? RIGHT_CREATE : RIGHT_DELETE;
}

export type { Errno };
