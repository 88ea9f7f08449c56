/**
 * SeaHash, the checksum of RedoxFS: 64 bits, not cryptographic. JavaScript has no fast 64-bit
 * integers, so every number here is a pair of 32-bit halves, multiplied in 16-bit parts. Source:
 * the description in the `seahash` crate, version 4.
 */

/** A 64-bit hash as two unsigned halves. */
export interface Hash64 {
  readonly low: number;
  readonly high: number;
}

/** The four lanes at the start, low half before high half. */
const SEED = new Int32Array([
  0x9b0d677c, 0x16f11fe8, 0xd8e6c86c, 0xb480a793, 0xf078ebc9, 0x6fe2e5aa, 0xc5259381, 0x14f994a4,
]);
/** The multiplier 0x6eed0e9da4d94a4f: halves, and the parts of the low half. */
const P_LOW = 0xa4d94a4f;
const P_HIGH = 0x6eed0e9d;
const P_LOW_0 = P_LOW & 0xffff;
const P_LOW_1 = P_LOW >>> 16;
const WORD_BYTES = 8;
const HIGH_HALF = 4;
const LANES = 4;

/** Hashes `bytes` from `start` to `end`. */
export function seaHash(bytes: Uint8Array, start = 0, end = bytes.length): Hash64 {
  const length = end - start;
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, length);
  const words = Math.floor(length / WORD_BYTES);
  const lanes = SEED.slice();
  // Each lane takes every fourth word, so they are independent of one another.
  for (let lane = 0; lane < LANES; lane++) mixWords(lanes, lane, view);
  if (words * WORD_BYTES < length) {
    let low = 0;
    let high = 0;
    for (let at = length - 1; at >= words * WORD_BYTES; at--) {
      high = (high << 8) | (low >>> 24);
      low = (low << 8) | view.getUint8(at);
    }
    mixWord(lanes, words % LANES, low, high);
  }
  let low = (length % 2 ** 32) | 0;
  let high = Math.floor(length / 2 ** 32) | 0;
  for (let half = 0; half < 2 * LANES; half += 2) {
    low ^= lanes[half] as number;
    high ^= lanes[half + 1] as number;
  }
  lanes[0] = 0;
  lanes[1] = 0;
  mixWord(lanes, 0, low, high);
  return { low: (lanes[0] as number) >>> 0, high: (lanes[1] as number) >>> 0 };
}

/** Mixes a lane's whole words into it. The hot loop: everything stays in local variables. */
function mixWords(lanes: Int32Array, lane: number, view: DataView): void {
  let low = lanes[2 * lane] as number;
  let high = lanes[2 * lane + 1] as number;
  const last = view.byteLength - WORD_BYTES;
  for (let at = lane * WORD_BYTES; at <= last; at += LANES * WORD_BYTES) {
    low ^= view.getInt32(at, true);
    high ^= view.getInt32(at + HIGH_HALF, true);
    high = timesHigh(low, high);
    low = Math.imul(low, P_LOW);
    low ^= high >>> (high >>> 28);
    high = timesHigh(low, high);
    low = Math.imul(low, P_LOW);
  }
  lanes[2 * lane] = low;
  lanes[2 * lane + 1] = high;
}

/** lane = diffuse(lane ^ word), where diffuse is x *= p; x ^= (x >> 32) >> (x >> 60); x *= p. */
function mixWord(lanes: Int32Array, lane: number, wordLow: number, wordHigh: number): void {
  let low = (lanes[2 * lane] as number) ^ wordLow;
  let high = timesHigh(low, (lanes[2 * lane + 1] as number) ^ wordHigh);
  low = Math.imul(low, P_LOW);
  low ^= high >>> (high >>> 28);
  high = timesHigh(low, high);
  lanes[2 * lane] = Math.imul(low, P_LOW);
  lanes[2 * lane + 1] = high;
}

/** The high half of (high, low) * p mod 2^64. */
function timesHigh(low: number, high: number): number {
  const low0 = low & 0xffff;
  const low1 = low >>> 16;
  const cross0 = Math.imul(low1, P_LOW_0);
  const cross1 = Math.imul(low0, P_LOW_1);
  const carry = (Math.imul(low0, P_LOW_0) >>> 16) + (cross0 & 0xffff) + (cross1 & 0xffff);
  const product = Math.imul(low1, P_LOW_1) + (cross0 >>> 16) + (cross1 >>> 16) + (carry >>> 16);
  return (product + Math.imul(high, P_LOW) + Math.imul(low, P_HIGH)) | 0;
}
