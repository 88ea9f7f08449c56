/** How connections end: by error, by reset, and by waiting until the network has forgotten them. */

import type { Errno } from "../../../ipc/errno.js";
import { sendReset } from "./output.js";
import { nextState, type TcpEvent } from "./state.js";
import type { Tcb } from "./tcb.js";

const NEVER = Number.POSITIVE_INFINITY;

/**
 * Ends a connection without telling the peer. What was received in order can't be read any more.
 */
export function fail(tcb: Tcb, error: Errno): void {
  tcb.error = error;
  tcb.state = nextState(tcb.state, "abort");
  tcb.silence();
  tcb.pieces.clear();
  tcb.readable = 0;
  tcb.receiveBuffer.release();
}

/** Ends a connection and tells the peer, if it knows of it (RFC 9293 §3.10.5). */
export function abort(tcb: Tcb, error: Errno, nowMs: number): void {
  const known = tcb.state !== "closed" && tcb.state !== "syn-sent" && tcb.state !== "time-wait";
  if (known) sendReset(tcb, nowMs);
  fail(tcb, error);
}

/** Takes a step of the state machine, and what goes with entering the new state. */
export function enter(tcb: Tcb, event: TcpEvent, nowMs: number): void {
  const before = tcb.state;
  tcb.state = nextState(before, event);
  if (tcb.state === before) return;
  if (tcb.state === "fin-wait-2" && tcb.orphan) {
    tcb.timers.linger = nowMs + tcb.settings.timeWaitMs;
  }
  if (tcb.state === "time-wait") {
    tcb.silence();
    startTimeWait(tcb, nowMs);
  }
  if (tcb.state === "closed") {
    tcb.silence();
    if (tcb.orphan) tcb.receiveBuffer.release();
  }
}

/** Begins 2 MSL, anew when the peer's FIN comes again. */
export function startTimeWait(tcb: Tcb, nowMs: number): void {
  tcb.timers.linger = nowMs + tcb.settings.timeWaitMs;
}

/** Something was heard from the peer: it is alive. */
export function heard(tcb: Tcb, nowMs: number): void {
  const { keepAliveMs } = tcb.settings;
  tcb.keepAlivesSent = 0;
  tcb.timers.keepAlive = keepAliveMs > 0 ? nowMs + keepAliveMs : NEVER;
}
