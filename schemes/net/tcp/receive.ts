/**
 * What arrives of the peer's stream: in order to the reader, out of order into the same buffer
 * behind a hole, and when to acknowledge it (RFC 9293 §3.8.6.3, RFC 5681 §4.2).
 */

import { enter } from "./ending.js";
import { advance, before, distance, earlier, later } from "./sequence.js";
import type { Tcb } from "./tcb.js";

const NEVER = Number.POSITIVE_INFINITY;

/** Takes the part of `payload` that is new and inside the window. */
export function acceptData(
  tcb: Tcb,
  { sequence, payload }: { sequence: number; payload: Uint8Array },
  nowMs: number,
): void {
  if (payload.length === 0) return;
  tcb.receiveMss = Math.max(tcb.receiveMss, Math.min(payload.length, tcb.pathMss));
  const limit = earlier(tcb.edge, tcb.finAt ?? tcb.edge);
  const end = earlier(advance(sequence, payload.length), limit);
  const start = later(sequence, tcb.receiveNext);
  if (!before(start, end)) {
    tcb.ackNow = true;
    return;
  }
  const bytes = payload.subarray(distance(sequence, start), distance(sequence, end));
  if (start === tcb.receiveNext && tcb.pieces.ranges.length === 0) inOrder(tcb, bytes, nowMs);
  else outOfOrder(tcb, { start, end, bytes });
  if (tcb.finAt === tcb.receiveNext) reachFin(tcb, nowMs);
}

function inOrder(tcb: Tcb, bytes: Uint8Array, nowMs: number): void {
  if (!store(tcb, 0, bytes)) return;
  advanceTo(tcb, advance(tcb.receiveNext, bytes.length));
  tcb.unacknowledged += bytes.length;
  // Every second full segment, and whatever else soon.
  if (tcb.unacknowledged >= 2 * tcb.receiveMss) tcb.ackNow = true;
  else if (tcb.timers.delayedAck === NEVER) {
    tcb.timers.delayedAck = nowMs + tcb.settings.delayedAckMs;
  }
}

function outOfOrder(
  tcb: Tcb,
  { start, end, bytes }: { start: number; end: number; bytes: Uint8Array },
): void {
  // The sender waits for news of the hole.
  tcb.ackNow = true;
  if (!tcb.readShut && !store(tcb, distance(tcb.receiveNext, start), bytes)) return;
  if (!tcb.pieces.add(start, end)) return;
  const reached = tcb.pieces.gapFrom(tcb.receiveNext);
  if (reached === tcb.receiveNext) return;
  tcb.pieces.dropBefore(reached);
  advanceTo(tcb, reached);
}

/** Puts bytes where they belong. Without memory they are as good as lost: the peer sends again. */
function store(tcb: Tcb, gap: number, bytes: Uint8Array): boolean {
  if (tcb.readShut) return true;
  const reach = Math.max(0, distance(tcb.receiveNext, tcb.pieces.end ?? tcb.receiveNext));
  return tcb.receiveBuffer.write(tcb.readable + gap, bytes, tcb.readable + reach);
}

function advanceTo(tcb: Tcb, sequence: number): void {
  const bytes = distance(tcb.receiveNext, sequence);
  tcb.receiveNext = sequence;
  tcb.edge = later(tcb.edge, sequence);
  if (!tcb.readShut) tcb.readable += bytes;
}

/** Notes where the stream ends, and ends it if all before is here. */
export function acceptFin(tcb: Tcb, sequence: number, nowMs: number): void {
  if (tcb.finAt === undefined && before(sequence, tcb.receiveNext)) return;
  tcb.finAt ??= sequence;
  tcb.ackNow = true;
  if (tcb.finAt === tcb.receiveNext) reachFin(tcb, nowMs);
}

function reachFin(tcb: Tcb, nowMs: number): void {
  tcb.receiveNext = advance(tcb.receiveNext, 1);
  tcb.edge = later(tcb.edge, tcb.receiveNext);
  tcb.pieces.clear();
  tcb.ackNow = true;
  enter(tcb, "fin", nowMs);
}
