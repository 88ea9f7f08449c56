/** Requests that wait: each looks again whenever its object says that something has changed. */

import { EAGAIN, ECANCELED } from "../../ipc/errno.js";
import type { Awaitable, RequestContext } from "../../ipc/scheme.js";

/** Tells those who wait that something has changed. */
export class Signal {
  readonly #waiting = new Set<() => void>();

  fire(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Calls `look` at every change; answers how to end that. */
  subscribe(look: () => void): () => void {
    this.#waiting.add(look);
    return () => {
      this.#waiting.delete(look);
    };
  }

  /**
   * Answers what `attempt` does as soon as it is not undefined. Who does not want to wait gets
   * EAGAIN; who gives up is forgotten.
   */
  wait<T>(context: RequestContext, attempt: () => T | undefined, nonblocking: boolean) {
    const first = attempt();
    if (first !== undefined) return first;
    if (nonblocking || context.nonblocking) throw EAGAIN;
    context.defer();
    return new Promise<T>((resolve, reject) => {
      const stop = this.subscribe(() => {
        if (context.canceled) return;
        try {
          const value = attempt();
          if (value === undefined) return;
          stop();
          resolve(value);
        } catch (thrown) {
          stop();
          reject(thrown);
        }
      });
      context.onCancel(() => {
        stop();
        reject(ECANCELED);
      });
    }) as Awaitable<T>;
  }
}
