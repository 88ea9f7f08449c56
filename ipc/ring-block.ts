/**
 * The ring block: the shared memory of one channel's control words, entries and readiness bits.
 * Each index stands in a cache line of its own and is written by one side only. Payloads lie in the
 * arena, which is another buffer, so that daemon code never sees this one.
 */

import { HANDLES_PER_CHANNEL_MAX, RING_SLOTS } from "./limits.js";
import { CQE, SQE } from "./sqe.js";

/*
 * OFFSET SIZE  MEANING                                        WRITTEN BY
 *    0     4   closed: the kernel ended this channel          kernel
 *    4     4   resumed: the client has sent its RESUME        client
 *   64     4   submission tail                                client
 *  128     4   submission head                                provider
 *  192     4   completion tail                                provider
 *  256     4   completion head                                client
 *  320     4   client sleeps (1), taken by the waker (0)      client, provider
 *  384     4   provider sleeps, likewise                      provider, client
 *  448     4   events pending: some readiness word is not 0   provider, client
 *  512  4096   submission entries
 * 4608  1024   completion entries
 * 5632  4096   readiness bits, one word a handle              provider (or), client (exchange)
 */
const LINE = 64;
export const CLOSED = 0;
export const RESUMED = 1;
export const SQ_TAIL = LINE / 4;
export const SQ_HEAD = (2 * LINE) / 4;
export const CQ_TAIL = (3 * LINE) / 4;
export const CQ_HEAD = (4 * LINE) / 4;
export const CLIENT_SLEEPS = (5 * LINE) / 4;
export const PROVIDER_SLEEPS = (6 * LINE) / 4;
export const EVENTS_PENDING = (7 * LINE) / 4;
export const SQES = 8 * LINE;
export const CQES = SQES + RING_SLOTS * SQE.SIZE;
export const EVENTS = CQES + RING_SLOTS * CQE.SIZE;
export const RING_BLOCK_BYTES = EVENTS + HANDLES_PER_CHANNEL_MAX * 4;

/** Slot number of an index; indices only grow and wrap at 2^32. */
export const SLOT_MASK = RING_SLOTS - 1;

/** The buffers of one channel, as they are mailed to its two ends. */
export interface ChannelMemory {
  ring: SharedArrayBuffer;
  arena: SharedArrayBuffer;
}

/** Allocates a channel. Fresh memory is zero: every index starts at 0 and nobody sleeps. */
export function allocateChannel(arenaBytes: number): ChannelMemory {
  return {
    ring: new SharedArrayBuffer(RING_BLOCK_BYTES),
    arena: new SharedArrayBuffer(arenaBytes),
  };
}
