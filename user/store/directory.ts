/**
 * The directory of a store: which key lies where. Keys are spread over buckets; a commit writes the
 * buckets that it changes and a new root that lists them all.
 *
 * Root payload:    256 × u32, the unit of each bucket's record (0: empty).
 * Bucket payload:  for each key: u16 length, that many bytes of UTF-8, u32 unit of the value.
 */

/** Buckets of a directory. */
export const BUCKETS = 256;
/** Longest key in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The bucket of a key (FNV-1a). */
export function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of encoder.encode(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % BUCKETS;
}

/** A root's payload. */
export function encodeRoot(buckets: readonly number[]): Uint8Array {
  const payload = new Uint8Array(4 * BUCKETS);
  const view = new DataView(payload.buffer);
  buckets.forEach((unit, at) => {
    view.setUint32(4 * at, unit, true);
  });
  return payload;
}

/** The buckets of a root; undefined when it is none. */
export function decodeRoot(payload: Uint8Array): number[] | undefined {
  if (payload.length !== 4 * BUCKETS) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return Array.from({ length: BUCKETS }, (_, at) => view.getUint32(4 * at, true));
}

/** A bucket's payload: keys with the units of their values. */
export function encodeBucket(entries: ReadonlyMap<string, number>): Uint8Array {
  const keys = [...entries].map(([key, unit]) => ({ bytes: encoder.encode(key), unit }));
  const payload = new Uint8Array(keys.reduce((sum, { bytes }) => sum + 6 + bytes.length, 0));
  const view = new DataView(payload.buffer);
  let at = 0;
  for (const { bytes, unit } of keys) {
    view.setUint16(at, bytes.length, true);
    payload.set(bytes, at + 2);
    view.setUint32(at + 2 + bytes.length, unit, true);
    at += 6 + bytes.length;
  }
  return payload;
}

/** The entries of bucket `number`; undefined when it does not hold together. */
export function decodeBucket(payload: Uint8Array, number: number): Map<string, number> | undefined {
  const entries = new Map<string, number>();
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = 0; at < payload.length; ) {
    if (at + 2 > payload.length) return undefined;
    const length = view.getUint16(at, true);
    if (at + 6 + length > payload.length) return undefined;
    const key = decodeKey(payload.subarray(at + 2, at + 2 + length));
    if (key === undefined || entries.has(key) || bucketOf(key) !== number) return undefined;
    entries.set(key, view.getUint32(at + 2 + length, true));
    at += 6 + length;
  }
  return entries;
}

function decodeKey(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
