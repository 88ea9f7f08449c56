/*
 * The system bus: decodes an address to the window of a device. It never throws and never fails:
 * an access that no window takes, that is not aligned to its size, or of a size that is not 1, 2,
 * 4 or 8, reads 0 and writes nothing, as on QEMU's `virt`.
 */
import type { AccessSize, Device } from "./device.js";

/** A range of physical addresses that a device answers. */
export interface Window {
  name: string;
  base: number;
  size: number;
  device: Device;
}

/** The windows of a board. */
export class Bus {
  readonly #windows: readonly Window[];

  /** @throws RangeError if two windows overlap. */
  constructor(windows: readonly Window[]) {
    this.#windows = [...windows].sort((a, b) => a.base - b.base);
    this.#windows.forEach((window, index) => {
      const next = this.#windows[index + 1];
      if (next !== undefined && window.base + window.size > next.base) {
        throw new RangeError(`bus windows ${window.name} and ${next.name} overlap`);
      }
    });
  }

  /** Reads 1, 2 or 4 bytes. */
  read(address: number, size: number): number {
    const window = this.#decode(address, size);
    if (window === undefined) return 0;
    const value = window.device.read(address - window.base, size as AccessSize);
    return masked(value, size);
  }

  /** Writes the low 1, 2 or 4 bytes of `value`. */
  write(address: number, size: number, value: number): void {
    const window = this.#decode(address, size);
    if (window === undefined) return;
    window.device.write(address - window.base, size as AccessSize, masked(value, size));
  }

  /** Reads 8 bytes as two words, the lower address first. */
  read64(address: number): bigint {
    if (address % 8 !== 0) return 0n;
    const low = this.read(address, 4);
    return (BigInt(this.read(address + 4, 4)) << 32n) | BigInt(low);
  }

  /** Writes 8 bytes as two words, the lower address first. */
  write64(address: number, value: bigint): void {
    if (address % 8 !== 0) return;
    this.write(address, 4, Number(value & 0xffffffffn));
    this.write(address + 4, 4, Number((value >> 32n) & 0xffffffffn));
  }

  /** The window at an address, if there is one. */
  at(address: number): Window | undefined {
    return this.#windows.find((w) => address >= w.base && address < w.base + w.size);
  }

  /** The window called `name`, if there is one. */
  named(name: string): Window | undefined {
    return this.#windows.find((window) => window.name === name);
  }

  /** All windows, in address order. */
  get windows(): readonly Window[] {
    return this.#windows;
  }

  /** Resets all devices, in address order. */
  reset(): void {
    for (const window of this.#windows) window.device.reset();
  }

  #decode(address: number, size: number): Window | undefined {
    if ((size !== 1 && size !== 2 && size !== 4) || address % size !== 0) return undefined;
    let low = 0;
    let high = this.#windows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#windows[middle] as Window).base <= address) low = middle + 1;
      else high = middle;
    }
    const window = this.#windows[low - 1];
    return window !== undefined && address + size <= window.base + window.size ? window : undefined;
  }
}

function masked(value: number, size: number): number {
  return size === 4 ? value >>> 0 : value & ((1 << (8 * size)) - 1);
}
