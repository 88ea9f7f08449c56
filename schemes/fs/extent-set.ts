/**
 * A set of block numbers, kept as sorted ranges that neither touch nor overlap. Adding what is
 * there and removing what is not are refused, because each means that two owners claim one block.
 */

export interface Extent {
  readonly index: number;
  readonly count: number;
}

export class ExtentSet {
  /** Range i is from #starts[i] up to, and without, #ends[i]. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #count = 0;

  /** Blocks in the set. */
  get count(): number {
    return this.#count;
  }

  /** Ranges in the set. */
  get extents(): number {
    return this.#starts.length;
  }

  *[Symbol.iterator](): Generator<Extent> {
    for (const [place, index] of this.#starts.entries()) {
      yield { index, count: (this.#ends[place] as number) - index };
    }
  }

  /** True if all of the range is in the set. */
  has(index: number, count = 1): boolean {
    const place = this.#placeAfter(index) - 1;
    return place >= 0 && index + count <= (this.#ends[place] as number);
  }

  /** True if any of the range is in the set. */
  overlaps(index: number, count: number): boolean {
    const place = this.#placeAfter(index);
    const before = place > 0 && (this.#ends[place - 1] as number) > index;
    return (
      before || (place < this.#starts.length && (this.#starts[place] as number) < index + count)
    );
  }

  /** Adds a range; false, and no change, if any of it is in the set. */
  add(index: number, count: number): boolean {
    if (count <= 0 || this.overlaps(index, count)) return false;
    const place = this.#placeAfter(index);
    const end = index + count;
    const joinsBefore = place > 0 && this.#ends[place - 1] === index;
    const joinsAfter = place < this.#starts.length && this.#starts[place] === end;
    if (joinsBefore && joinsAfter) {
      this.#ends[place - 1] = this.#ends[place] as number;
      this.#starts.splice(place, 1);
      this.#ends.splice(place, 1);
    } else if (joinsBefore) this.#ends[place - 1] = end;
    else if (joinsAfter) this.#starts[place] = index;
    else {
      this.#starts.splice(place, 0, index);
      this.#ends.splice(place, 0, end);
    }
    this.#count += count;
    return true;
  }

  /** Removes a range; false, and no change, if any of it is not in the set. */
  remove(index: number, count: number): boolean {
    if (count <= 0 || !this.has(index, count)) return false;
    const place = this.#placeAfter(index) - 1;
    const start = this.#starts[place] as number;
    const end = this.#ends[place] as number;
    const after = index + count;
    if (start === index && end === after) {
      this.#starts.splice(place, 1);
      this.#ends.splice(place, 1);
    } else if (start === index) this.#starts[place] = after;
    else {
      this.#ends[place] = index;
      if (after < end) {
        this.#starts.splice(place + 1, 0, after);
        this.#ends.splice(place + 1, 0, end);
      }
    }
    this.#count -= count;
    return true;
  }

  /** The first range that starts behind `index`. */
  #placeAfter(index: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] as number) <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
