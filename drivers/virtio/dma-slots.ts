/**
 * DMA memory in slots of one size: what a driver's requests carry. Who finds none free waits in
 * line; nobody waits longer than the requests before take.
 */

import type { Device, DmaRegion } from "../../user/driver.js";

/** The slots of one kind of request. */
export class DmaSlots {
  readonly count: number;
  readonly bytesEach: number;
  readonly #region: DmaRegion;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  readonly #free: number[];
  #waiters: ((slot: number) => void)[] = [];

  static async allocate(device: Device, count: number, bytesEach: number): Promise<DmaSlots> {
    return new DmaSlots(await device.allocateDma(count * bytesEach), count, bytesEach);
  }

  private constructor(region: DmaRegion, count: number, bytesEach: number) {
    this.count = count;
    this.bytesEach = bytesEach;
    this.#region = region;
    this.#bytes = new Uint8Array(region.memory);
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i);
  }

  /** Takes a slot: at once if one is free, else when it is this caller's turn. */
  take(): number | Promise<number> {
    const slot = this.#free.pop();
    if (slot !== undefined) return slot;
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  /** Gives a slot back. The device must not have it any more. */
  give(slot: number): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#free.push(slot);
    else waiter(slot);
  }

  /** Bus address of a slot. */
  address(slot: number): number {
    return this.#region.address + slot * this.bytesEach;
  }

  /** The first `length` bytes of a slot, in place; all if left out. */
  bytes(slot: number, length: number = this.bytesEach): Uint8Array<SharedArrayBuffer> {
    const from = slot * this.bytesEach;
    return this.#bytes.subarray(from, from + length);
  }
}
