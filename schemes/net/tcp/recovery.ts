/**
 * Finding and repairing losses by acknowledgments: fast retransmit, then recovery by SACK (RFC
 * 6675) or by NewReno's partial acknowledgments (RFC 6582). Loss by time-out is in timers.ts.
 */

import { payloadMax } from "./payload-size.js";
import type { Segment } from "./segment.js";
import { advance, atOrBefore, before, distance, earlier, later } from "./sequence.js";
import type { Tcb } from "./tcb.js";

/** A piece of the stream to send: `size` numbers from `sequence` on, the FIN's among them. */
export interface Piece {
  sequence: number;
  size: number;
}

/** RFC 5681 §3.2, RFC 6675 §2. */
const DUPLICATES_MIN = 3;

/** Notes what the peer says to have; true when it is news (RFC 6675 §4, Update). */
export function noteSack(tcb: Tcb, { options, acknowledgment }: Segment): boolean {
  if (!tcb.sack || options.sack === undefined) return false;
  const covered = (): number => tcb.scoreboard.covered(tcb.una, tcb.max);
  const had = covered();
  for (const { start, end } of options.sack) {
    // Blocks below the acknowledgment tell of duplicates (RFC 2883); others must be of our sending.
    if (!before(start, end) || !before(acknowledgment, start)) continue;
    if (before(tcb.max, end) || before(start, tcb.una)) continue;
    tcb.scoreboard.add(start, end);
  }
  return covered() > had;
}

/** Bytes that are thought to be on the way (RFC 6675 §4, SetPipe). */
export function pipe(tcb: Tcb): number {
  const { una, nxt, max, scoreboard, recovery } = tcb;
  if (recovery.tag !== "fast" || !tcb.sack) {
    return distance(una, nxt) - scoreboard.covered(una, nxt);
  }
  const lost = later(lostBefore(tcb) ?? una, una);
  const again = later(recovery.highest, una);
  return (
    distance(lost, max) -
    scoreboard.covered(lost, max) +
    distance(una, again) -
    scoreboard.covered(una, again)
  );
}

function lostBefore(tcb: Tcb): number | undefined {
  return tcb.scoreboard.lostBefore(DUPLICATES_MIN, (DUPLICATES_MIN - 1) * tcb.mss);
}

/** A duplicate acknowledgment came, or news of what has arrived. */
export function duplicateAck(tcb: Tcb): Piece | undefined {
  const { recovery, congestion } = tcb;
  if (recovery.tag === "fast" && !tcb.sack) congestion.cwnd += tcb.mss;
  if (recovery.tag !== "none") return undefined;
  tcb.duplicates += 1;
  const lost = tcb.sack && before(tcb.una, lostBefore(tcb) ?? tcb.una);
  if (tcb.duplicates < DUPLICATES_MIN && !lost) return undefined;
  const flight = distance(tcb.una, tcb.max) - tcb.scoreboard.covered(tcb.una, tcb.max);
  congestion.lost(Math.max(flight, distance(tcb.una, tcb.nxt)));
  if (!tcb.sack) congestion.cwnd = congestion.ssthresh + DUPLICATES_MIN * tcb.mss;
  const first = pieceAt(tcb, tcb.una);
  tcb.recovery = {
    tag: "fast",
    point: tcb.max,
    highest: advance(first.sequence, first.size),
    rescued: undefined,
  };
  return first;
}

/**
 * New data was acknowledged during recovery: the end of it, or a partial acknowledgment. Answers
 * what to send again at once.
 */
export function recovered(tcb: Tcb, bytes: number): Piece | undefined {
  const { recovery, congestion, mss } = tcb;
  if (recovery.tag === "none") return undefined;
  if (!before(tcb.una, recovery.point)) {
    if (recovery.tag === "fast" && !tcb.sack) {
      // RFC 6582 §3.2 step 3: no burst.
      const flight = distance(tcb.una, tcb.max);
      congestion.cwnd = Math.min(congestion.ssthresh, Math.max(flight, mss) + mss);
    }
    tcb.recovery = { tag: "none" };
    tcb.duplicates = 0;
    return undefined;
  }
  if (recovery.tag === "loss" || tcb.sack) return undefined;
  congestion.cwnd = Math.max(mss, congestion.cwnd - bytes + (bytes >= mss ? mss : 0));
  return pieceAt(tcb, tcb.una);
}

/** A segment from `sequence` on, up to the next data that has arrived. */
function pieceAt(tcb: Tcb, sequence: number): Piece {
  const stop = tcb.scoreboard.startAfter(sequence) ?? tcb.max;
  const end = earlier(stop, tcb.max);
  return { sequence, size: Math.min(payloadMax(tcb), Math.max(0, distance(sequence, end))) };
}

/** What SACK recovery sends next (RFC 6675 §4, NextSeg); new data is rule 2, left to the caller. */
export function nextLost(tcb: Tcb): Piece | undefined {
  const { recovery, scoreboard } = tcb;
  if (recovery.tag !== "fast" || !tcb.sack) return undefined;
  const room = tcb.congestion.cwnd - pipe(tcb);
  if (room < tcb.mss) return undefined;
  const next = scoreboard.gapFrom(later(recovery.highest, tcb.una));
  const lost = lostBefore(tcb);
  if (lost !== undefined && before(next, lost)) return claim(tcb, next);
  const more = before(tcb.nxt, tcb.dataEnd) && tcb.sendWindow > distance(tcb.una, tcb.nxt);
  if (more) return undefined;
  if (scoreboard.end !== undefined && before(next, scoreboard.end)) return claim(tcb, next);
  return rescue(tcb, recovery);
}

function claim(tcb: Tcb, sequence: number): Piece | undefined {
  const piece = pieceAt(tcb, sequence);
  if (tcb.recovery.tag === "fast") tcb.recovery.highest = advance(sequence, piece.size);
  return piece.size > 0 ? piece : undefined;
}

/** Rule 4: once in a recovery, the last segment that is out, so that its answer tells the rest. */
function rescue(tcb: Tcb, recovery: { rescued: number | undefined; point: number }) {
  const { rescued } = recovery;
  if (rescued !== undefined && atOrBefore(tcb.una, rescued)) return undefined;
  if (tcb.scoreboard.end !== undefined && !before(tcb.scoreboard.end, tcb.max)) return undefined;
  recovery.rescued = recovery.point;
  const start = later(tcb.una, tcb.scoreboard.end ?? tcb.una);
  const from = later(start, advance(tcb.max, -payloadMax(tcb)));
  return { sequence: from, size: distance(from, tcb.max) };
}
