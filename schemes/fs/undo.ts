/**
 * Undo: an operation that fails half-way is taken back, step by step, so that in memory as on the
 * disk each operation happens entirely or not at all. Whoever changes shared state notes how to
 * change it back, before or right after the change, with nothing that can fail in between.
 */

export class Undo {
  #steps: (() => void)[] = [];
  #scope = 1;

  /** Number of the innermost scope; a thing that is saved whole needs saving once in each. */
  get scope(): number {
    return this.#scope;
  }

  note(step: () => void): void {
    this.#steps.push(step);
  }

  /** Opens a scope; the mark leads back to here. */
  mark(): number {
    this.#scope += 1;
    return this.#steps.length;
  }

  /** Takes back everything since `mark`, last step first. */
  rollBack(mark: number): void {
    while (this.#steps.length > mark) this.#steps.pop()?.();
    this.#scope += 1;
  }

  /** Forgets all steps: what has happened stays. */
  keep(): void {
    this.#steps = [];
    this.#scope += 1;
  }
}
