/**
 * Which of many things is due first: a binary heap that knows where each of them stands, so that
 * moving one costs a few comparisons and nothing stale is ever kept.
 */

/** Items are told apart by identity. Moments are milliseconds. */
export class TimerQueue<Item> {
  readonly #heap: { item: Item; atMs: number }[] = [];
  readonly #places = new Map<Item, number>();

  /** The first moment at which something is due; Infinity when there is nothing. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Sets the moment of an item, or takes it out with Infinity. */
  schedule(item: Item, atMs: number): void {
    const place = this.#places.get(item);
    if (atMs === Number.POSITIVE_INFINITY) {
      if (place !== undefined) this.#remove(place);
      return;
    }
    if (place === undefined) {
      this.#heap.push({ item, atMs });
      this.#places.set(item, this.#heap.length - 1);
      this.#rise(this.#heap.length - 1);
      return;
    }
    const entry = this.#at(place);
    const sooner = atMs < entry.atMs;
    entry.atMs = atMs;
    if (sooner) this.#rise(place);
    else this.#sink(place);
  }

  /** Takes out an item that is due at `nowMs`. */
  take(nowMs: number): Item | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.#remove(0);
    return first.item;
  }

  #remove(place: number): void {
    const last = this.#heap.length - 1;
    this.#swap(place, last);
    const removed = this.#heap.pop();
    if (removed !== undefined) this.#places.delete(removed.item);
    if (place === last) return;
    this.#rise(place);
    this.#sink(place);
  }

  #rise(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#at(parent).atMs <= this.#at(place).atMs) return;
      this.#swap(place, parent);
      place = parent;
    }
  }

  #sink(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const rightFirst = right < this.#heap.length && this.#at(right).atMs < this.#at(left).atMs;
      const child = rightFirst ? right : left;
      if (this.#at(place).atMs <= this.#at(child).atMs) return;
      this.#swap(place, child);
      place = child;
    }
  }

  #swap(a: number, b: number): void {
    const one = this.#at(a);
    const two = this.#at(b);
    this.#heap[a] = two;
    this.#heap[b] = one;
    this.#places.set(two.item, a);
    this.#places.set(one.item, b);
  }

  #at(place: number): { item: Item; atMs: number } {
    return this.#heap[place] as { item: Item; atMs: number };
  }
}
