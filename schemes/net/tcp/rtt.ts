/**
 * The retransmission time-out (RFC 6298): smoothed round-trip time and its variation, doubled with
 * each time-out. All in milliseconds.
 */

/** RFC 6298 §2.1: before there is a measurement. */
const RTO_MS_FIRST = 1000;
/** RFC 6298 §5.7: after a SYN had to be sent again. */
const RTO_MS_AFTER_SYN_LOSS = 3000;
/** The clock's granularity, G. */
const GRANULARITY_MS = 1;

/** See the head of the file. */
export class RttEstimator {
  readonly #minMs: number;
  readonly #maxMs: number;
  #smoothedMs: number | undefined;
  #variationMs = 0;
  #rtoMs = RTO_MS_FIRST;

  constructor(limits: { minMs: number; maxMs: number }) {
    this.#minMs = limits.minMs;
    this.#maxMs = limits.maxMs;
  }

  /** How long to wait for an acknowledgment. */
  get rtoMs(): number {
    return this.#rtoMs;
  }

  /** The smoothed round-trip time, once something was measured. */
  get smoothedMs(): number | undefined {
    return this.#smoothedMs;
  }

  /**
   * Takes a measurement (§2.2, §2.3). With timestamps there are several in a round trip, and each
   * weighs less: `perRoundTrip` is how many (RFC 7323 appendix G).
   */
  measure(rttMs: number, perRoundTrip = 1): void {
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = rttMs;
      this.#variationMs = rttMs / 2;
    } else {
      const alpha = 1 / 8 / perRoundTrip;
      const beta = 1 / 4 / perRoundTrip;
      const off = Math.abs(this.#smoothedMs - rttMs);
      this.#variationMs = (1 - beta) * this.#variationMs + beta * off;
      this.#smoothedMs = (1 - alpha) * this.#smoothedMs + alpha * rttMs;
    }
    const rto = this.#smoothedMs + Math.max(GRANULARITY_MS, 4 * this.#variationMs);
    this.#rtoMs = Math.min(Math.max(rto, this.#minMs), this.#maxMs);
  }

  /** A time-out: twice as patient (§5.5). */
  backOff(): void {
    this.#rtoMs = Math.min(this.#rtoMs * 2, this.#maxMs);
  }

  /** The handshake needed retransmissions: begin carefully, unless it was measured (§5.7). */
  afterSynLoss(): void {
    this.#rtoMs = Math.max(this.#smoothedMs === undefined ? 0 : this.#rtoMs, RTO_MS_AFTER_SYN_LOSS);
  }
}
