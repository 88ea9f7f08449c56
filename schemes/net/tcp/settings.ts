/**
 * What can be set on a TCP connection, with the defaults and where they come from. Milliseconds.
 */

import { TCP_BUFFER_BYTES_MAX } from "../limits.js";

/** See the head of the file. */
export interface TcpSettings {
  /** Bytes that may wait for acknowledgment, and to be read. */
  sendBytesMax: number;
  receiveBytesMax: number;
  /** Options that are offered and accepted (RFC 7323, RFC 2018). */
  windowScaling: boolean;
  timestamps: boolean;
  sack: boolean;
  congestion: "cubic" | "newreno";
  /** Off: small segments wait for acknowledgments (Nagle, RFC 9293 §3.7.4). */
  noDelay: boolean;
  /** Least retransmission time-out. RFC 6298 §2.4 says 1 s; 200 ms is what Linux has. */
  rtoMsMin: number;
  rtoMsMax: number;
  /** RFC 9293 §3.8.6.3: below 500. */
  delayedAckMs: number;
  /** 2 MSL, with an MSL of 30 s. */
  timeWaitMs: number;
  /** Without an answer for so long, a connection ends (R2 of RFC 9293 §3.8.3: at least 100 s). */
  userTimeoutMs: number;
  /** The same for the handshake (at least 3 minutes). */
  synTimeoutMs: number;
  /** Zero: no keep-alive (RFC 9293 §3.8.4: off by default, at least two hours when on). */
  keepAliveMs: number;
  keepAliveIntervalMs: number;
  keepAliveProbes: number;
}

export const TCP_DEFAULTS: Readonly<TcpSettings> = {
  sendBytesMax: TCP_BUFFER_BYTES_MAX,
  receiveBytesMax: TCP_BUFFER_BYTES_MAX,
  windowScaling: true,
  timestamps: true,
  sack: true,
  congestion: "cubic",
  noDelay: false,
  rtoMsMin: 200,
  rtoMsMax: 60_000,
  delayedAckMs: 40,
  timeWaitMs: 60_000,
  userTimeoutMs: 120_000,
  synTimeoutMs: 180_000,
  keepAliveMs: 0,
  keepAliveIntervalMs: 75_000,
  keepAliveProbes: 9,
};

/** RFC 9293 §3.7.1: what a peer takes that does not say. */
export const MSS_DEFAULT = 536;
/** Less is not believed: it would make us send headers only (as Linux's tcp_min_snd_mss). */
export const MSS_MIN = 48;
/** IPv4 and TCP headers without options. */
export const HEADERS_BYTES = 40;
