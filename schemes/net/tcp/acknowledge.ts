/**
 * What an acceptable acknowledgment does: it frees data, measures, opens windows, repairs losses.
 */

import { enter } from "./ending.js";
import { transmit } from "./output.js";
import { duplicateAck, noteSack, type Piece, recovered } from "./recovery.js";
import { FIN, type Segment } from "./segment.js";
import { before, distance, later } from "./sequence.js";
import type { Tcb } from "./tcb.js";

const NEVER = Number.POSITIVE_INFINITY;

/** Processes the acknowledgment and the window of a segment whose ACK fits (RFC 5961 §5.2). */
export function acknowledge(tcb: Tcb, segment: Segment, nowMs: number): void {
  const { acknowledgment } = segment;
  if (before(acknowledgment, tcb.una)) return;
  // Whatever it says, it answers a probe.
  if (tcb.probing) tcb.unansweredMs = undefined;
  const news = noteSack(tcb, segment);
  const sameWindow = !updateWindow(tcb, segment);
  let again: Piece | undefined;
  if (before(tcb.una, acknowledgment)) again = acknowledgeNew(tcb, segment, nowMs);
  else if (tcb.outstanding && !tcb.probing) {
    // RFC 5681 §2; with SACK what counts is news (RFC 6675 §2).
    const plain = segment.payload.length === 0 && (segment.flags & FIN) === 0 && sameWindow;
    if (tcb.sack ? news : plain) again = duplicateAck(tcb);
  }
  if (again !== undefined && again.size > 0) transmit(tcb, again, nowMs);
}

function acknowledgeNew(tcb: Tcb, segment: Segment, nowMs: number): Piece | undefined {
  const bytes = distance(tcb.una, segment.acknowledgment);
  const flight = distance(tcb.una, tcb.max);
  measure(tcb, segment, { flight, nowMs });
  tcb.una = segment.acknowledgment;
  tcb.nxt = later(tcb.nxt, tcb.una);
  tcb.scoreboard.dropBefore(tcb.una);
  const finSent = tcb.finSent;
  dropAcknowledged(tcb);
  if (tcb.recovery.tag === "none") tcb.duplicates = 0;
  if (tcb.recovery.tag !== "fast" && flight * 2 >= tcb.congestion.cwnd) {
    const rttMs = tcb.rtt.smoothedMs ?? tcb.rtt.rtoMs;
    tcb.congestion.acked(bytes, { nowMs, rttMs });
  }
  const again = recovered(tcb, bytes);
  // RFC 6298 §5.2, §5.3.
  if (!tcb.probing) tcb.timeouts = 0;
  tcb.timers.retransmit = tcb.outstanding && !tcb.probing ? nowMs + tcb.rtt.rtoMs : NEVER;
  tcb.unansweredMs = tcb.outstanding ? nowMs : undefined;
  if (finSent && !tcb.outstanding) enter(tcb, "fin-acked", nowMs);
  return again;
}

/** Frees what the peer has. The SYN and the FIN take a number and no byte. */
function dropAcknowledged(tcb: Tcb): void {
  const bytes = Math.min(distance(tcb.bufferStart, tcb.una), tcb.buffered);
  if (bytes <= 0) return;
  tcb.sendBuffer.drop(bytes);
  tcb.buffered -= bytes;
  tcb.bufferStart = (tcb.bufferStart + bytes) >>> 0;
  if (tcb.buffered === 0) tcb.sendBuffer.release();
}

/** A round trip, by timestamp (RFC 7323 §4.1) or by the one segment that is timed. */
function measure(
  tcb: Tcb,
  { options, acknowledgment }: Segment,
  { flight, nowMs }: { flight: number; nowMs: number },
): void {
  if (tcb.timestamps && options.timestamp !== undefined) {
    const rttMs = distance(options.timestamp.echo, tcb.timestamp(nowMs));
    const perRoundTrip = Math.max(1, Math.ceil(flight / (2 * tcb.mss)));
    if (options.timestamp.echo !== 0 && rttMs >= 0) tcb.rtt.measure(rttMs, perRoundTrip);
    return;
  }
  if (tcb.timed === undefined || before(acknowledgment, tcb.timed.end)) return;
  tcb.rtt.measure(nowMs - tcb.timed.atMs);
  tcb.timed = undefined;
}

/** RFC 9293 §3.10.7.4: old segments don't move the window. True when it changed. */
function updateWindow(tcb: Tcb, { sequence, acknowledgment, window }: Segment): boolean {
  const newer =
    before(tcb.windowSequence, sequence) ||
    (tcb.windowSequence === sequence && !before(acknowledgment, tcb.windowAcknowledgment));
  if (!newer) return false;
  const scaled = window * 2 ** tcb.sendScale;
  const changed = scaled !== tcb.sendWindow;
  tcb.sendWindow = scaled;
  tcb.sendWindowMax = Math.max(tcb.sendWindowMax, scaled);
  tcb.windowSequence = sequence;
  tcb.windowAcknowledgment = acknowledgment;
  return changed;
}
