/**
 * The doorbell: the one thing that a process sleeps on. A counter that wakers raise; it carries no
 * state of its own, so nobody can undo another's wake. Word 1 counts mail from the kernel.
 *
 * A sleeper reads the counter, sets the sleeping flag of each of its channels, looks at all of them
 * once more, and waits for the counter to change. A waker publishes, takes the flag, and rings.
 */

const BELL = 0;
const MAIL = 1;

/** Memory of a doorbell. */
export function allocateDoorbell(): SharedArrayBuffer {
  return new SharedArrayBuffer(8);
}

/** How a thread sleeps, and how others wake it. A simulation puts its own in the place of this. */
export class Doorbell {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Wakes the sleeper. Partner: `park`, `parkAsync`. */
  ring(): void {
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL, 1);
  }

  /** Announces mail that was posted before, and wakes the sleeper in any case. Kernel only. */
  ringMail(): void {
    Atomics.add(this.#words, MAIL, 1);
    this.ring();
  }

  /** The counter to hand to `park`; read it before the last look at the channels. */
  count(): number {
    return Atomics.load(this.#words, BELL);
  }

  /** Pieces of mail announced so far. */
  mailCount(): number {
    return Atomics.load(this.#words, MAIL);
  }

  /** As `mailCount`, for polling: a plain load, which may lag behind. */
  mailHint(): number {
    return this.#words[MAIL] as number;
  }

  /** Blocks until the counter differs from `count`, or the time is over. */
  park(count: number, timeoutMs: number): void {
    Atomics.wait(this.#words, BELL, count, timeoutMs);
  }

  /**
   * Resolves when the counter differs from `count`. Untimed: a timed one leaks until its time is
   * over. The caller holds something that keeps the event loop alive.
   */
  parkAsync(count: number): Promise<void> | undefined {
    const wait = Atomics.waitAsync(this.#words, BELL, count);
    return wait.async ? (wait.value as Promise<unknown> as Promise<void>) : undefined;
  }
}
