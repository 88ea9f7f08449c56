/**
 * What to send, and when (RFC 9293 §3.8): new data as the windows, Nagle and the avoidance of silly
 * windows allow, lost data as recovery asks, acknowledgments with what they carry.
 */

import type { TcpOptions } from "./options.js";
import { payloadMax, sackBlocks } from "./payload-size.js";
import { nextLost, type Piece, pipe } from "./recovery.js";
import { ACK, FIN, PSH, RST, SYN } from "./segment.js";
import { advance, atOrBefore, before, distance, earlier, later } from "./sequence.js";
import { HEADERS_BYTES } from "./settings.js";
import { canSend } from "./state.js";
import type { Tcb } from "./tcb.js";

const NEVER = Number.POSITIVE_INFINITY;
const WINDOW_MAX = 0xffff;
const NOTHING = new Uint8Array(0);

/** Sends all that may be sent now, and sets the timers for what may not. */
export function output(tcb: Tcb, nowMs: number): void {
  if (canSend(tcb.state)) sendData(tcb, nowMs);
  if (tcb.ackNow) sendAck(tcb, nowMs);
}

function sendData(tcb: Tcb, nowMs: number): void {
  if (tcb.probing) {
    if (tcb.sendWindow === 0) return;
    // The probe's byte was refused unless it was acknowledged: begin again with it.
    tcb.probing = false;
    tcb.timeouts = 0;
    tcb.timers.persist = NEVER;
    tcb.nxt = tcb.una;
  }
  if (!tcb.outstanding && nowMs - tcb.sentMs > tcb.rtt.rtoMs) tcb.congestion.idled();
  for (;;) {
    const next = nextLost(tcb) ?? nextInOrder(tcb);
    if (next === undefined) break;
    transmit(tcb, next, nowMs);
  }
  const stuck = !tcb.outstanding && tcb.buffered > 0;
  if (!stuck) tcb.timers.persist = NEVER;
  else if (tcb.timers.persist === NEVER) tcb.timers.persist = nowMs + tcb.rtt.rtoMs;
}

/** The next piece at `nxt`: new, or again after a time-out. */
function nextInOrder(tcb: Tcb): Piece | undefined {
  const again = before(tcb.nxt, tcb.max);
  // What has arrived is not sent again.
  const sequence = again ? tcb.scoreboard.gapFrom(tcb.nxt) : tcb.nxt;
  tcb.nxt = sequence;
  const end = earlier(tcb.dataEnd, tcb.scoreboard.startAfter(sequence) ?? tcb.dataEnd);
  const pending = Math.max(0, distance(sequence, end));
  const usable = distance(sequence, advance(tcb.una, tcb.sendWindow));
  const size = Math.max(0, Math.min(pending, usable, payloadMax(tcb)));
  const last = advance(sequence, size) === tcb.dataEnd;
  // A FIN may go into a closed window: the peer needs no memory for it.
  const fin = tcb.finQueued && last && atOrBefore(sequence, tcb.dataEnd);
  if (size === 0 && !fin) return undefined;
  const sent = pipe(tcb);
  // Limited transmit (RFC 3042): each of the first two duplicates lets one new segment out.
  const extra = tcb.recovery.tag === "none" && !tcb.sack ? Math.min(tcb.duplicates, 2) : 0;
  if (sent > 0 && sent + size > tcb.congestion.cwnd + extra * tcb.mss) return undefined;
  const full = size === payloadMax(tcb);
  // RFC 9293 §3.8.6.2.1, and §3.7.4 for Nagle: what is out is all acknowledged.
  const pushed = last && (tcb.settings.noDelay || fin || sequence === tcb.una);
  const large = size > 0 && size * 2 >= tcb.sendWindowMax;
  return full || pushed || large || again ? { sequence, size } : undefined;
}

/** Sends a piece of the stream and notes that it is on the way. */
export function transmit(tcb: Tcb, { sequence, size }: Piece, nowMs: number): void {
  const count = Math.max(0, Math.min(size, distance(sequence, tcb.dataEnd)));
  const payload = new Uint8Array(count);
  tcb.sendBuffer.peek(distance(tcb.bufferStart, sequence), payload);
  const last = advance(sequence, count) === tcb.dataEnd;
  const fin = last && tcb.finQueued;
  const flags = ACK | (last && count > 0 ? PSH : 0) | (fin ? FIN : 0);
  const end = advance(sequence, count + (fin ? 1 : 0));
  const fresh = !before(sequence, tcb.max);
  emit(tcb, { sequence, flags, payload }, nowMs);
  noteSent(tcb, { end, fresh }, nowMs);
  if (atOrBefore(sequence, tcb.nxt)) tcb.nxt = later(tcb.nxt, end);
}

function noteSent(tcb: Tcb, { end, fresh }: { end: number; fresh: boolean }, nowMs: number): void {
  tcb.max = later(tcb.max, end);
  tcb.sentMs = nowMs;
  tcb.unansweredMs ??= nowMs;
  // Karn: what was sent twice measures nothing (RFC 6298 §3).
  if (!fresh) tcb.timed = undefined;
  else tcb.timed ??= { end, atMs: nowMs };
  if (tcb.probing) return;
  if (tcb.timers.retransmit === NEVER) tcb.timers.retransmit = nowMs + tcb.rtt.rtoMs;
}

