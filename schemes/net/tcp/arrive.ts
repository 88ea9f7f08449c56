/**
 * What a segment does to a connection: RFC 9293 §3.10.7.3 and §3.10.7.4, step by step, with the
 * checks of RFC 7323 (PAWS) and RFC 5961 (blind attacks) where they belong.
 */

import { ECONNREFUSED, ECONNRESET } from "../../../ipc/errno.js";
import { CHALLENGE_MS_MIN } from "../limits.js";
import { acknowledge } from "./acknowledge.js";
import { abort, enter, fail, heard, startTimeWait } from "./ending.js";
import { output, scaleFor, sendSyn } from "./output.js";
import { acceptData, acceptFin } from "./receive.js";
import { ACK, FIN, RST, type Segment, SYN, sequenceLength } from "./segment.js";
import { advance, atOrBefore, before, distance } from "./sequence.js";
import { canReceive, type TcpState } from "./state.js";
import type { Tcb } from "./tcb.js";

/** RFC 7323 §5.5: a timestamp older than 24 days says nothing. */
const PAWS_IDLE_MS = 24 * 24 * 60 * 60 * 1000;
const NEVER = Number.POSITIVE_INFINITY;

/** Processes a segment that is this connection's, then sends what is due. */
export function arrive(tcb: Tcb, segment: Segment, nowMs: number): void {
  if (tcb.state === "closed") return;
  if (tcb.state === "syn-sent") arriveSynSent(tcb, segment, nowMs);
  else arriveSynchronized(tcb, segment, nowMs);
  // `arriveSynchronized` may have closed it.
  if ((tcb.state as TcpState) !== "closed") output(tcb, nowMs);
}

/** RFC 9293 §3.10.7.3. */
function arriveSynSent(tcb: Tcb, segment: Segment, nowMs: number): void {
  const { flags, acknowledgment } = segment;
  const acknowledges = (flags & ACK) !== 0;
  if (acknowledges && !between(tcb.initialSend, acknowledgment, tcb.max)) {
    if ((flags & RST) === 0) refuse(tcb, segment);
    return;
  }
  if ((flags & RST) !== 0) {
    if (acknowledges) fail(tcb, ECONNREFUSED);
    return;
  }
  if ((flags & SYN) === 0) return;
  adoptSyn(tcb, segment, nowMs);
  if (!acknowledges) {
    // Simultaneous open (§3.5, figure 7).
    enter(tcb, "syn", nowMs);
    sendSyn(tcb, nowMs);
    return;
  }
  establish(tcb, segment, nowMs);
  acknowledge(tcb, segment, nowMs);
  tcb.ackNow = true;
  acceptData(tcb, { sequence: tcb.receiveNext, payload: segment.payload }, nowMs);
  if ((flags & FIN) !== 0) {
    acceptFin(tcb, advance(segment.sequence, sequenceLength(segment) - 1), nowMs);
  }
}

/** Whether `low` < `sequence` <= `high`. */
function between(low: number, sequence: number, high: number): boolean {
  return before(low, sequence) && atOrBefore(sequence, high);
}

/** Takes the peer's initial number and options. */
export function adoptSyn(tcb: Tcb, { sequence, options, window }: Segment, nowMs: number): void {
  tcb.initialReceive = sequence;
  tcb.receiveNext = tcb.edge = tcb.acknowledged = advance(sequence, 1);
  if (options.mss !== undefined) tcb.peerMss = options.mss;
  tcb.sack &&= options.sackPermitted === true;
  tcb.timestamps &&= options.timestamp !== undefined;
  tcb.scaling &&= options.windowScale !== undefined;
  tcb.sendScale = tcb.scaling ? (options.windowScale ?? 0) : 0;
  tcb.receiveScale = tcb.scaling ? scaleFor(tcb.settings.receiveBytesMax) : 0;
  tcb.recentTime = options.timestamp?.value ?? 0;
  tcb.recentTimeMs = nowMs;
  // The window of a SYN is not scaled (RFC 7323 §2.2).
  tcb.sendWindow = tcb.sendWindowMax = window;
  tcb.windowSequence = sequence;
  tcb.windowAcknowledgment = tcb.una;
}

function establish(tcb: Tcb, segment: Segment, nowMs: number): void {
  enter(tcb, "established", nowMs);
  tcb.timers.retransmit = NEVER;
  tcb.timeouts = 0;
  tcb.congestion.resize(tcb.mss);
  tcb.congestion.idled();
  if (tcb.synLost) {
    tcb.congestion.cwnd = tcb.mss;
    tcb.rtt.afterSynLoss();
  }
  tcb.windowSequence = segment.sequence;
  heard(tcb, nowMs);
}

/** A reset for an acknowledgment that fits nothing. */
function refuse(tcb: Tcb, { sourcePort, destinationPort, acknowledgment }: Segment): void {
  tcb.out.push({
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    sequence: acknowledgment,
    acknowledgment: 0,
    flags: RST,
    window: 0,
    options: {},
    payload: new Uint8Array(0),
  });
}

/** RFC 9293 §3.10.7.4. */
function arriveSynchronized(tcb: Tcb, segment: Segment, nowMs: number): void {
  const { flags } = segment;
  if (!timely(tcb, segment, nowMs)) return;
  if (!acceptable(tcb, segment)) {
    refuseSequence(tcb, segment, nowMs);
    return;
  }
  if ((flags & RST) !== 0) {
    arriveReset(tcb, segment, nowMs);
    return;
  }
  if ((flags & SYN) !== 0) {
    // RFC 5961 §4: whoever means it answers the challenge with a reset.
    challenge(tcb, nowMs);
    return;
  }
  if ((flags & ACK) === 0) return;
  heard(tcb, nowMs);
  noteTimestamp(tcb, segment, nowMs);
  if (tcb.state === "syn-received") {
    if (!between(tcb.initialSend, segment.acknowledgment, tcb.max)) {
      refuse(tcb, segment);
      return;
    }
    establish(tcb, segment, nowMs);
    tcb.sendWindow = segment.window * 2 ** tcb.sendScale;
  }
  if (!acknowledgmentFits(tcb, segment, nowMs)) return;
  acknowledge(tcb, segment, nowMs);
  takeText(tcb, segment, nowMs);
}

