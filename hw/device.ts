/*
 * What a simulated device looks like from the bus, and what a wire is. A device never throws: a
 * guest may do any access at any offset. Offsets are relative to the device's window, values are
 * zero-extended and always fit the access size.
 */

/** Bytes of one register access. The bus does 64-bit accesses as two of 32 bits. */
export type AccessSize = 1 | 2 | 4;

/** A device as the bus sees it. */
export interface Device {
  /** Reads `size` bytes at `offset`; undefined registers read 0. May have side effects. */
  read(offset: number, size: AccessSize): number;
  /** Writes `size` bytes at `offset`; undefined and read-only registers ignore it. */
  write(offset: number, size: AccessSize, value: number): void;
  /** Puts the device into the state after a system reset. */
  reset(): void;
}

/** An interrupt line from its driving end: called with the new level, also when unchanged. */
export type Wire = (level: 0 | 1) => void;

/** A wire that leads nowhere. */
export const UNCONNECTED: Wire = () => {};

/**
 * Where a datasheet and QEMU 7.2 differ: which of them a model follows. Each model's opening
 * comment lists the differences.
 */
export type Quirks = "qemu-7.2" | "trm";
