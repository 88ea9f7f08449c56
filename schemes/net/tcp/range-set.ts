/**
 * Disjoint ranges of sequence numbers in ascending order: what a receiver has beyond a hole, and
 * what a sender knows to have arrived (RFC 2018). Bounded: a range that would be one too many is
 * refused, which costs a retransmission and nothing else.
 */

import { atOrBefore, before, distance, earlier, later } from "./sequence.js";

/** `start` up to, not including, `end`. */
export interface Range {
  start: number;
  end: number;
}

interface StampedRange extends Range {
  /** Grows with each change, so that the newest ranges can be told first. */
  stamp: number;
}

/** See the head of the file. */
export class RangeSet {
  readonly #max: number;
  #ranges: StampedRange[] = [];
  #stamp = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** Adds a range, joining what it overlaps or touches. False when there is no room for it. */
  add(start: number, end: number): boolean {
    let first = 0;
    while (first < this.#ranges.length && before(this.#at(first).end, start)) first += 1;
    let past = first;
    while (past < this.#ranges.length && atOrBefore(this.#at(past).start, end)) past += 1;
    if (first === past) {
      if (this.#ranges.length === this.#max) return false;
      this.#ranges.splice(first, 0, { start, end, stamp: ++this.#stamp });
      return true;
    }
    const joined = {
      start: earlier(start, this.#at(first).start),
      end: later(end, this.#at(past - 1).end),
      stamp: ++this.#stamp,
    };
    this.#ranges.splice(first, past - first, joined);
    return true;
  }

  /** Forgets what lies before `sequence`. */
  dropBefore(sequence: number): void {
    while (this.#ranges[0] !== undefined && atOrBefore(this.#ranges[0].end, sequence)) {
      this.#ranges.shift();
    }
    const first = this.#ranges[0];
    if (first !== undefined && before(first.start, sequence)) first.start = sequence;
  }

  clear(): void {
    this.#ranges = [];
  }

  /** Bytes of `start` to `end` that are in the set. */
  covered(start: number, end: number): number {
    let bytes = 0;
    for (const range of this.#ranges) {
      const from = later(range.start, start);
      const to = earlier(range.end, end);
      if (before(from, to)) bytes += distance(from, to);
    }
    return bytes;
  }

  /** The first number from `sequence` on that is not in the set. */
  gapFrom(sequence: number): number {
    for (const { start, end } of this.#ranges) {
      if (atOrBefore(start, sequence) && before(sequence, end)) return end;
    }
    return sequence;
  }

  /** The start of the first range after `sequence`, if there is one. */
  startAfter(sequence: number): number | undefined {
    return this.#ranges.find(({ start }) => before(sequence, start))?.start;
  }

  /** The end of the last range. */
  get end(): number | undefined {
    return this.#ranges.at(-1)?.end;
  }

  /** Up to `count` ranges, those that changed last first (RFC 2018 §4). */
  newest(count: number): Range[] {
    return [...this.#ranges]
      .sort((a, b) => b.stamp - a.stamp)
      .slice(0, count)
      .map(({ start, end }) => ({ start, end }));
  }

  /**
   * Where the range begins above which three ranges, or more than `bytesMin` bytes, have arrived:
   * whatever misses before it counts as lost (RFC 6675 §4, IsLost).
   */
  lostBefore(rangesMin: number, bytesMin: number): number | undefined {
    let bytes = 0;
    for (let i = this.#ranges.length - 1; i >= 0; i--) {
      const { start, end } = this.#at(i);
      bytes += distance(start, end);
      if (this.#ranges.length - i >= rangesMin || bytes > bytesMin) return start;
    }
    return undefined;
  }

  #at(index: number): StampedRange {
    return this.#ranges[index] as StampedRange;
  }
}
