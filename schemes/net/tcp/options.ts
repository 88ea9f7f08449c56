/**
 * TCP options: maximum segment size (RFC 9293 §3.7.1), window scale and timestamps (RFC 7323),
 * selective acknowledgment (RFC 2018). Unknown ones are skipped, and malformed ones end the list
 * without harm to the segment, since its checksum was right.
 */

import { get8, get16, get32, put16, put32 } from "../wire.js";
import type { Range } from "./range-set.js";

/** Options of a segment; absent ones are not there. */
export interface TcpOptions {
  readonly mss?: number;
  /** Shift of the sender's windows, 0 to 14; SYN only. */
  readonly windowScale?: number;
  /** SYN only. */
  readonly sackPermitted?: boolean;
  /** Up to four ranges. */
  readonly sack?: readonly Range[];
  readonly timestamp?: { readonly value: number; readonly echo: number };
}

/** Number and length of each kind, header included. A SACK has `blocks` of eight bytes more. */
const KIND = { END: 0, NOP: 1, MSS: 2, WINDOW_SCALE: 3, SACK_PERMITTED: 4, SACK: 5, TIME: 8 };
const LENGTH = { MSS: 4, WINDOW_SCALE: 3, SACK_PERMITTED: 2, SACK: 2, TIME: 10 };
/** Every option begins with its kind and its length. */
const HEAD_BYTES = 2;
const BLOCK_BYTES = 8;
const WORD_BYTES = 4;
/** RFC 7323 §2.3: a larger shift counts as this. */
const WINDOW_SCALE_MAX = 14;
/** What a timestamp takes with the two NOPs that align it. */
export const TIMESTAMP_BYTES = 12;

export function parseOptions(bytes: Uint8Array): TcpOptions {
  const options: { -readonly [K in keyof TcpOptions]: TcpOptions[K] } = {};
  let at = 0;
  while (at < bytes.length) {
    const kind = get8(bytes, at);
    if (kind === KIND.END) break;
    if (kind === KIND.NOP) {
      at += 1;
      continue;
    }
    const length = get8(bytes, at + 1);
    if (length < HEAD_BYTES || at + length > bytes.length) break;
    const body = bytes.subarray(at + HEAD_BYTES, at + length);
    if (kind === KIND.MSS && length === LENGTH.MSS) options.mss = get16(body, 0);
    if (kind === KIND.WINDOW_SCALE && length === LENGTH.WINDOW_SCALE) {
      options.windowScale = Math.min(get8(body, 0), WINDOW_SCALE_MAX);
    }
    if (kind === KIND.SACK_PERMITTED && length === LENGTH.SACK_PERMITTED) {
      options.sackPermitted = true;
    }
    if (kind === KIND.SACK && body.length % BLOCK_BYTES === 0) options.sack = parseBlocks(body);
    if (kind === KIND.TIME && length === LENGTH.TIME) {
      options.timestamp = { value: get32(body, 0), echo: get32(body, WORD_BYTES) };
    }
    at += length;
  }
  return options;
}

function parseBlocks(body: Uint8Array): Range[] {
  const blocks: Range[] = [];
  for (let at = 0; at < body.length; at += BLOCK_BYTES) {
    blocks.push({ start: get32(body, at), end: get32(body, at + WORD_BYTES) });
  }
  return blocks;
}

/** Bytes that the options take, padded to whole words. */
export function optionBytes(options: TcpOptions): number {
  let bytes = 0;
  if (options.mss !== undefined) bytes += LENGTH.MSS;
  if (options.sackPermitted) bytes += LENGTH.SACK_PERMITTED;
  if (options.windowScale !== undefined) bytes += LENGTH.WINDOW_SCALE;
  if (options.timestamp) bytes += options.sackPermitted ? LENGTH.TIME : TIMESTAMP_BYTES;
  if (options.sack?.length) bytes += sackBytes(options.sack.length);
  return Math.ceil(bytes / WORD_BYTES) * WORD_BYTES;
}

/** Bytes of a SACK option with the two NOPs that align it. */
export function sackBytes(blocks: number): number {
  return HEAD_BYTES + LENGTH.SACK + blocks * BLOCK_BYTES;
}

/** Writes the options from `at` on, padded with NOPs as `optionBytes` says. */
export function encodeOptions(options: TcpOptions, bytes: Uint8Array, start: number): void {
  const end = start + optionBytes(options);
  let at = start;
  const head = (kind: number, length: number): number => {
    bytes[at] = kind;
    bytes[at + 1] = length;
    at += length;
    return at - length + HEAD_BYTES;
  };
  const align = (): void => {
    for (let i = 0; i < HEAD_BYTES; i++) bytes[at++] = KIND.NOP;
  };
  if (options.mss !== undefined) put16(bytes, head(KIND.MSS, LENGTH.MSS), options.mss);
  if (options.sackPermitted) head(KIND.SACK_PERMITTED, LENGTH.SACK_PERMITTED);
  if (options.timestamp) {
    if (!options.sackPermitted) align();
    const body = head(KIND.TIME, LENGTH.TIME);
    put32(bytes, body, options.timestamp.value);
    put32(bytes, body + WORD_BYTES, options.timestamp.echo);
  }
  if (options.windowScale !== undefined) {
    bytes[head(KIND.WINDOW_SCALE, LENGTH.WINDOW_SCALE)] = options.windowScale;
  }
  if (options.sack?.length) {
    align();
    let body = head(KIND.SACK, LENGTH.SACK + options.sack.length * BLOCK_BYTES);
    for (const block of options.sack) {
      put32(bytes, body, block.start);
      put32(bytes, body + WORD_BYTES, block.end);
      body += BLOCK_BYTES;
    }
  }
  bytes.fill(KIND.NOP, at, end);
}
