/**
 * LZ4 blocks: the raw block format, without frames. A block is a row of sequences: a token, literal
 * bytes, and a match of at least four bytes that was seen up to 64 KiB before. Source: the LZ4
 * block format description, 2022-07-31.
 */

const MATCH_MIN = 4;
/** A match ends at least five bytes before the end, and starts at least twelve before it. */
const TAIL_LITERALS = 5;
const TAIL_MATCH_START = 12;
const DISTANCE_MAX = 65535;
const LENGTH_NIBBLE_MAX = 15;
const HASH_BITS = 13;
/** After 2^SKIP_SHIFT failed attempts in a row the search goes in steps of two, then three … */
const SKIP_SHIFT = 6;
/** Up to here a loop copies faster than a call. */
const COPY_INLINE_MAX = 24;

/**
 * Compresses `source` into `target`.
 * @returns how many bytes of `target` it takes, or 0 when they are not enough
 */
export function lz4Compress(source: Uint8Array, target: Uint8Array): number {
  const view = new DataView(source.buffer, source.byteOffset, source.length);
  /** Where four bytes with this hash were seen last, plus one. */
  const seen = new Int32Array(1 << HASH_BITS);
  const matchStartMax = source.length - TAIL_MATCH_START;
  const matchEndMax = source.length - TAIL_LITERALS;
  let written = 0;
  let anchor = 0;
  let at = 0;
  let misses = 0;
  while (at <= matchStartMax) {
    const word = view.getInt32(at, true);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
    const candidate = (seen[slot] as number) - 1;
    seen[slot] = at + 1;
    const near = candidate >= 0 && at - candidate <= DISTANCE_MAX;
    if (!near || view.getInt32(candidate, true) !== word) {
      at += 1 + (misses >> SKIP_SHIFT);
      misses += 1;
      continue;
    }
    misses = 0;
    let length = MATCH_MIN;
    while (at + length < matchEndMax && source[at + length] === source[candidate + length]) {
      length += 1;
    }
    const match = { distance: at - candidate, length };
    written = writeSequence(source.subarray(anchor, at), match, { target, at: written });
    if (written === 0) return 0;
    at += length;
    anchor = at;
  }
  return writeSequence(source.subarray(anchor), undefined, { target, at: written });
}

/** Writes one sequence, the last one without a match; returns where it ends, 0 if it can't fit. */
function writeSequence(
  literals: Uint8Array,
  match: { distance: number; length: number } | undefined,
  output: { target: Uint8Array; at: number },
): number {
  const { target } = output;
  const extra = match === undefined ? 0 : match.length - MATCH_MIN;
  const room = literals.length + Math.floor(literals.length / 255) + Math.floor(extra / 255) + 5;
  if (output.at + room > target.length) return 0;
  const literalNibble = Math.min(literals.length, LENGTH_NIBBLE_MAX);
  const matchNibble = Math.min(extra, LENGTH_NIBBLE_MAX);
  target[output.at] = (literalNibble << 4) | matchNibble;
  let at = writeLength(target, output.at + 1, literals.length);
  target.set(literals, at);
  at += literals.length;
  if (match === undefined) return at;
  target[at] = match.distance & 0xff;
  target[at + 1] = match.distance >>> 8;
  return writeLength(target, at + 2, extra);
}

/** Writes what of a length is beyond its nibble; returns the position behind it. */
function writeLength(target: Uint8Array, start: number, length: number): number {
  if (length < LENGTH_NIBBLE_MAX) return start;
  let rest = length - LENGTH_NIBBLE_MAX;
  let at = start;
  for (; rest >= 255; rest -= 255) target[at++] = 255;
  target[at] = rest;
  return at + 1;
}

/** Decompresses `source`; true if it is well-formed and fills `target` exactly. Never throws. */
export function lz4Decompress(source: Uint8Array, target: Uint8Array): boolean {
  let from = 0;
  let to = 0;
  while (from < source.length) {
    const token = source[from++] as number;
    let literals = token >>> 4;
    if (literals === LENGTH_NIBBLE_MAX) {
      let byte = 255;
      while (byte === 255) {
        if (from >= source.length) return false;
        byte = source[from++] as number;
        literals += byte;
      }
    }
    if (from + literals > source.length || to + literals > target.length) return false;
    if (literals <= COPY_INLINE_MAX) {
      for (let i = 0; i < literals; i++) target[to + i] = source[from + i] as number;
    } else target.set(source.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === source.length) return to === target.length;
    if (from + 2 > source.length) return false;
    const distance = (source[from] as number) | ((source[from + 1] as number) << 8);
    from += 2;
    let length = (token & LENGTH_NIBBLE_MAX) + MATCH_MIN;
    if (length === LENGTH_NIBBLE_MAX + MATCH_MIN) {
      let byte = 255;
      while (byte === 255) {
        if (from >= source.length) return false;
        byte = source[from++] as number;
        length += byte;
      }
    }
    if (distance === 0 || distance > to || to + length > target.length) return false;
    copyMatch(target, to, distance, length);
    to += length;
  }
  return false;
}

/** Copies from what was written before; the ranges overlap when the match repeats itself. */
function copyMatch(target: Uint8Array, to: number, distance: number, length: number): void {
  if (distance >= length && length > COPY_INLINE_MAX) {
    target.copyWithin(to, to - distance, to - distance + length);
    return;
  }
  for (let at = to; at < to + length; at++) target[at] = target[at - distance] as number;
}
