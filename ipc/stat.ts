/** What `fstat` and `getdents` answer. */

export type FileKind = "file" | "directory" | "symlink" | "device" | "pipe" | "socket";

/** Attributes of an object. Sizes in bytes, times in milliseconds since 1970. */
export interface Stat {
  kind: FileKind;
  size: number;
  /** Permission bits (0o777). */
  mode: number;
  links?: number;
  /** Unit of I/O in bytes: a device's sector, a file system's block. */
  blockSize?: number;
  readOnly?: boolean;
  modifiedMs?: number;
  /** The same for two names of one object, in whatever schemes they are. */
  identity?: string;
}

/** One directory entry. `next` is the cursor with which listing goes on after it. */
export interface DirectoryEntry {
  name: string;
  kind: FileKind;
  next: number;
}

/** What `fstatvfs` answers, in blocks of `blockSize` bytes. */
export interface StatVfs {
  blockSize: number;
  blocks: number;
  blocksFree: number;
}
