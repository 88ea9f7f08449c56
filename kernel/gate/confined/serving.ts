/**
 * A confined scheme, as the gate's dispatcher sees it: an ordinary table of operations that stays
 * on this side. A handler over there gets numbers, strings and private bytes, and answers with a
 * number or through `answer`, where everything is checked and copied. No promise, thenable or
 * object of its is ever looked at.
 */

import { decodeBody, encodeBody } from "../../../ipc/codec.js";
import type { Guest, RequestFacts } from "../../../ipc/confined.js";
import { EBADMSG, EIO, errnoFromNumber } from "../../../ipc/errno.js";
import { BODY_BYTES_MAX } from "../../../ipc/limits.js";
import {
  type Identity,
  type OpenContext,
  opened,
  type RenameContext,
  type RequestContext,
  type Scheme,
} from "../../../ipc/scheme.js";
import type { Crossing } from "./crossing.js";
import { clear, copyIn, copyPart, copyTo, isIndex, isText, lengthOf } from "./values.js";

/** Who can be told of readiness at once; the oldest is forgotten first. */
const POSTERS_MAX = 4096;

/** What a handler answered. */
interface Answered {
  result: number;
  body: Uint8Array | undefined;
  positioned: boolean;
}

/** One request that a handler is at work on. */
interface Request {
  context: RequestContext;
  /** Turns the answer into what the dispatcher expects. @throws an errno */
  take(answer: Answered): unknown;
  answer: Answered | undefined;
  settle: ((answer: Answered) => void) | undefined;
}

type Argument = string | number | Uint8Array | undefined;

/** Facts of an operation that has no context of its own. */
const NOBODY: RequestContext = {
  caller: 0,
  flags: 0,
  nonblocking: false,
  reply: undefined,
  canceled: false,
  onCancel: () => undefined,
  defer: () => undefined,
};

/** The confined side's requests, by number. */
export class Serving {
  readonly #crossing: Crossing;
  readonly #guest: Guest;
  readonly #requests = new Map<number, Request>();
  /** Readiness posters by request, and the handle that each belongs to. */
  readonly #posters = new Map<number, { handle: number; post: (events: number) => void }>();
  #next = 1;
  /** The request whose handler is being called; most are answered before it returns. */
  #current: Request | undefined;
  #currentId = 0;
  /** Bytes that no handler has now. Whoever keeps them longer sees its own later requests. */
  #spare: Uint8Array | undefined;

  constructor(crossing: Crossing, guest: Guest) {
    this.#crossing = crossing;
    this.#guest = guest;
  }

  // --- what confined code calls -----------------------------------------------------------------

  answer(id: unknown, result: unknown, body: unknown, positioned: unknown): void {
    const request = this.#find(id);
    if (request === undefined || request.answer !== undefined) return;
    const valid = Number.isSafeInteger(result);
    const answer: Answered = {
      result: valid ? (result as number) : -EIO.errno,
      body: body === undefined ? undefined : copyIn(body, BODY_BYTES_MAX),
      positioned: positioned === true,
    };
    if (body !== undefined && answer.body === undefined) answer.result = -EIO.errno;
    request.answer = answer;
    if (request.settle === undefined) return;
    this.#requests.delete(id as number);
    request.settle(answer);
  }

  defer(id: unknown): void {
    this.#find(id)?.context.defer();
  }

  canceled(id: unknown): boolean {
    return this.#find(id)?.context.canceled ?? true;
  }

  post(id: unknown, events: unknown): void {
    if (isIndex(events, 0xff)) this.#posters.get(id as number)?.post(events);
  }

  // --- what the dispatcher calls ----------------------------------------------------------------

