/** Which units of a store are free. Volatile: rebuilt from what the root reaches. */

import { ENOSPC } from "../../ipc/errno.js";
import { FIRST_UNIT } from "./store-memory.js";

/** A run of units. */
export interface Extent {
  unit: number;
  units: number;
}

/** First fit over a sorted list of free extents. */
export class Units {
  #free: Extent[];

  /** @param total - units of the memory, the header's included; all others are free */
  constructor(total: number) {
    this.#free = total > FIRST_UNIT ? [{ unit: FIRST_UNIT, units: total - FIRST_UNIT }] : [];
  }

  get freeUnits(): number {
    return this.#free.reduce((sum, { units }) => sum + units, 0);
  }

  /** Takes `units` in a row. @throws ENOSPC */
  take(units: number): number {
    const at = this.#free.findIndex((extent) => extent.units >= units);
    const extent = this.#free[at];
    if (extent === undefined) throw ENOSPC;
    const { unit } = extent;
    if (extent.units === units) this.#free.splice(at, 1);
    else this.#free[at] = { unit: unit + units, units: extent.units - units };
    return unit;
  }

  /** Takes exactly these units out of the free ones. False: not all of them were free. */
  claim({ unit, units }: Extent): boolean {
    const at = this.#free.findIndex((free) => free.unit <= unit && unit < free.unit + free.units);
    const free = this.#free[at];
    if (free === undefined || unit + units > free.unit + free.units) return false;
    const before = { unit: free.unit, units: unit - free.unit };
    const after = { unit: unit + units, units: free.unit + free.units - unit - units };
    this.#free.splice(at, 1, ...[before, after].filter((rest) => rest.units > 0));
    return true;
  }

  /** Gives units back. */
  give({ unit, units }: Extent): void {
    let at = this.#free.findIndex((free) => free.unit > unit);
    if (at < 0) at = this.#free.length;
    const before = this.#free[at - 1];
    const after = this.#free[at];
    let from = at;
    let count = 0;
    const whole = { unit, units };
    if (before !== undefined && before.unit + before.units === unit) {
      whole.unit = before.unit;
      whole.units += before.units;
      from--;
      count++;
    }
    if (after !== undefined && unit + units === after.unit) {
      whole.units += after.units;
      count++;
    }
    this.#free.splice(from, count, whole);
  }
}
