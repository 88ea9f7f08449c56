/**
 * The transmission control block (RFC 9293 §3.3.1): all that is known of one connection. It is
 * plain data; arrive.ts, output.ts, recovery.ts and timers.ts change it, and what they want sent
 * stands in `out` for the caller to take. Variables have the names of the RFC without their prefix
 * where it is clear: `una` is SND.UNA, `receiveNext` RCV.NXT.
 */

import type { Errno } from "../../../ipc/errno.js";
import { RANGES_MAX } from "../limits.js";
import { type Memory, WindowBuffer } from "../window-buffer.js";
import { type Congestion, Cubic, NewReno } from "./congestion.js";
import type { Ends } from "./initial-sequence.js";
import { TIMESTAMP_BYTES } from "./options.js";
import { RangeSet } from "./range-set.js";
import { RttEstimator } from "./rtt.js";
import type { Segment } from "./segment.js";
import { advance, before } from "./sequence.js";
import { HEADERS_BYTES, MSS_DEFAULT, MSS_MIN, type TcpSettings } from "./settings.js";
import type { TcpState } from "./state.js";

/**
 * How lost data is found.
 *
 *     none ─three duplicates→ fast ─all until `point` acknowledged→ none
 *     any  ─time-out→ loss ─the same→ none
 */
export type Recovery =
  | { tag: "none" }
  /** Fast recovery: `highest` is the end of what was sent again, `rescued` as in RFC 6675 §4. */
  | { tag: "fast"; point: number; highest: number; rescued: number | undefined }
  | { tag: "loss"; point: number };

/** Moments at which something is to happen; Infinity when nothing is. */
export interface Timers {
  retransmit: number;
  persist: number;
  delayedAck: number;
  keepAlive: number;
  /**
   * The end of TIME-WAIT, or of waiting in FIN-WAIT-2 for a peer whose connection is closed here.
   */
  linger: number;
}

const NEVER = Number.POSITIVE_INFINITY;

/** See the head of the file. */
export class Tcb {
  readonly settings: TcpSettings;
  readonly ends: Ends;
  readonly out: Segment[] = [];
  state: TcpState = "closed";
  /** Why the connection ended, when it did not end well. */
  error: Errno | undefined;
  /** What the network said that may pass; told when the connection times out. */
  softError: Errno | undefined;
  /** The user has closed it: nobody reads what still comes. */
  orphan = false;
  /** The user reads no more. */
  readShut = false;

  // What we send.
  readonly initialSend: number;
  una: number;
  nxt: number;
  /** One past the highest that was ever sent; beyond `nxt` after a time-out. */
  max: number;
  /** Sequence number of the buffer's first byte. */
  bufferStart: number;
  buffered = 0;
  readonly sendBuffer: WindowBuffer;
  /** A FIN follows the buffer's last byte. */
  finQueued = false;
  sendWindow = 0;
  sendWindowMax = 0;
  /** SND.WL1, SND.WL2: the segment that the window is from. */
  windowSequence = 0;
  windowAcknowledgment = 0;
  sendScale = 0;
  /** What the peer takes, and what the path takes, both without IP and TCP headers. */
  peerMss = MSS_DEFAULT;
  pathMss: number;

  // What we receive.
  initialReceive = 0;
  receiveNext = 0;
  readable = 0;
  readonly receiveBuffer: WindowBuffer;
  readonly pieces = new RangeSet(RANGES_MAX);
  /** Where the peer's stream ends, once its FIN was seen. */
  finAt: number | undefined;
  receiveScale = 0;
  /** The right edge of the window that the peer was told; it never moves back. */
  edge = 0;
  /** Last.ACK.sent of RFC 7323. */
  acknowledged = 0;
  ackNow = false;
  /** The longest segment that came, as a guess of what the peer takes for a full one. */
  receiveMss = MSS_DEFAULT;
  /** Bytes that came since the last acknowledgment was sent. */
  unacknowledged = 0;
  challengedMs = Number.NEGATIVE_INFINITY;