/** Sends our SYN, the first time or again; with ACK when the peer's is here. */
export function sendSyn(tcb: Tcb, nowMs: number): void {
  const acknowledges = tcb.state === "syn-received";
  const options = {
    mss: tcb.pathMss,
    ...(tcb.scaling ? { windowScale: scaleFor(tcb.settings.receiveBytesMax) } : {}),
    ...(tcb.sack ? { sackPermitted: true } : {}),
  };
  const fresh = tcb.max === tcb.una;
  const flags = SYN | (acknowledges ? ACK : 0);
  emit(tcb, { sequence: tcb.initialSend, flags, payload: NOTHING, options }, nowMs);
  tcb.nxt = advance(tcb.initialSend, 1);
  noteSent(tcb, { end: tcb.nxt, fresh }, nowMs);
}

/** The shift with which a window can name all of a buffer (RFC 7323 §2.3). */
export function scaleFor(bufferBytes: number): number {
  let shift = 0;
  while (WINDOW_MAX * 2 ** shift < bufferBytes) shift += 1;
  return shift;
}

/** Sends an acknowledgment without data. */
export function sendAck(tcb: Tcb, nowMs: number): void {
  emit(tcb, { sequence: acceptable(tcb), flags: ACK, payload: NOTHING }, nowMs);
}

/** Sends a keep-alive probe: a number that the peer has acknowledged makes it answer. */
export function sendKeepAlive(tcb: Tcb, nowMs: number): void {
  emit(tcb, { sequence: advance(tcb.una, -1), flags: ACK, payload: NOTHING }, nowMs);
}

/** Sends a reset that the peer will believe. */
export function sendReset(tcb: Tcb, nowMs: number): void {
  emit(tcb, { sequence: acceptable(tcb), flags: RST | ACK, payload: NOTHING }, nowMs);
}

/**
 * The number of a segment without data: the highest that the peer accepts. It is what comes next,
 * except where its window was closed on what we had sent.
 */
function acceptable(tcb: Tcb): number {
  if (tcb.probing) return tcb.una;
  const edge = advance(tcb.una, tcb.sendWindow);
  return distance(edge, tcb.max) < 2 ** tcb.sendScale ? tcb.max : edge;
}

interface Draft {
  sequence: number;
  flags: number;
  payload: Uint8Array;
  options?: TcpOptions;
}

function emit(tcb: Tcb, { sequence, flags, payload, options }: Draft, nowMs: number): void {
  const acknowledges = (flags & ACK) !== 0;
  const sack =
    acknowledges && (flags & (SYN | RST)) === 0 ? tcb.pieces.newest(sackBlocks(tcb)) : [];
  const timestamp = {
    value: tcb.timestamp(nowMs),
    echo: acknowledges ? tcb.recentTime : 0,
  };
  tcb.out.push({
    sourcePort: tcb.ends.local.port,
    destinationPort: tcb.ends.remote.port,
    sequence,
    acknowledgment: acknowledges ? tcb.receiveNext : 0,
    flags,
    window: (flags & RST) !== 0 ? 0 : windowField(tcb, (flags & SYN) !== 0),
    options: {
      ...options,
      ...(tcb.timestamps ? { timestamp } : {}),
      ...(sack.length > 0 ? { sack } : {}),
    },
    payload,
  });
  if (!acknowledges) return;
  tcb.acknowledged = tcb.receiveNext;
  tcb.ackNow = false;
  tcb.unacknowledged = 0;
  tcb.timers.delayedAck = NEVER;
}

/** The window that we offer, as it goes on the wire; moves the edge. */
function windowField(tcb: Tcb, syn: boolean): number {
  const shift = syn ? 0 : tcb.receiveScale;
  // Rounded down: the edge that the peer sees may step back by less than a unit (RFC 7323 §2.4),
  // and what it was promised before is still accepted.
  const field = Math.min(WINDOW_MAX, Math.floor(windowWanted(tcb) / 2 ** shift));
  tcb.edge = later(tcb.edge, advance(tcb.receiveNext, field * 2 ** shift));
  return field;
}

/** The window that the buffer has room for, and that the field can say. */
function freeBytes(tcb: Tcb): number {
  return Math.min(tcb.settings.receiveBytesMax - tcb.readable, WINDOW_MAX * 2 ** tcb.receiveScale);
}

/**
 * The window to offer: it grows in steps of a segment or half of the buffer (RFC 9293 §3.8.6.2.2).
 */
function windowWanted(tcb: Tcb): number {
  const promised = Math.max(0, distance(tcb.receiveNext, tcb.edge));
  const free = freeBytes(tcb);
  const step = Math.min(tcb.settings.receiveBytesMax / 2, tcb.pathMss);
  return free - promised >= step ? free : promised;
}

/** Whether reading has opened the window so far that the peer should know at once. */
export function windowOpened(tcb: Tcb): boolean {
  const promised = Math.max(0, distance(tcb.receiveNext, tcb.edge));
  const gain = freeBytes(tcb) - promised;
  return gain >= Math.min(tcb.settings.receiveBytesMax / 2, 2 * tcb.pathMss);
}

/** The most that a segment can be on a path of this MTU, for RFC 1191. */
export function resizePath(tcb: Tcb, mtu: number, nowMs: number): void {
  tcb.pathMss = mtu - HEADERS_BYTES;
  tcb.congestion.resize(tcb.mss);
  if (!tcb.outstanding || !canSend(tcb.state)) return;
  // What was too long never arrived: send it again, without taking it for congestion.
  tcb.nxt = tcb.una;
  tcb.recovery = { tag: "loss", point: tcb.max };
  tcb.timed = undefined;
  output(tcb, nowMs);
}
