/**
 * Drives scheme objects without a kernel: URLs, rights and handles are checked as the gate checks
 * them, and the scheme is called in the same thread. For unit runs of the conformance suite, and
 * as the ground under the fake system of the shell's tests. Handlers must answer at once, without
 * a promise.
 */

import { assert } from "../../ipc/assert.js";
import { encodeBody } from "../../ipc/codec.js";
import {
  EACCES,
  EBADF,
  EINVAL,
  EMSGSIZE,
  ENODEV,
  EOPNOTSUPP,
  type Errno,
  EXDEV,
  errnoOf,
} from "../../ipc/errno.js";
import { BODY_BYTES_MAX } from "../../ipc/limits.js";
import {
  O_APPEND,
  O_CREATE,
  O_DIRECTORY,
  O_EXCLUSIVE,
  O_READ,
  O_STAT,
  O_TRUNCATE,
  O_WRITE,
  openFlags,
} from "../../ipc/open-flags.js";
import {
  RIGHT_CREATE,
  RIGHT_DELETE,
  RIGHT_LIST,
  RIGHT_READ,
  RIGHT_WRITE,
  RIGHTS_ALL,
} from "../../ipc/rights.js";
import { isOpened, type OpenContext, type PathContext, type Scheme } from "../../ipc/scheme.js";
import type { DirectoryEntry, Stat, StatVfs } from "../../ipc/stat.js";
import { SysError } from "../../ipc/sys-error.js";
import { isBeneath, parseUrl, type SchemeUrl } from "../../ipc/url.js";
import type { AsyncSystem } from "../../user/async-system.js";
import type { BlockingFile, File, OpenOptions } from "../../user/file.js";

/** Schemes by name, and what may be done with them. */
export class DirectSystem {
  readonly schemes: ReadonlyMap<string, Scheme>;
  readonly #rights: number;
  readonly #root: string;
  /** Handles open now, for tests that look for leaks. */
  openHandles = 0;

  constructor(schemes: Readonly<Record<string, Scheme>>, rights = RIGHTS_ALL, root = "/") {
    this.schemes = new Map(Object.entries(schemes));
    this.#rights = rights;
    this.#root = root;
  }

