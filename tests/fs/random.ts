/** Seeded random numbers, and bytes in the same three kinds as the interop oracle makes them. */

/** xorshift32: numbers from 0 to 2^32 - 1, always the same for a seed. */
export function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

export type ContentKind = 0 | 1 | 2;

/** Kind 0: zeros. 1: a pattern that compresses. 2: xorshift32, which does not. */
export function content(kind: ContentKind, seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const next = randomFrom(seed);
  if (kind === 1) for (let i = 0; i < length; i++) bytes[i] = Math.floor(i / 7) + seed;
  if (kind === 2) for (let i = 0; i < length; i++) bytes[i] = next();
  return bytes;
}
