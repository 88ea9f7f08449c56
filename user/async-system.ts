/**
 * The system as promises: what a host program and an asynchronous daemon see of the name space,
 * and what the conformance suite is written against. `System` (system.ts) is the blocking face of
 * the same.
 */

import type { Stat } from "../ipc/stat.js";
import type { File, OpenOptions } from "./file.js";

/** Operations on names. Every method rejects with a `SysError`. */
export interface AsyncSystem {
  /** Opens `url`; a handle that nobody closes is closed with its process. */
  open(url: string, options?: OpenOptions): Promise<File>;
  /** Attributes of what `url` leads to; symbolic links are followed. */
  stat(url: string): Promise<Stat>;
  mkdir(url: string): Promise<void>;
  /** Removes a name of anything but a directory. */
  unlink(url: string): Promise<void>;
  /** Removes an empty directory. */
  rmdir(url: string): Promise<void>;
  /** Moves within one scheme; replaces by default, as POSIX does. Across schemes: EXDEV. */
  rename(from: string, to: string, options?: { replace?: boolean }): Promise<void>;
  /** Gives what `existing` leads to another name in the same scheme. Across schemes: EXDEV. */
  link(existing: string, name: string): Promise<void>;
  symlink(url: string, target: string): Promise<void>;
  readlink(url: string): Promise<string>;
}
