/*
 * The seam between a virtio transport and the device behind it (block, network …): what the one
 * asks of the other, and what all device types do alike.
 */
import type { AccessSize } from "../device.js";
import type { GuestMemory } from "../memory.js";
import type { VirtQueue } from "./virtqueue.js";

/** What a function can do to its transport. */
export interface VirtioPort {
  readonly memory: GuestMemory;
  /** Requests were pushed to `queue`: interrupts the driver if it asked for that. */
  used(queue: VirtQueue): void;
  /** The configuration space has changed: counts its generation up and interrupts the driver. */
  configChanged(): void;
  /** The driver broke the rules: the device stops and asks for a reset. */
  broken(): void;
}

/** A device type behind a transport. */
export interface VirtioFunction {
  readonly deviceId: number;
  /** Offered features, bit n of the number is feature n. */
  readonly features: bigint;
  readonly queueCount: number;
  /** The configuration space as the driver reads it. */
  readonly config: Uint8Array;
  writeConfig(offset: number, size: AccessSize, value: number): void;
  /** DRIVER_OK was set: `features` are those that both sides have. */
  start(port: VirtioPort, features: bigint): void;
  /** The driver says that `queue` has new requests. */
  notify(queue: VirtQueue): void;
  /**
   * Starts nothing new until `start`. Resolves when no request under way can still reach guest
   * memory or the outside; `undefined` if that is so already.
   */
  stop(): Promise<void> | undefined;
  /**
   * `queue` was reset: forgets the requests that were taken from it. Resolves when none of them can
   * still reach guest memory or the outside; `undefined` if that is so already.
   */
  stopQueue(queue: VirtQueue): Promise<void> | undefined;
}

/** Feature bits, given by number, as one word. */
export function featureBits(bits: readonly number[]): bigint {
  return bits.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n);
}

/** Whether feature `bit` is in a word of features. */
export function hasFeature(features: bigint, bit: number): boolean {
  return ((features >> BigInt(bit)) & 1n) === 1n;
}

/**
 * Calls `take` until it says `false`, at most once for each entry of the queue, and goes on in a
 * later turn: a driver that refills a queue as fast as requests end must not hold the thread.
 */
export function serveQueue(queue: VirtQueue, take: () => boolean): void {
  for (let budget = queue.size; budget > 0; budget--) if (!take()) return;
  const { generation } = queue;
  if (queue.continues === generation) return;
  queue.continues = generation;
  setImmediate(() => {
    if (queue.continues === generation) queue.continues = undefined;
    if (queue.generation === generation && queue.ready) serveQueue(queue, take);
  });
}
