/**
 * The one table of operating errors: symbol, Linux number, text.
 *
 * A constant is allocated once and has no stack, so `throw ENOENT` is cheap. Constants are thrown
 * by handlers and system calls and caught in two places only: the gate and the system-call
 * dispatcher, which carry them as `-errno`. What a caller finally sees is a fresh `SysError`
 * (sys-error.ts).
 */

/** One operating error. Compare by identity or by `errno`, never by text. */
export class Errno {
  readonly code: string;
  readonly errno: number;
  readonly message: string;

  constructor(code: string, errno: number, message: string) {
    this.code = code;
    this.errno = errno;
    this.message = message;
  }

  toString(): string {
    return `${this.code}: ${this.message}`;
  }
}

const byNumber = new Map<number, Errno>();

function define(code: string, errno: number, message: string): Errno {
  const error = Object.freeze(new Errno(code, errno, message));
  byNumber.set(errno, error);
  return error;
}

export const EPERM = define("EPERM", 1, "operation not permitted");
export const ENOENT = define("ENOENT", 2, "no such file or directory");
export const ESRCH = define("ESRCH", 3, "no such process");
export const EINTR = define("EINTR", 4, "interrupted");
export const EIO = define("EIO", 5, "input/output error");
export const ENXIO = define("ENXIO", 6, "no such device or address");
export const E2BIG = define("E2BIG", 7, "arguments too long");
export const ENOEXEC = define("ENOEXEC", 8, "not a program");
export const EBADF = define("EBADF", 9, "bad handle");
export const ECHILD = define("ECHILD", 10, "no child process");
export const EAGAIN = define("EAGAIN", 11, "try again");
export const ENOMEM = define("ENOMEM", 12, "out of memory");
export const EACCES = define("EACCES", 13, "permission denied");
export const EBUSY = define("EBUSY", 16, "in use");
export const EEXIST = define("EEXIST", 17, "exists already");
export const EXDEV = define("EXDEV", 18, "not in the same scheme");
export const ENODEV = define("ENODEV", 19, "no such scheme or device");
export const ENOTDIR = define("ENOTDIR", 20, "not a directory");
export const EISDIR = define("EISDIR", 21, "is a directory");
export const EINVAL = define("EINVAL", 22, "invalid argument");
export const EMFILE = define("EMFILE", 24, "too many handles");
export const EFBIG = define("EFBIG", 27, "file too large");
export const ENOSPC = define("ENOSPC", 28, "no space left");
export const ESPIPE = define("ESPIPE", 29, "not seekable");
export const EROFS = define("EROFS", 30, "read-only");
export const EPIPE = define("EPIPE", 32, "broken pipe");
export const ERANGE = define("ERANGE", 34, "out of range");
export const EDEADLK = define("EDEADLK", 35, "call against the order of the manifest");
export const ENAMETOOLONG = define("ENAMETOOLONG", 36, "name too long");
export const ENOSYS = define("ENOSYS", 38, "no such system call");
export const ENOTEMPTY = define("ENOTEMPTY", 39, "directory not empty");
export const ELOOP = define("ELOOP", 40, "too many symbolic links");
export const EBADMSG = define("EBADMSG", 74, "malformed message");
export const EOVERFLOW = define("EOVERFLOW", 75, "value too large");
export const EILSEQ = define("EILSEQ", 84, "not valid UTF-8");
export const EMSGSIZE = define("EMSGSIZE", 90, "message too long");
export const EOPNOTSUPP = define("EOPNOTSUPP", 95, "operation not supported");
export const EADDRINUSE = define("EADDRINUSE", 98, "address in use");
export const EADDRNOTAVAIL = define("EADDRNOTAVAIL", 99, "not an address of this machine");
export const ENETUNREACH = define("ENETUNREACH", 101, "no route to that network");
export const ECONNABORTED = define("ECONNABORTED", 103, "connection aborted");
export const ECONNRESET = define("ECONNRESET", 104, "connection reset");
export const ENOBUFS = define("ENOBUFS", 105, "no buffer space");
export const EISCONN = define("EISCONN", 106, "connected already");
export const ENOTCONN = define("ENOTCONN", 107, "not connected");
export const ETIMEDOUT = define("ETIMEDOUT", 110, "timed out");
export const ECONNREFUSED = define("ECONNREFUSED", 111, "connection refused");
export const EHOSTUNREACH = define("EHOSTUNREACH", 113, "host cannot be reached");
export const ESTALE = define("ESTALE", 116, "stale handle: its object did not survive");
export const ECANCELED = define("ECANCELED", 125, "canceled");
export const EOWNERDEAD = define("EOWNERDEAD", 130, "provider died, outcome unknown");

/** Returns the constant for a positive Linux number; an unknown number becomes `EIO`. */
export function errnoFromNumber(errno: number): Errno {
  return byNumber.get(errno) ?? EIO;
}

/** Returns every constant of the table, in the order of their numbers. */
export function allErrnos(): Errno[] {
  return [...byNumber.values()].sort((a, b) => a.errno - b.errno);
}

/**
 * Returns the errno that a thrown value carries, or undefined when it is no operating error (a
 * bug). Looks at the fields, not at the class: a daemon may link another copy of this module.
 */
export function errnoOf(thrown: unknown): Errno | undefined {
  if (thrown instanceof Errno) return thrown;
  if (typeof thrown !== "object" || thrown === null) return undefined;
  const { errno, code } = thrown as { errno?: unknown; code?: unknown };
  if (typeof errno !== "number" || typeof code !== "string") return undefined;
  const known = byNumber.get(errno);
  return known !== undefined && known.code === code ? known : undefined;
}
