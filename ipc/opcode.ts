/**
 * Operations of a request: number, name, the rights that the handle must have, and whether the
 * operation is safe to repeat. Names are Redox's.
 */

import { RIGHT_CALL, RIGHT_LIST, RIGHT_READ, RIGHT_WRITE } from "./rights.js";

export const OP_OPEN = 1;
export const OP_DUP = 2;
export const OP_READ = 3;
export const OP_WRITE = 4;
export const OP_FSIZE = 5;
export const OP_FTRUNCATE = 6;
export const OP_FSYNC = 7;
export const OP_FSTAT = 8;
export const OP_FSTATVFS = 9;
export const OP_GETDENTS = 10;
export const OP_LINK = 11;
export const OP_UNLINK = 12;
export const OP_RENAME = 13;
export const OP_SYMLINK = 14;
export const OP_READLINK = 15;
export const OP_FEVENT = 16;
export const OP_CALL = 17;
export const OP_CLOSE = 18;
/** One-way: the client gave up on the request whose tag is `arg1`. */
export const OP_CANCEL = 19;
/** Reopens a session on a new incarnation, without side effects. */
export const OP_REATTACH = 20;
/** One-way: this client has replayed everything that it had in flight. */
export const OP_RESUME = 21;
/** A system call; only the kernel answers it. `arg1` is its number. */
export const OP_SYSCALL = 22;
/** Register access on the board's bus; `arg1` is the access size in bytes. */
export const OP_BUS_READ = 23;
/** One-way: writes are posted and take effect in order. The value is `arg0`. */
export const OP_BUS_WRITE = 24;
/** One-way: the interrupt line in `handle` was served. */
export const OP_IRQ_ACK = 25;

/** What may be done with a request whose fate at its provider's death is not known. */
export type OperationClass = "pure" | "idempotent" | "dedup" | "once";

interface Operation {
  readonly name: string;
  /** A handle needs one of these rights. 0: any. */
  readonly rights: number;
  /** Class on a positioned handle. */
  readonly positioned: OperationClass;
  /** Class on any other. */
  readonly stream: OperationClass;
  /** Bytes that the client puts in (out of its view), and that it takes out. */
  readonly sends: boolean;
  readonly receives: boolean;
}

const OPERATIONS: (Operation | undefined)[] = [];

function define(
  opcode: number,
  name: string,
  rights: number,
  classes: [OperationClass, OperationClass],
  payload: "" | "in" | "out" | "in out",
): void {
  OPERATIONS[opcode] = {
    name,
    rights,
    positioned: classes[0],
    stream: classes[1],
    sends: payload.includes("in"),
    receives: payload.includes("out"),
  };
}

define(OP_OPEN, "open", 0, ["once", "once"], "in out");
define(OP_DUP, "dup", 0, ["once", "once"], "in out");
define(OP_READ, "read", RIGHT_READ, ["pure", "once"], "out");
define(OP_WRITE, "write", RIGHT_WRITE, ["idempotent", "once"], "in");
define(OP_FSIZE, "fsize", 0, ["pure", "once"], "");
define(OP_FTRUNCATE, "ftruncate", RIGHT_WRITE, ["idempotent", "once"], "");
define(OP_FSYNC, "fsync", 0, ["idempotent", "idempotent"], "");
define(OP_FSTAT, "fstat", 0, ["pure", "pure"], "out");
define(OP_FSTATVFS, "fstatvfs", 0, ["pure", "pure"], "out");
define(OP_GETDENTS, "getdents", RIGHT_LIST, ["pure", "pure"], "out");
define(OP_LINK, "link", 0, ["once", "once"], "in");
define(OP_UNLINK, "unlink", 0, ["once", "once"], "in");
define(OP_RENAME, "rename", 0, ["once", "once"], "in");
define(OP_SYMLINK, "symlink", 0, ["once", "once"], "in");
define(OP_READLINK, "readlink", 0, ["pure", "pure"], "in out");
define(OP_FEVENT, "fevent", 0, ["idempotent", "idempotent"], "");
define(OP_CALL, "call", RIGHT_CALL | RIGHT_READ | RIGHT_WRITE, ["once", "once"], "in out");
define(OP_CLOSE, "close", 0, ["idempotent", "idempotent"], "");
define(OP_CANCEL, "cancel", 0, ["idempotent", "idempotent"], "");
define(OP_REATTACH, "reattach", 0, ["idempotent", "idempotent"], "in out");
define(OP_RESUME, "resume", 0, ["idempotent", "idempotent"], "");
define(OP_SYSCALL, "syscall", 0, ["once", "once"], "in out");
define(OP_BUS_READ, "bus-read", 0, ["once", "once"], "");
define(OP_BUS_WRITE, "bus-write", 0, ["once", "once"], "");
define(OP_IRQ_ACK, "irq-ack", 0, ["once", "once"], "");

const UNKNOWN: Operation = {
  name: "unknown",
  rights: 0,
  positioned: "once",
  stream: "once",
  sends: false,
  receives: false,
};

/** Facts about an opcode; a number that is none has the name "unknown". */
export function operation(opcode: number): Operation {
  return OPERATIONS[opcode] ?? UNKNOWN;
}

/** Operations whose class a manifest may declare: those that reach a scheme's own code. */
const DECLARABLE = [
  OP_OPEN,
  OP_DUP,
  OP_READ,
  OP_WRITE,
  OP_FTRUNCATE,
  OP_LINK,
  OP_UNLINK,
  OP_RENAME,
  OP_SYMLINK,
  OP_CALL,
];

/** Their names, for a manifest. */
export const DECLARABLE_OPERATIONS: readonly string[] = DECLARABLE.map(
  (opcode) => operation(opcode).name,
);

/** The opcode of an operation whose class may be declared. */
export function declarable(name: string): number | undefined {
  return DECLARABLE[DECLARABLE_OPERATIONS.indexOf(name)];
}
