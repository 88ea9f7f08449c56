/** How much data a segment can carry now: the rest of it is what the options take. */

import { sackBytes, TIMESTAMP_BYTES } from "./options.js";
import { TCP_OPTION_BYTES_MAX } from "./segment.js";
import type { Tcb } from "./tcb.js";

/** SACK blocks that fit beside nothing else; three beside timestamps. */
const SACK_BLOCKS_MAX = 4;

/** Payload that fits into a segment beside the options that it will have. */
export function payloadMax(tcb: Tcb): number {
  const blocks = sackBlocks(tcb);
  return blocks === 0 ? tcb.mss : tcb.mss - sackBytes(blocks);
}

/** SACK blocks that the next segment tells. */
export function sackBlocks(tcb: Tcb): number {
  const room = TCP_OPTION_BYTES_MAX - (tcb.timestamps ? TIMESTAMP_BYTES : 0);
  const held = tcb.sack ? Math.min(tcb.pieces.ranges.length, SACK_BLOCKS_MAX) : 0;
  return sackBytes(held) > room ? held - 1 : held;
}
