/** The two faces of an open file: promises for daemons and hosts, plain calls for programs. */

import type { OpenMode } from "../ipc/open-flags.js";
import type { DirectoryEntry, Stat, StatVfs } from "../ipc/stat.js";

/** How to open. */
export interface OpenOptions {
  /** Default "read". */
  mode?: OpenMode;
  /** Milliseconds until a request on this file ends with ETIMEDOUT; default none. */
  timeoutMs?: number;
}

/**
 * An open file with promises. Leave `bytes` alone until the promise settles.
 * Every method rejects with a `SysError`.
 */
export interface File extends AsyncDisposable {
  readonly url: string;
  /**
   * Position of the next `read` or `write` without an offset; shared with everyone who shares the
   * file.
   */
  position: number;
  /**
   * Reads up to `bytes.length` bytes at `offset` (default: the position, which moves). 0 is the
   * end.
   */
  read(bytes: Uint8Array, offset?: number): Promise<number>;
  /** Writes `bytes`, all of them unless the scheme takes fewer; resolves to the count. */
  write(bytes: Uint8Array | string, offset?: number): Promise<number>;
  /** Reads from the position to the end. */
  readAll(): Promise<Buffer>;
  stat(): Promise<Stat>;
  statVfs(): Promise<StatVfs>;
  /** Resolves when everything written before is durable. */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  list(): Promise<DirectoryEntry[]>;
  call(request: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * An open file with blocking calls, for programs in a thread of their own. Methods throw
 * `SysError`.
 */
export interface BlockingFile extends Disposable {
  readonly url: string;
  position: number;
  read(bytes: Uint8Array, offset?: number): number;
  write(bytes: Uint8Array | string, offset?: number): number;
  readAll(): Buffer;
  stat(): Stat;
  statVfs(): StatVfs;
  sync(): void;
  truncate(size: number): void;
  list(): DirectoryEntry[];
  call(request: unknown): unknown;
  close(): void;
}