  #ask(
    operation: string,
    handle: number,
    args: [Argument?, (string | number)?],
    context: RequestContext,
    take: Request["take"],
  ): unknown {
    const id = this.#next++;
    const request: Request = { context, take, answer: undefined, settle: undefined };
    this.#current = request;
    this.#currentId = id;
    const [first, second] = args;
    const facts = factsOf(context);
    const value = this.#crossing.dispatch(this.#guest, id, operation, handle, first, second, facts);
    this.#current = undefined;
    this.#currentId = 0;
    if (typeof value === "number") {
      return take({ result: value, body: undefined, positioned: false });
    }
    if (request.answer !== undefined) return take(request.answer);
    this.#requests.set(id, request);
    return this.#later(id, request);
  }

  #find(id: unknown): Request | undefined {
    return id === this.#currentId ? this.#current : this.#requests.get(id as number);
  }

  #later(id: number, request: Request): Promise<unknown> {
    request.context.onCancel(() => {
      // The gate may be in the middle of something: handlers hear of it afterwards.
      void Promise.resolve().then(() => {
        if (!this.#requests.has(id)) return;
        this.#crossing.outward(() => {
          this.#guest.cancel(id);
        });
      });
    });
    return new Promise((resolve, reject) => {
      request.settle = (answer) => {
        try {
          resolve(request.take(answer));
        } catch (thrown) {
          reject(thrown);
        }
      };
    });
  }

  #close(handle: number): void {
    for (const [id, poster] of this.#posters)
      if (poster.handle === handle) this.#posters.delete(id);
    const close = (): void => {
      this.#crossing.outward(() =>
        this.#guest.dispatch(0, "close", handle, undefined, undefined, factsOf(NOBODY)),
      );
    };
    // A client may be found dead while confined code is in the gate.
    if (this.#crossing.inside) void Promise.resolve().then(close);
    else close();
  }

  /** Private bytes, as many as the client's. */
  #bytes(length: number): Uint8Array {
    const spare = this.#spare;
    this.#spare = undefined;
    // Confined code may have taken its memory away.
    return spare !== undefined && lengthOf(spare) === length ? spare : new Uint8Array(length);
  }

  #read(node: number, bytes: Uint8Array, offset: number, context: RequestContext): unknown {
    const own = this.#bytes(bytes.length);
    // What another client wrote must not come out of a handler that fills less than it says.
    clear(own);
    return this.#ask("read", node, [own, offset], context, ({ result }) => {
      this.#spare = own;
      if (result < 0) throw errnoFromNumber(-result);
      // A client that has given up has taken its memory back.
      if (result <= bytes.length && !context.canceled && !copyPart(bytes, own, result)) throw EIO;
      return result;
    });
  }

  #write(node: number, bytes: Uint8Array, offset: number, context: RequestContext): unknown {
    const own = this.#bytes(bytes.length);
    copyTo(own, bytes);
    return this.#ask("write", node, [own, offset], context, (answer) => {
      this.#spare = own;
      return asNumber(answer);
    });
  }

  /** The scheme, with those of the operations that the confined one has. */
  scheme(has: ReadonlySet<string>): Scheme<number> {
    // A confined service has no store: nothing for `retain` to do.
    const all: Required<Omit<Scheme<number>, "retain">> = {
      open: (path, context) => this.#ask("open", 0, [path], context, asOpened) as number,
      dup: (node, name, context) => this.#ask("dup", node, [name], context, asOpened) as number,
      read: (node, bytes, offset, context) => this.#read(node, bytes, offset, context) as number,
      write: (node, bytes, offset, context) => this.#write(node, bytes, offset, context) as number,
      fsize: (node) => this.#ask("fsize", node, [], NOBODY, asNumber) as number,
      ftruncate: (node, size) => this.#ask("ftruncate", node, [size], NOBODY, asNumber) as never,
      fsync: (node, context) => this.#ask("fsync", node, [], context, asNumber) as never,
      fstat: (node) => this.#ask("fstat", node, [], NOBODY, asBody) as never,
      fstatvfs: (node) => this.#ask("fstatvfs", node, [], NOBODY, asBody) as never,
      getdents: (node, cursor) => this.#ask("getdents", node, [cursor], NOBODY, asBody) as never,
      link: (node, path, context) => this.#ask("link", node, [path], context, asNumber) as never,
      unlink: (path, kind, context) =>
        this.#ask("unlink", 0, [path, kind], context, asNumber) as never,
      rename: (from, to, context) => this.#ask("rename", 0, [from, to], context, asNumber) as never,
      symlink: (path, target, context) =>
        this.#ask("symlink", 0, [path, target], context, asNumber) as never,
      readlink: (path, context) => this.#ask("readlink", 0, [path], context, asBody) as never,
      fevent: (node, mask, post) => {
        const id = this.#next;
        this.#posters.set(id, { handle: node, post });
        const [oldest] = this.#posters.keys();
        if (this.#posters.size > POSTERS_MAX) this.#posters.delete(oldest as number);
        return this.#ask("fevent", node, [mask], NOBODY, asNumber) as number;
      },
      call: (node, request, context) =>
        this.#ask(
          "call",
          node,
          [copyIn(encodeBody(request ?? null), BODY_BYTES_MAX)],
          context,
          asBody,
        ),
      close: (node) => {
        this.#close(node);
      },
    };
    const scheme: Partial<Scheme<number>> = {};
    for (const name of Object.keys(all) as (keyof typeof all)[]) {
      if (has.has(name) || name === "open") Object.assign(scheme, { [name]: all[name] });
    }
    return scheme as Scheme<number>;
  }
}

function factsOf(context: RequestContext): RequestFacts {
  const { caller, flags, nonblocking } = context;
  const { root, rights, scheme, replace } = context as Partial<OpenContext & RenameContext>;
  return {
    caller,
    flags,
    nonblocking,
    root: root ?? "/",
    rights: rights ?? 0,
    scheme: scheme ?? "",
    replace: replace ?? false,
  };
}

function asNumber({ result }: Answered): number {
  if (result < 0) throw errnoFromNumber(-result);
  return result;
}

/** A body, decoded: from here on it is plain data. */
function asBody({ result, body }: Answered): unknown {
  if (result < 0) throw errnoFromNumber(-result);
  if (body === undefined) throw EIO;
  const decoded = decodeBody(body);
  if ("errno" in decoded) throw EBADMSG;
  return decoded.value;
}

function asOpened(answer: Answered): unknown {
  const handle = asNumber(answer);
  if (answer.body === undefined) return opened(handle, { positioned: answer.positioned });
  const identity = identityOf(asBody(answer));
  return opened(handle, { positioned: answer.positioned, identity });
}

/** Never with a kernel object: those are the kernel's to give. */
function identityOf(value: unknown): Identity {
  const fields = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const { object, generation, base } = fields;
  if (!isText(object, 1024) || !Number.isSafeInteger(generation)) throw EIO;
  const identity: Identity = { object, generation: generation as number };
  if (base !== undefined && !isIndex(base)) throw EIO;
  return base === undefined ? identity : { ...identity, base };
}