  /** The same schemes with fewer rights, and beneath a deeper root. */
  narrowed(rights: number, root = this.#root): DirectSystem {
    return new DirectSystem(Object.fromEntries(this.schemes), rights & this.#rights, root);
  }

  open(url: string, options: OpenOptions = {}): DirectFile {
    return attempt("open", url, () => {
      const { scheme, path, name } = this.#find(url);
      const asked = openFlags(options.mode ?? "read");
      this.#need(rightsForOpen(asked));
      const rights = this.#rights;
      // Without the right to create, what exists can be written all the same.
      const flags = (rights & RIGHT_CREATE) === 0 ? asked & ~O_CREATE : asked;
      const context = contextOf({ flags, rights, scheme: name, root: this.#root });
      const answer = now(scheme.open(path, context));
      const wrapped = isOpened(answer);
      this.openHandles += 1;
      return new DirectFile(`${name}:${path}`, {
        scheme,
        node: wrapped ? answer.handle : answer,
        positioned: wrapped && answer.positioned,
        flags,
        closed: () => {
          this.openHandles -= 1;
        },
      });
    });
  }

  stat(url: string): Stat {
    using file = this.open(url, { mode: O_STAT });
    return file.stat();
  }

  mkdir(url: string): void {
    this.open(url, { mode: O_CREATE | O_EXCLUSIVE | O_DIRECTORY }).close();
  }

  unlink(url: string): void {
    this.#onPath("unlink", url, RIGHT_DELETE, (scheme, path, context) =>
      scheme.unlink?.(path, "file", context),
    );
  }

  rmdir(url: string): void {
    this.#onPath("unlink", url, RIGHT_DELETE, (scheme, path, context) =>
      scheme.unlink?.(path, "directory", context),
    );
  }

  rename(from: string, to: string, options: { replace?: boolean } = {}): void {
    this.#onPath("rename", from, RIGHT_DELETE | RIGHT_CREATE, (scheme, path, context) => {
      const target = this.#find(to);
      if (target.scheme !== scheme) throw EXDEV;
      const replace = options.replace ?? true;
      return scheme.rename?.(path, target.path, { ...context, replace });
    });
  }

  symlink(url: string, target: string): void {
    this.#onPath("symlink", url, RIGHT_CREATE, (scheme, path, context) =>
      scheme.symlink?.(path, target, context),
    );
  }

  readlink(url: string): string {
    return this.#onPath("readlink", url, RIGHT_READ, (scheme, path, context) =>
      scheme.readlink?.(path, context),
    ) as string;
  }

  /** Gives the object of `url` one more name. */
  link(url: string, name: string): void {
    const target = parseUrl(name);
    const source = parseUrl(url);
    if ("path" in target && "path" in source && target.scheme !== source.scheme) {
      throw new SysError(EXDEV, { operation: "link", url: name });
    }
    using file = this.open(url, { mode: O_STAT });
    this.#onPath("link", name, RIGHT_CREATE, (scheme, path, context) =>
      scheme.link?.(file.node, path, context),
    );
  }

  #onPath(
    operation: "unlink" | "rename" | "symlink" | "readlink" | "link",
    url: string,
    rights: number,
    act: (scheme: Scheme, path: string, context: PathContext) => unknown,
  ): unknown {
    return attempt(operation, url, () => {
      const { scheme, path } = this.#find(url);
      this.#need(rights);
      if (scheme[operation] === undefined) throw EOPNOTSUPP;
      return now(act(scheme, path, contextOf({ flags: 0, root: this.#root })));
    });
  }

  #need(rights: number): void {
    if ((this.#rights & rights) !== rights) throw EACCES;
  }

  #find(url: string): { scheme: Scheme; path: string; name: string } {
    const parsed = parseUrl(url);
    if (!("path" in parsed)) throw parsed;
    const { scheme: name, path } = parsed as SchemeUrl;
    const scheme = this.schemes.get(name);
    if (scheme === undefined) throw ENODEV;
    if (!isBeneath(this.#root, path)) throw EACCES;
    return { scheme, path, name };
  }
}

interface FileFacts {
  scheme: Scheme;
  node: unknown;
  positioned: boolean;
  flags: number;
  closed: () => void;
}

/** An open file of a `DirectSystem`. */
export class DirectFile implements BlockingFile {
  readonly url: string;
  position = 0;
  readonly #facts: FileFacts;
  #open = true;

  constructor(url: string, facts: FileFacts) {
    this.url = url;
    this.#facts = facts;
  }

  /** The scheme's own handle. */
  get node(): unknown {
    return this.#facts.node;
  }

  read(bytes: Uint8Array, offset?: number): number {
    return this.#do("read", O_READ, ({ scheme, node, flags, positioned }) => {
      checkRange(offset, bytes.length);
      if (scheme.read === undefined) throw EOPNOTSUPP;
      const at = offset ?? (positioned ? this.position : 0);
      const count = now(scheme.read(node, bytes, at, contextOf({ flags })));
      assert(count >= 0 && count <= bytes.length, `read returned ${count}`);
      if (offset === undefined) this.position += count;
      return count;
    });
  }

  write(data: Uint8Array | string, offset?: number): number {
    return this.#do("write", O_WRITE, ({ scheme, node, flags, positioned }) => {
      const bytes = typeof data === "string" ? Buffer.from(data) : data;
      checkRange(offset, bytes.length);
      if (scheme.write === undefined) throw EOPNOTSUPP;
      const append = offset === undefined && (flags & O_APPEND) !== 0;
      const at = append ? -1 : (offset ?? (positioned ? this.position : 0));
      const count = now(scheme.write(node, bytes, at, contextOf({ flags })));
      assert(count >= 0 && count <= bytes.length, `write returned ${count}`);
      if (offset === undefined) this.position += count;
      return count;
    });
  }

  readAll(): Buffer {
    const blocks: Buffer[] = [];
    for (;;) {
      const block = Buffer.alloc(64 * 1024);
      const count = this.read(block);
      if (count === 0) return Buffer.concat(blocks);
      blocks.push(block.subarray(0, count));
    }
  }

  stat(): Stat {
    return this.#do("fstat", 0, ({ scheme, node }) => {
      if (scheme.fstat === undefined) throw EOPNOTSUPP;
      return now(scheme.fstat(node));
    });
  }

  statVfs(): StatVfs {
    return this.#do("fstatvfs", 0, ({ scheme, node }) => {
      if (scheme.fstatvfs === undefined) throw EOPNOTSUPP;
      return now(scheme.fstatvfs(node));
    });
  }

  sync(): void {
    this.#do("fsync", 0, ({ scheme, node, flags }) => {
      if (scheme.fsync === undefined) throw EOPNOTSUPP;
      return now(scheme.fsync(node, contextOf({ flags })));
    });
  }

  truncate(size: number): void {
    this.#do("ftruncate", O_WRITE, ({ scheme, node }) => {
      if (!Number.isSafeInteger(size) || size < 0) throw EINVAL;
      if (scheme.ftruncate === undefined) throw EOPNOTSUPP;
      return now(scheme.ftruncate(node, size));
    });
  }

  list(): DirectoryEntry[] {
    return this.#do("getdents", O_READ, ({ scheme, node }) => {
      if (scheme.getdents === undefined) throw EOPNOTSUPP;
      const all: DirectoryEntry[] = [];
      for (;;) {
        const batch = now(scheme.getdents(node, all.at(-1)?.next ?? 0));
        if (encodeBody(batch).length > BODY_BYTES_MAX) throw EMSGSIZE;
        if (batch.length === 0) return all;
        all.push(...batch);
      }
    });
  }

  call(request: unknown): unknown {
    return this.#do("call", 0, ({ scheme, node, flags }) => {
      if (scheme.call === undefined) throw EOPNOTSUPP;
      return now(scheme.call(node, request, contextOf({ flags })));
    });
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#facts.scheme.close?.(this.#facts.node);
    this.#facts.closed();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #do<T>(operation: string, flag: number, act: (facts: FileFacts) => T): T {
    return attempt(operation, this.url, () => {
      if (!this.#open) throw EBADF;
      if (flag !== 0 && (this.#facts.flags & flag) === 0) throw EBADF;
      return act(this.#facts);
    });
  }
}

/** The path of a URL, as the root of a capability. */
export function rootOf(url: string | undefined): string {
  const parsed = parseUrl(url ?? "/");
  assert("path" in parsed, `${url} is no URL`);
  return (parsed as SchemeUrl).path;
}

/** The same system with promises. */
export function asAsync(system: DirectSystem): AsyncSystem {
  return {
    open: async (url, options) => asAsyncFile(system.open(url, options)),
    stat: async (url) => system.stat(url),
    mkdir: async (url) => system.mkdir(url),
    unlink: async (url) => system.unlink(url),
    rmdir: async (url) => system.rmdir(url),
    rename: async (from, to, options) => system.rename(from, to, options),
    link: async (existing, name) => system.link(existing, name),
    symlink: async (url, target) => system.symlink(url, target),
    readlink: async (url) => system.readlink(url),
  };
}

function asAsyncFile(file: DirectFile): File {
  return {
    url: file.url,
    get position() {
      return file.position;
    },
    set position(value) {
      file.position = value;
    },
    read: async (bytes, offset) => file.read(bytes, offset),
    write: async (bytes, offset) => file.write(bytes, offset),
    readAll: async () => file.readAll(),
    stat: async () => file.stat(),
    statVfs: async () => file.statVfs(),
    sync: async () => file.sync(),
    truncate: async (size) => file.truncate(size),
    list: async () => file.list(),
    call: async (request) => file.call(request),
    close: async () => file.close(),
    [Symbol.asyncDispose]: async () => file.close(),
  };
}

function attempt<T>(operation: string, url: string, act: () => T): T {
  try {
    return act();
  } catch (thrown) {
    const errno: Errno | undefined = errnoOf(thrown);
    if (errno === undefined || thrown instanceof SysError) throw thrown;
    throw new SysError(errno, { operation, url });
  }
}

function now<T>(answer: T | Promise<T>): T {
  assert(!(answer instanceof Promise), "a handler answered with a promise");
  return answer as T;
}

function checkRange(offset: number | undefined, length: number): void {
  if (offset === undefined) return;
  if (!Number.isSafeInteger(offset) || offset < 0) throw EINVAL;
  if (!Number.isSafeInteger(offset + length)) throw EINVAL;
}

function rightsForOpen(flags: number): number {
  let need = 0;
  if ((flags & O_READ) !== 0) need |= (flags & O_DIRECTORY) !== 0 ? RIGHT_LIST : RIGHT_READ;
  if ((flags & (O_WRITE | O_APPEND | O_TRUNCATE)) !== 0) need |= RIGHT_WRITE;
  if ((flags & O_CREATE) !== 0 && (flags & O_EXCLUSIVE) !== 0) need |= RIGHT_CREATE;
  return need;
}

interface ContextFacts {
  flags: number;
  rights?: number;
  scheme?: string;
  root?: string;
}

/** The context of a request, for tests that call a scheme directly. */
export function contextOf(facts: ContextFacts): OpenContext {
  return {
    caller: 1,
    flags: facts.flags,
    root: facts.root ?? "/",
    rights: facts.rights ?? RIGHTS_ALL,
    scheme: facts.scheme ?? "",
    nonblocking: false,
    reply: undefined,
    canceled: false,
    onCancel() {},
    defer() {},
  };
}
