/**
 * Arithmetic of sequence numbers (RFC 9293 §3.4): unsigned 32 bits, compared on the circle, so that
 * `before` means "less than 2³¹ behind".
 */

export function advance(sequence: number, count: number): number {
  return (sequence + count) >>> 0;
}

/** How far `to` lies after `from`; negative when before. */
export function distance(from: number, to: number): number {
  return (to - from) | 0;
}

export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function atOrBefore(a: number, b: number): boolean {
  return ((a - b) | 0) <= 0;
}

export function later(a: number, b: number): number {
  return before(a, b) ? b : a;
}

export function earlier(a: number, b: number): number {
  return before(a, b) ? a : b;
}