  // Options that both want.
  sack: boolean;
  timestamps: boolean;
  scaling: boolean;
  readonly timeOffset: number;
  /** TS.Recent and when it was taken. */
  recentTime = 0;
  recentTimeMs = 0;

  // Loss and congestion.
  readonly congestion: Congestion;
  readonly rtt: RttEstimator;
  recovery: Recovery = { tag: "none" };
  readonly scoreboard = new RangeSet(RANGES_MAX);
  duplicates = 0;
  /** A segment whose round trip is being measured, when there are no timestamps. */
  timed: { end: number; atMs: number } | undefined;
  /** Time-outs in a row. */
  timeouts = 0;
  synLost = false;
  /** A zero window is being probed. */
  probing = false;
  /** Since when nothing has been heard about what is on the way. */
  unansweredMs: number | undefined;
  sentMs = 0;
  orphanedMs = 0;
  keepAlivesSent = 0;
  readonly timers: Timers = {
    retransmit: NEVER,
    persist: NEVER,
    delayedAck: NEVER,
    keepAlive: NEVER,
    linger: NEVER,
  };

  constructor(parts: {
    settings: TcpSettings;
    ends: Ends;
    memory: Memory;
    initial: { sequence: number; timeOffset: number };
    /** Largest packet of the path, in bytes. */
    mtu: number;
  }) {
    const { settings, memory, initial } = parts;
    this.settings = settings;
    this.ends = parts.ends;
    this.initialSend = initial.sequence;
    this.timeOffset = initial.timeOffset;
    this.una = this.nxt = this.max = initial.sequence;
    this.bufferStart = advance(initial.sequence, 1);
    this.pathMss = parts.mtu - HEADERS_BYTES;
    this.sack = settings.sack;
    this.timestamps = settings.timestamps;
    this.scaling = settings.windowScaling;
    this.sendBuffer = new WindowBuffer(settings.sendBytesMax, memory);
    this.receiveBuffer = new WindowBuffer(settings.receiveBytesMax, memory);
    this.rtt = new RttEstimator({ minMs: settings.rtoMsMin, maxMs: settings.rtoMsMax });
    const mss = this.pathMss;
    this.congestion = settings.congestion === "cubic" ? new Cubic(mss) : new NewReno(mss);
  }

  /** Payload of a full segment in bytes: the SMSS of RFC 5681, less the timestamps. */
  get mss(): number {
    const mss = Math.max(MSS_MIN, Math.min(this.peerMss, this.pathMss));
    return this.timestamps ? mss - TIMESTAMP_BYTES : mss;
  }

  /** One past the last byte of data; a FIN has this number. */
  get dataEnd(): number {
    return advance(this.bufferStart, this.buffered);
  }

  /** Whether something was sent that is not acknowledged. */
  get outstanding(): boolean {
    return this.max !== this.una;
  }

  get finSent(): boolean {
    return this.finQueued && before(this.dataEnd, this.max);
  }

  /** The value of our timestamp clock, which ticks in milliseconds. */
  timestamp(nowMs: number): number {
    return advance(this.timeOffset, Math.floor(nowMs) % 2 ** 32);
  }

  /** The next moment at which `tick` has something to do. */
  get deadlineMs(): number {
    const { retransmit, persist, delayedAck, keepAlive, linger } = this.timers;
    return Math.min(retransmit, persist, delayedAck, keepAlive, linger);
  }

  /** Stops all timers and gives all memory of the sending side back; what was read stays. */
  silence(): void {
    const { timers } = this;
    timers.retransmit = timers.persist = timers.delayedAck = NEVER;
    timers.keepAlive = timers.linger = NEVER;
    this.unansweredMs = undefined;
    this.buffered = 0;
    this.bufferStart = this.max;
    this.finQueued = false;
    this.sendBuffer.release();
    this.scoreboard.clear();
    this.recovery = { tag: "none" };
    this.probing = false;
  }
}
