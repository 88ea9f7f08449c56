/**
 * What becomes of a call that was in flight when its machine died. The contract is that of a dead
 * daemon with one exception: nothing that waits for earlier work to be durable is repeated, because
 * that work may have died with the machine.
 */

import type { SyscallName } from "../../ipc/abi.js";
import { OP_FSYNC, OP_OPEN, operation } from "../../ipc/opcode.js";
import { O_CREATE, O_TRUNCATE } from "../../ipc/open-flags.js";

/** What a call does, as far as its fate depends on it. */
export interface Deed {
  opcode: number;
  /** Of an open. */
  flags?: number;
  /** Whether the descriptor's transfers have explicit offsets. */
  positioned?: boolean;
  /** Of a system call. */
  syscall?: SyscallName;
  /** Reads of an event queue and watches: the queue is made again with all that it watches. */
  events?: boolean;
}

/** System calls that only look. */
const LOOKS: readonly SyscallName[] = ["processes", "capabilities"];

/** Deaths at which one call may be in flight before it counts as their cause. */
const DEATHS_MAX = 2;

/**
 * Decides on a call that the dead machine may have executed: "repeat" it, answer that its outcome
 * is "unknown", or, when it was there at two deaths, refuse it as "poison".
 */
export function fateOf(deed: Deed, deaths: number): "repeat" | "unknown" | "poison" {
  if (deaths >= DEATHS_MAX) return "poison";
  return isRepeatable(deed) ? "repeat" : "unknown";
}

function isRepeatable(deed: Deed): boolean {
  if (deed.events === true) return true;
  if (deed.syscall !== undefined) return LOOKS.includes(deed.syscall);
  if (deed.opcode === OP_OPEN) return ((deed.flags ?? 0) & (O_CREATE | O_TRUNCATE)) === 0;
  // It would answer for writes of the dead machine, of which nobody knows.
  if (deed.opcode === OP_FSYNC) return false;
  const facts = operation(deed.opcode);
  return (deed.positioned === true ? facts.positioned : facts.stream) !== "once";
}
