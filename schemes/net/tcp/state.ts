/**
 * The states of a connection and how events lead from one to the next (RFC 9293 §3.3.2, figure 5),
 * as one pure function. LISTEN is not among them: a listener is a thing of its own.
 *
 *     closed ─open→ syn-sent ─syn→ syn-received ─established→ established
 *     established ─close→ fin-wait-1 ─fin-acked→ fin-wait-2 ─fin→ time-wait ─timeout→ closed
 *                             └─fin→ closing ─fin-acked→ time-wait
 *     established ─fin→ close-wait ─close→ last-ack ─fin-acked→ closed
 */

export type TcpState =
  | "closed"
  | "syn-sent"
  | "syn-received"
  | "established"
  | "fin-wait-1"
  | "fin-wait-2"
  | "close-wait"
  | "closing"
  | "last-ack"
  | "time-wait";

export type TcpEvent =
  | "open" //        the user opens
  | "syn" //         a SYN came, ours is not acknowledged
  | "established" // our SYN is acknowledged and theirs is here
  | "close" //       the user has nothing more to send
  | "fin" //         the peer has nothing more to send, and all of it is here
  | "fin-acked" //   our FIN is acknowledged
  | "timeout" //     2 MSL are over
  | "abort"; //      a reset either way, or nobody answers

const STEPS: Record<TcpState, Partial<Record<TcpEvent, TcpState>>> = {
  closed: { open: "syn-sent", syn: "syn-received" },
  "syn-sent": { syn: "syn-received", established: "established" },
  "syn-received": { established: "established" },
  established: { close: "fin-wait-1", fin: "close-wait" },
  "fin-wait-1": { "fin-acked": "fin-wait-2", fin: "closing" },
  "fin-wait-2": { fin: "time-wait" },
  "close-wait": { close: "last-ack" },
  closing: { "fin-acked": "time-wait" },
  "last-ack": { "fin-acked": "closed" },
  "time-wait": { timeout: "closed" },
};

/** The state after an event; events that mean nothing in a state leave it. */
export function nextState(state: TcpState, event: TcpEvent): TcpState {
  if (event === "abort") return "closed";
  return STEPS[state][event] ?? state;
}

/** Whether data may be sent, or sent again: the handshake is over and not all is acknowledged. */
export function canSend(state: TcpState): boolean {
  return (
    state === "established" ||
    state === "close-wait" ||
    state === "fin-wait-1" ||
    state === "closing" ||
    state === "last-ack"
  );
}

/** Whether the peer may still send data. */
export function canReceive(state: TcpState): boolean {
  return state === "established" || state === "fin-wait-1" || state === "fin-wait-2";
}
