/**
 * The handlers of a confined scheme: finds the operation, gives it what handlers are given
 * everywhere, and turns its answer (a value, a promise, an errno) into numbers and bytes.
 */

import { decodeBody, encodeBody } from "../../ipc/codec.js";
import type { RequestFacts } from "../../ipc/confined.js";
import { EBADF, EBADMSG, EIO, EOPNOTSUPP, errnoOf } from "../../ipc/errno.js";
import { isOpened, type OpenContext, type RenameContext, type Scheme } from "../../ipc/scheme.js";
import { bridge } from "./bridge.js";
import { describe } from "./describe.js";

/** Handles by number; 0 is none. */
const handles = new Map<number, unknown>();
const cancelers = new Map<number, (() => void)[]>();
const canceled = new Set<number>();
const served: { scheme: Scheme | undefined; next: number } = { scheme: undefined, next: 1 };

const OPERATIONS = [
  ...["open", "dup", "read", "write", "fsize", "ftruncate", "fsync", "fstat", "fstatvfs"],
  ...["getdents", "link", "unlink", "rename", "symlink", "readlink", "fevent", "call", "close"],
] as const;

/** Serves `scheme` from now on. Returns the names of its operations, with commas. */
export function setScheme(scheme: Scheme): string {
  served.scheme = scheme;
  return OPERATIONS.filter((name) => scheme[name as keyof Scheme] !== undefined).join(",");
}

/** What a handler is told of its request. */
class GuestContext implements OpenContext, RenameContext {
  readonly caller: number;
  readonly flags: number;
  readonly nonblocking: boolean;
  readonly root: string;
  readonly rights: number;
  readonly scheme: string;
  readonly replace: boolean;
  /** Replies are kept in a store, and confined code has none. */
  readonly reply = undefined;
  readonly #request: number;

  constructor(request: number, facts: RequestFacts) {
    this.#request = request;
    this.caller = facts.caller;
    this.flags = facts.flags;
    this.nonblocking = facts.nonblocking;
    this.root = facts.root;
    this.rights = facts.rights;
    this.scheme = facts.scheme;
    this.replace = facts.replace;
  }

  get canceled(): boolean {
    return canceled.has(this.#request) || bridge().canceled(this.#request);
  }

  onCancel(then: () => void): void {
    if (canceled.has(this.#request)) {
      then();
      return;
    }
    const known = cancelers.get(this.#request);
    if (known === undefined) cancelers.set(this.#request, [then]);
    else known.push(then);
  }

  defer(): void {
    bridge().defer(this.#request);
  }
}

/** The client of a parked request has given up. */
export function cancelRequest(request: number): void {
  canceled.add(request);
  const all = cancelers.get(request) ?? [];
  cancelers.delete(request);
  for (const then of all) then();
}

type Argument = string | number | Uint8Array | undefined;
type Convert = (request: number, value: unknown) => number | undefined;

/** Calls a handler; see `Guest.dispatch`. */
export function dispatch(
  request: number,
  operation: string,
  handle: number,
  first: Argument,
  second: string | number | undefined,
  facts: RequestFacts,
): number | undefined {
  try {
    const [value, convert] = run(request, operation, handle, [first, second], facts);
    if (value instanceof Promise) {
      void later(request, value, convert);
      return undefined;
    }
    forget(request);
    return convert(request, value);
  } catch (thrown) {
    forget(request);
    return failed(thrown);
  }
}

/** `-errno` of what a handler threw; anything else is a bug and the end. */
function failed(thrown: unknown): number {
  const errno = errnoOf(thrown);
  if (errno === undefined) bridge().die(describe(thrown));
  return -(errno ?? EIO).errno;
}

/** `await` takes a promise's own word, not that of a `then` which somebody has put on it. */
async function later(request: number, promise: Promise<unknown>, convert: Convert): Promise<void> {
  let result: number | undefined;
  try {
    result = convert(request, await promise);
  } catch (thrown) {
    result = failed(thrown);
  }
  forget(request);
  if (result !== undefined) bridge().answer(request, result, undefined, false);
}

function forget(request: number): void {
  if (cancelers.size > 0) cancelers.delete(request);
  if (canceled.size > 0) canceled.delete(request);
}

function run(
  request: number,
  operation: string,
  handle: number,
  [first, second]: [Argument, string | number | undefined],
  facts: RequestFacts,
): [unknown, Convert] {
  const { scheme } = served;
  if (scheme === undefined) throw EOPNOTSUPP;
  const node = handles.get(handle);
  if (node === undefined && handle !== 0 && !handles.has(handle)) throw EBADF;
  const text = first as string;
  const other = second as string;
  const context = new GuestContext(request, facts);
  switch (operation) {
    case "open":
      return [scheme.open(text, context), asHandle];
    case "dup":
      return [scheme.dup?.(node, text, context), asHandle];
    case "read":
      return [scheme.read?.(node, first as Uint8Array, second as number, context), asCount];
    case "write":
      return [scheme.write?.(node, first as Uint8Array, second as number, context), asCount];
    case "fsize":
      return [scheme.fsize?.(node), asCount];
    case "ftruncate":
      return [scheme.ftruncate?.(node, first as number), asZero];
    case "fsync":
      return [scheme.fsync?.(node, context), asZero];
    case "fstat":
      return [scheme.fstat?.(node), asBody];
    case "fstatvfs":
      return [scheme.fstatvfs?.(node), asBody];
    case "getdents":
      return [scheme.getdents?.(node, first as number), asBody];
    case "link":
      return [scheme.link?.(node, text, context), asZero];
    case "unlink":
      return [scheme.unlink?.(text, second as "file" | "directory", context), asZero];
    case "rename":
      return [scheme.rename?.(text, other, context), asZero];
    case "symlink":
      return [scheme.symlink?.(text, other, context), asZero];
    case "readlink":
      return [scheme.readlink?.(text, context), asBody];
    case "fevent": {
      const post = (events: number): void => bridge().post(request, events);
      return [scheme.fevent?.(node, first as number, post), asCount];
    }
    case "call":
      return [scheme.call?.(node, decoded(first), context), asBody];
    case "close":
      handles.delete(handle);
      return [scheme.close?.(node), asZero];
    default:
      throw EOPNOTSUPP;
  }
}

function decoded(bytes: Argument): unknown {
  const result = decodeBody(bytes as Uint8Array);
  if ("errno" in result) throw EBADMSG;
  return result.value;
}

function asCount(_request: number, value: unknown): number {
  const valid = Number.isSafeInteger(value) && (value as number) >= 0;
  return valid ? (value as number) : -EIO.errno;
}

function asZero(): number {
  return 0;
}

function asBody(request: number, value: unknown): undefined {
  bridge().answer(request, 0, encodeBody(value ?? null), false);
  return undefined;
}

function asHandle(request: number, value: unknown): number | undefined {
  const id = served.next++;
  const wrapped = isOpened(value);
  handles.set(id, wrapped ? value.handle : value);
  if (!wrapped) return id;
  const { identity } = value;
  const body = identity === undefined ? undefined : encodeBody(identity);
  bridge().answer(request, id, body, value.positioned);
  return undefined;
}
