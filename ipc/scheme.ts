/**
 * The interface of a scheme: a table of optional operations, as a daemon writes it and the gate
 * calls it. A handler returns a value or a promise, throws an errno constant to refuse, and never
 * blocks. What is missing answers EOPNOTSUPP.
 */

import type { DirectoryEntry, Stat, StatVfs } from "./stat.js";

/** What the gate tells a handler about a request. Valid until the handler has answered. */
export interface RequestContext {
  /** Process that asks. */
  readonly caller: number;
  /** Flags of the handle's open (open-flags.ts). */
  readonly flags: number;
  /** Set when the client does not want to wait (O_NONBLOCK): answer EAGAIN instead. */
  readonly nonblocking: boolean;
  /**
   * Names the reply of a `dedup` request, the same at each repetition. `session` is this client's,
   * as long as it lives.
   */
  readonly reply: ReplyName | undefined;
  /** True once the client has given up: the answer will be dropped. */
  readonly canceled: boolean;
  /** Calls `then` once, when the client gives up or dies while the request is parked. */
  onCancel(then: () => void): void;
  /**
   * Declares that the handler waits for the world (or another daemon), so that nobody spins for it.
   */
  defer(): void;
}

/** Where the reply of a request is kept: the last one of each slot, by sequence. */
export interface ReplyName {
  readonly session: number;
  readonly slot: number;
  readonly sequence: number;
}

/** What an operation on a path is told. */
export interface PathContext extends RequestContext {
  /** Root of the capability: symbolic links must not lead out of it. */
  readonly root: string;
}

/** What `open` is told. */
export interface OpenContext extends PathContext {
  /** Rights of the capability; `flags` says which of them the handle is to have. */
  readonly rights: number;
  /** Registered name under which the scheme was addressed, for daemons that provide several. */
  readonly scheme: string;
  /**
   * Set when the client had it open before the daemon was restarted. What can't go on answers
   * ECONNRESET, which the client's later requests then get; any other error is ESTALE.
   */
  readonly reattaches?: boolean;
}

/** What `rename` is told. */
export interface RenameContext extends PathContext {
  /** Whether what stands at the target may be replaced. */
  readonly replace: boolean;
}

/** Identity of the object behind a handle; after a restart another identity means ESTALE. */
export interface Identity {
  /** Names the object within the scheme, for conflicts: "0" for `disk:/0`. */
  object: string;
  /** Changes when the object is another one under the same name. */
  generation: number;
  /** Number of a kernel object that serves the handle instead; kernel schemes only. */
  local?: number;
  /** Where this handle's byte 0 lies within the object (a partition's first byte). */
  base?: number;
}

const OPENED: unique symbol = Symbol.for("anode.opened") as never;

/** An open's answer that says more than the bare handle. Made by `opened`. */
export interface Opened<Handle> {
  readonly [OPENED]: true;
  readonly handle: Handle;
  /** Reads and writes are at explicit offsets and repeatable: pure and idempotent. */
  readonly positioned: boolean;
  readonly identity: Identity | undefined;
}

/** Wraps a handle with what the runtime should know of it. */
export function opened<Handle>(
  handle: Handle,
  facts: { positioned?: boolean; identity?: Identity },
): Opened<Handle> {
  return {
    [OPENED]: true,
    handle,
    positioned: facts.positioned ?? false,
    identity: facts.identity,
  };
}

/** Tells an `Opened` from a bare handle. */
export function isOpened(value: unknown): value is Opened<unknown> {
  return typeof value === "object" && value !== null && OPENED in value;
}

/** A value now, or later. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A scheme. `path` is canonical and absolute (`/a/b`), already checked against the capability.
 * `offset` is the byte position (-1: append). Counts are bytes. `read` fills `bytes` and returns
 * how many; 0 is the end.
 */
export interface Scheme<Handle = unknown> {
  open(path: string, context: OpenContext): Awaitable<Handle | Opened<Handle>>;
  dup?(handle: Handle, name: string, context: OpenContext): Awaitable<Handle | Opened<Handle>>;
  read?(
    handle: Handle,
    bytes: Uint8Array,
    offset: number,
    context: RequestContext,
  ): Awaitable<number>;
  write?(
    handle: Handle,
    bytes: Uint8Array,
    offset: number,
    context: RequestContext,
  ): Awaitable<number>;
  fsize?(handle: Handle): Awaitable<number>;
  ftruncate?(handle: Handle, size: number): Awaitable<void>;
  fsync?(handle: Handle, context: RequestContext): Awaitable<void>;
  fstat?(handle: Handle): Awaitable<Stat>;
  fstatvfs?(handle: Handle): Awaitable<StatVfs>;
  /**
   * Entries after `cursor` (0: from the start), as many as the daemon likes up to 256, and as fit
   * into
   * 60 KiB; none: the end.
   */
  getdents?(handle: Handle, cursor: number): Awaitable<DirectoryEntry[]>;
  /** Makes `path` another name of the handle's object. */
  link?(handle: Handle, path: string, context: PathContext): Awaitable<void>;
  unlink?(path: string, kind: "file" | "directory", context: PathContext): Awaitable<void>;
  rename?(from: string, to: string, context: RenameContext): Awaitable<void>;
  symlink?(path: string, target: string, context: PathContext): Awaitable<void>;
  readlink?(path: string, context: PathContext): Awaitable<string>;
  /** Says which of the events in `mask` hold now; later ones are posted with `post`. */
  fevent?(handle: Handle, mask: number, post: (events: number) => void): number;
  /** A scheme's own operation: any small value in, any small value out. */
  call?(handle: Handle, request: unknown, context: RequestContext): Awaitable<unknown>;
  /**
   * These sessions live; replies that are kept for any other can go. Called when a client has
   * ended, and when all clients are back after a restart.
   */
  retain?(sessions: ReadonlySet<number>): void;
  /** The last reference is gone. Cannot fail. */
  close?(handle: Handle): void;
}

/** Events of `fevent` and `event:`. */
export const EVENT_READ = 1;
export const EVENT_WRITE = 2;
export const EVENT_ERROR = 4;
/** The provider is gone for good. */
export const EVENT_HANGUP = 8;
/** The provider came back and something of the session was lost. Sticky. */
export const EVENT_RESET = 16;
