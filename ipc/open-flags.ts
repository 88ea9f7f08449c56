/** Flags of `open`, as bits in a request and as words in the public interface. */

export const O_READ = 1;
export const O_WRITE = 2;
export const O_CREATE = 4;
export const O_EXCLUSIVE = 8;
export const O_TRUNCATE = 16;
export const O_APPEND = 32;
export const O_DIRECTORY = 64;
export const O_NONBLOCK = 128;
/** Open the symbolic link itself. */
export const O_SYMLINK = 256;
/** Attributes only: neither read nor write. */
export const O_STAT = 512;

/** What `open` takes from people: a word for the usual cases, or the bits. */
export type OpenMode = "read" | "write" | "read-write" | "append" | "create" | "list" | number;

/**
 * Turns a mode into flags. `write` truncates as a shell's `>` does; `create` must not exist yet.
 */
export function openFlags(mode: OpenMode): number {
  switch (mode) {
    case "read":
      return O_READ;
    case "write":
      return O_WRITE | O_CREATE | O_TRUNCATE;
    case "read-write":
      return O_READ | O_WRITE;
    case "append":
      return O_WRITE | O_CREATE | O_APPEND;
    case "create":
      return O_READ | O_WRITE | O_CREATE | O_EXCLUSIVE;
    case "list":
      return O_READ | O_DIRECTORY;
    default:
      return mode;
  }
}
