/*
 * Faults of a board as data: what shall go wrong, how often, from which seed. A machine's options
 * carry it into the board thread. Rates are between 0 and 1; what is left out does not happen.
 */

/** Faults of one disk. */
export interface DiskFaults {
  /** Each operation takes so much longer, and up to so much more. */
  latencyMs?: number;
  jitterMs?: number;
  /** Share of operations that fail with EIO, whatever they touch. */
  errorRate?: number;
  /** Sectors that can't be read or written. */
  badSectors?: readonly { first: number; count: number }[];
  /** After so many operations the disk answers none any more, not even to a reset. */
  silentAfter?: number;
  /**
   * After so many writes the power fails: of what was not flushed each sector keeps some earlier
   * content or other, and every operation fails from then on.
   */
  powerCutAfterWrites?: number;
}

/** Faults of a network, in both directions. */
export interface NetworkFaults {
  /** Shares of frames that are lost, come twice, come after the next, or have a bit wrong. */
  loss?: number;
  duplication?: number;
  reordering?: number;
  corruption?: number;
}

/** Faults of the interrupt lines of the virtio devices. */
export interface WireFaults {
  /** Share of interrupts that nobody hears of. */
  lost?: number;
  /** Share of interrupts after which another one comes without a cause. */
  spurious?: number;
  /** After so many interrupts a line stays high for ever. */
  stuckAfter?: number;
}

/** Faults of the virtio devices themselves. */
export interface DeviceFaults {
  /**
   * After so many notifications a device answers none any more, until it is reset; then it is well
   * for ever.
   */
  deafAfter?: number;
  /** As `deafAfter`, again after each reset. */
  deafAgain?: boolean;
  /** Share of notifications upon which a device writes where it was not told to. */
  strayWrites?: number;
  /** Share of notifications upon which a device finishes a request that it was not given. */
  inventions?: number;
}

/** Everything that goes wrong on a board. */
export interface BoardFaults {
  seed: number;
  /** By the number of the disk; `undefined`: that one is well. */
  disks?: readonly (DiskFaults | undefined)[];
  network?: NetworkFaults;
  interrupts?: WireFaults;
  devices?: DeviceFaults;
}

/** Whether something with this rate happens now. @param below - a seeded source */
export function happens(rate: number | undefined, below: (limit: number) => number): boolean {
  const SCALE = 2 ** 30;
  return rate !== undefined && rate > 0 && below(SCALE) < rate * SCALE;
}
