/**
 * Congestion control: how many bytes may be on the way. Two algorithms behind one interface,
 * NewReno (RFC 5681) and CUBIC (RFC 9438). Which data is lost is not decided here (recovery.ts).
 */

/** The window of a connection, in bytes. */
export interface Congestion {
  cwnd: number;
  ssthresh: number;
  /** New data was acknowledged outside of fast recovery while the window was the limit. */
  acked(bytes: number, at: { nowMs: number; rttMs: number }): void;
  /** A loss was found; sets `ssthresh` and `cwnd` (RFC 5681 §3.2, RFC 9438 §4.6). */
  lost(flight: number): void;
  /** The retransmission timer went off (RFC 5681 §3.1, RFC 9438 §4.8). */
  timedOut(flight: number): void;
  /** Nothing was sent for a while (RFC 5681 §4.1, RFC 9438 §4.2). */
  idled(): void;
  /** Another segment size, from path MTU discovery. */
  resize(mss: number): void;
}

/** The initial window (RFC 6928 §2). */
export function initialWindow(mss: number): number {
  return Math.min(10 * mss, Math.max(2 * mss, 14_600));
}

/** RFC 5681. */
export class NewReno implements Congestion {
  cwnd: number;
  ssthresh = Number.POSITIVE_INFINITY;
  protected mss: number;

  constructor(mss: number) {
    this.mss = mss;
    this.cwnd = initialWindow(mss);
  }

  acked(bytes: number, _at: { nowMs: number; rttMs: number }): void {
    if (this.cwnd < this.ssthresh) this.slowStart(bytes);
    else this.cwnd += Math.max(1, (this.mss * Math.min(bytes, this.cwnd)) / this.cwnd);
  }

  lost(flight: number): void {
    this.ssthresh = Math.max(flight / 2, 2 * this.mss);
    this.cwnd = this.ssthresh;
  }

  timedOut(flight: number): void {
    this.ssthresh = Math.max(flight / 2, 2 * this.mss);
    this.cwnd = this.mss;
  }

  idled(): void {
    this.cwnd = Math.min(this.cwnd, initialWindow(this.mss));
  }

  resize(mss: number): void {
    this.mss = mss;
  }

  /** RFC 5681 §3.1 with bytes counted (RFC 3465): at most two segments for one acknowledgment. */
  protected slowStart(bytes: number): void {
    this.cwnd += Math.min(bytes, 2 * this.mss);
  }
}

/** Constants of RFC 9438 §4.1 and §4.6: segments per second cubed, and the factor of a decrease. */
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;
/** §4.3: what makes the estimate as fast as Reno with this beta. */
const CUBIC_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA);

/** An epoch of congestion avoidance, in segments and seconds. */
interface Epoch {
  startMs: number;
  /** Seconds until the window is at `origin` again. */
  k: number;
  origin: number;
  /** What Reno would have. */
  estimate: number;
}

/** RFC 9438. */
export class Cubic extends NewReno {
  /** Window before the last decrease, in segments. */
  #windowMax = 0;
  #epoch: Epoch | undefined;

  override acked(bytes: number, { nowMs, rttMs }: { nowMs: number; rttMs: number }): void {
    if (this.cwnd < this.ssthresh) {
      this.slowStart(bytes);
      return;
    }
    const segments = this.cwnd / this.mss;
    this.#epoch ??= this.#begin(nowMs, segments);
    const epoch = this.#epoch;
    const alpha = epoch.estimate >= this.#windowMax ? 1 : CUBIC_ALPHA;
    epoch.estimate += (alpha * (bytes / this.mss)) / segments;
    const elapsed = (nowMs - epoch.startMs) / 1000;
    if (cubic(elapsed, epoch) < epoch.estimate) {
      this.cwnd = Math.max(this.cwnd, epoch.estimate * this.mss);
      return;
    }
    // §4.2: the target a round trip ahead, neither shrinking nor growing by more than half.
    const ahead = cubic(elapsed + rttMs / 1000, epoch);
    const target = Math.min(Math.max(ahead, segments), 1.5 * segments);
    this.cwnd += ((target - segments) / segments) * bytes;
  }

  override lost(flight: number): void {
    this.#decrease(flight);
    this.cwnd = this.ssthresh;
  }

  override timedOut(flight: number): void {
    this.#decrease(flight);
    this.cwnd = this.mss;
  }

  override idled(): void {
    super.idled();
    this.#epoch = undefined;
  }

  #decrease(flight: number): void {
    const segments = this.cwnd / this.mss;
    // §4.7, fast convergence: who was stopped earlier than last time makes room for others.
    const fast = segments < this.#windowMax;
    this.#windowMax = fast ? (segments * (1 + CUBIC_BETA)) / 2 : segments;
    this.ssthresh = Math.max(flight * CUBIC_BETA, 2 * this.mss);
    this.#epoch = undefined;
  }

  #begin(nowMs: number, segments: number): Epoch {
    const origin = Math.max(this.#windowMax, segments);
    const k = Math.cbrt((origin - segments) / CUBIC_C);
    return { startMs: nowMs, k, origin, estimate: segments };
  }
}

/** W_cubic(t) of §4.2, in segments. */
function cubic(elapsed: number, { k, origin }: Epoch): number {
  return CUBIC_C * (elapsed - k) ** 3 + origin;
}
