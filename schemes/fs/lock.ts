/**
 * A lock for asynchronous operations: many readers or one writer, first come, first served, so that
 * neither side starves. It protects what must not change between two awaits, not memory.
 */

interface Waiting {
  readonly exclusive: boolean;
  readonly enter: () => void;
}

export class Lock {
  #readers = 0;
  #writing = false;
  readonly #queue: Waiting[] = [];

  /** Runs `act` together with other readers. */
  async shared<T>(act: () => Promise<T>): Promise<T> {
    if (this.#writing || this.#queue.length > 0) await this.#wait(false);
    else this.#readers += 1;
    try {
      return await act();
    } finally {
      this.#readers -= 1;
      this.#next();
    }
  }

  /** Runs `act` alone. */
  async exclusive<T>(act: () => Promise<T>): Promise<T> {
    if (this.#writing || this.#readers > 0 || this.#queue.length > 0) await this.#wait(true);
    else this.#writing = true;
    try {
      return await act();
    } finally {
      this.#writing = false;
      this.#next();
    }
  }

  #wait(exclusive: boolean): Promise<void> {
    return new Promise((enter) => {
      this.#queue.push({ exclusive, enter });
    });
  }

  /** Lets in whoever may; the one who enters is counted here, before anybody else can come. */
  #next(): void {
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (this.#writing || (first.exclusive && this.#readers > 0)) return;
      this.#queue.shift();
      if (first.exclusive) this.#writing = true;
      else this.#readers += 1;
      first.enter();
    }
  }
}