/** The text and the FIN, when the connection is in a state to take them. */
function takeText(tcb: Tcb, segment: Segment, nowMs: number): void {
  const { flags, payload, sequence } = segment;
  if (!canReceive(tcb.state)) return;
  const end = advance(sequence, payload.length);
  if (tcb.orphan && payload.length > 0 && before(tcb.receiveNext, end)) {
    // RFC 9293 §3.6.1: nobody will read it, and the peer must know.
    abort(tcb, ECONNRESET, nowMs);
    return;
  }
  acceptData(tcb, { sequence, payload }, nowMs);
  // A FIN from beyond the window would end the stream too early for nobody's good.
  if ((flags & FIN) !== 0 && atOrBefore(end, tcb.edge)) acceptFin(tcb, end, nowMs);
}

/** PAWS (RFC 7323 §5.3 R1) and the rule that a timestamp is in every segment (§3.2). */
function timely(tcb: Tcb, segment: Segment, nowMs: number): boolean {
  if (!tcb.timestamps || (segment.flags & RST) !== 0) return true;
  const { timestamp } = segment.options;
  if (timestamp === undefined) return false;
  if (!before(timestamp.value, tcb.recentTime)) return true;
  if (nowMs - tcb.recentTimeMs > PAWS_IDLE_MS) return true;
  if (segment.payload.length > 0 || (segment.flags & (SYN | FIN)) !== 0) tcb.ackNow = true;
  else challenge(tcb, nowMs);
  return false;
}

/** RFC 7323 §4.3: the timestamp to echo is that of the segment that spans the last ACK. */
function noteTimestamp(tcb: Tcb, { sequence, options }: Segment, nowMs: number): void {
  if (options.timestamp === undefined || before(tcb.acknowledged, sequence)) return;
  tcb.recentTime = options.timestamp.value;
  tcb.recentTimeMs = nowMs;
}

/** RFC 9293 §3.10.7.4, first: whether some of the segment lies in the window. */
function acceptable(tcb: Tcb, segment: Segment): boolean {
  const { sequence } = segment;
  const length = sequenceLength(segment);
  // A FIN takes no memory: it may come when the window is closed.
  if (sequence === tcb.receiveNext && segment.payload.length === 0) return true;
  if (length === 0) return !before(sequence, tcb.receiveNext) && before(sequence, tcb.edge);
  // Also what begins before the window and ends beyond it: it will be cut.
  return before(sequence, tcb.edge) && before(tcb.receiveNext, advance(sequence, length));
}

/** A segment outside of the window: an acknowledgment says where the window is. */
function refuseSequence(tcb: Tcb, segment: Segment, nowMs: number): void {
  const { flags, payload, sequence } = segment;
  if ((flags & RST) !== 0) return;
  if (tcb.state === "time-wait" && (flags & FIN) !== 0) startTimeWait(tcb, nowMs);
  if (tcb.state === "syn-received" && (flags & SYN) !== 0 && sequence === tcb.initialReceive) {
    // Their SYN again, or the SYN and ACK of a simultaneous open.
    if ((flags & ACK) === 0) sendSyn(tcb, nowMs);
    else tcb.ackNow = true;
    return;
  }
  if (payload.length > 0 || (flags & (SYN | FIN)) !== 0) tcb.ackNow = true;
  else challenge(tcb, nowMs);
  // §3.10.7.4: with a closed window, acknowledgments are still valid.
  const valid = (flags & (SYN | ACK)) === ACK && sequence === tcb.receiveNext;
  if (!valid || tcb.state === "syn-received" || tcb.state === "time-wait") return;
  heard(tcb, nowMs);
  if (acknowledgmentFits(tcb, segment, nowMs)) acknowledge(tcb, segment, nowMs);
}

/** RFC 5961 §3.2: only a reset with exactly the next number is obeyed at once. */
function arriveReset(tcb: Tcb, { sequence }: Segment, nowMs: number): void {
  if (sequence !== tcb.receiveNext) {
    challenge(tcb, nowMs);
    return;
  }
  switch (tcb.state) {
    case "syn-received":
      fail(tcb, ECONNREFUSED);
      return;
    case "time-wait":
      // RFC 1337: TIME-WAIT is not ended by old duplicates.
      return;
    default:
      fail(tcb, ECONNRESET);
  }
}

/** RFC 5961 §5.2: neither too old nor of what was never sent. */
function acknowledgmentFits(tcb: Tcb, { acknowledgment }: Segment, nowMs: number): boolean {
  const old = distance(acknowledgment, tcb.una) > tcb.sendWindowMax;
  if (!old && !before(tcb.max, acknowledgment)) return true;
  challenge(tcb, nowMs);
  return false;
}

/**
 * A challenge ACK (RFC 5961 §7), so often at most: else two ends could answer each other for ever.
 */
function challenge(tcb: Tcb, nowMs: number): void {
  if (nowMs - tcb.challengedMs < CHALLENGE_MS_MIN) return;
  tcb.challengedMs = nowMs;
  tcb.ackNow = true;
}
