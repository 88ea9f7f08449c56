/** What happens when nothing happens: the timers of a connection (RFC 9293 §3.8). */

import { ETIMEDOUT } from "../../../ipc/errno.js";
import { abort, enter, fail } from "./ending.js";
import { output, sendAck, sendKeepAlive, sendSyn, transmit } from "./output.js";
import { payloadMax } from "./payload-size.js";
import { distance } from "./sequence.js";
import type { Tcb } from "./tcb.js";

const NEVER = Number.POSITIVE_INFINITY;
const PERSIST_MS_MAX = 60_000;

/** Does what is due at `nowMs`. */
export function tick(tcb: Tcb, nowMs: number): void {
  const { timers } = tcb;
  if (timers.linger <= nowMs) endLinger(tcb, nowMs);
  if (timers.delayedAck <= nowMs) sendAck(tcb, nowMs);
  if (timers.retransmit <= nowMs) timeOut(tcb, nowMs);
  if (timers.persist <= nowMs) probe(tcb, nowMs);
  if (timers.keepAlive <= nowMs) keepAlive(tcb, nowMs);
  if (tcb.state !== "closed") output(tcb, nowMs);
}

function endLinger(tcb: Tcb, nowMs: number): void {
  tcb.timers.linger = NEVER;
  if (tcb.state === "time-wait") enter(tcb, "timeout", nowMs);
  // The peer of a connection that is closed here does not close its side.
  else fail(tcb, tcb.softError ?? ETIMEDOUT);
}

/** Whether the peer has been silent for too long; then the connection is over. */
function gaveUp(tcb: Tcb, limitMs: number, nowMs: number): boolean {
  if (nowMs - (tcb.unansweredMs ?? nowMs) < limitMs) return false;
  abort(tcb, tcb.softError ?? ETIMEDOUT, nowMs);
  return true;
}

/** The retransmission time-out (RFC 6298 §5.4 to §5.7, RFC 5681 §3.1). */
function timeOut(tcb: Tcb, nowMs: number): void {
  const { settings, timers, congestion } = tcb;
  timers.retransmit = NEVER;
  const handshake = tcb.state === "syn-sent" || tcb.state === "syn-received";
  if (gaveUp(tcb, handshake ? settings.synTimeoutMs : settings.userTimeoutMs, nowMs)) return;
  tcb.rtt.backOff();
  tcb.timed = undefined;
  if (handshake) {
    tcb.synLost = true;
    sendSyn(tcb, nowMs);
    return;
  }
  // RFC 2018 §8: what the peer said to have, it may have dropped.
  tcb.scoreboard.clear();
  tcb.duplicates = 0;
  // The threshold is halved once for one loss, however often its repetition is lost.
  if (tcb.timeouts === 0) congestion.timedOut(distance(tcb.una, tcb.max));
  congestion.cwnd = tcb.mss;
  tcb.timeouts += 1;
  tcb.recovery = { tag: "loss", point: tcb.max };
  tcb.nxt = tcb.una;
  if (tcb.sendWindow === 0) {
    probe(tcb, nowMs);
    return;
  }
  output(tcb, nowMs);
}

/**
 * Probes a window that is closed, or too small for a segment (RFC 9293 §3.8.6.1): sends what fits,
 * at least one byte, less and less often, for as long as the peer answers.
 */
function probe(tcb: Tcb, nowMs: number): void {
  tcb.timers.persist = NEVER;
  if (gaveUp(tcb, tcb.settings.userTimeoutMs, nowMs)) return;
  const { userTimeoutMs } = tcb.settings;
  if (tcb.orphan && nowMs - tcb.orphanedMs > userTimeoutMs) {
    abort(tcb, ETIMEDOUT, nowMs);
    return;
  }
  tcb.probing = tcb.sendWindow === 0 && (tcb.buffered > 0 || tcb.outstanding);
  if (tcb.buffered === 0 && !tcb.outstanding) return;
  tcb.nxt = tcb.una;
  const size = Math.min(Math.max(1, tcb.sendWindow), payloadMax(tcb));
  transmit(tcb, { sequence: tcb.una, size }, nowMs);
  if (!tcb.probing) return;
  tcb.timers.retransmit = NEVER;
  tcb.timers.persist = nowMs + Math.min(tcb.rtt.rtoMs * 2 ** tcb.timeouts, PERSIST_MS_MAX);
  tcb.timeouts = Math.min(tcb.timeouts + 1, 16);
}

/** RFC 9293 §3.8.4. */
function keepAlive(tcb: Tcb, nowMs: number): void {
  const { keepAliveIntervalMs, keepAliveProbes } = tcb.settings;
  tcb.timers.keepAlive = nowMs + keepAliveIntervalMs;
  // What is on the way keeps its own watch.
  if (tcb.outstanding) return;
  if (tcb.keepAlivesSent >= keepAliveProbes) {
    abort(tcb, tcb.softError ?? ETIMEDOUT, nowMs);
    return;
  }
  tcb.keepAlivesSent += 1;
  sendKeepAlive(tcb, nowMs);
}
