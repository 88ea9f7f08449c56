/**
 * The flight recorder: the last events of the machine, in memory, for `sys:/trace` and the test
 * kit.
 */

import { TRACE_LINES_KEPT } from "../ipc/limits.js";
import type { TraceEvent } from "../ipc/trace-line.js";

/** A bounded log of events, with listeners. */
export class FlightRecorder {
  readonly #now: () => number;
  readonly #events: TraceEvent[] = [];
  #listeners: ((event: TraceEvent) => void)[] = [];

  /** @param now - milliseconds since boot */
  constructor(now: () => number) {
    this.#now = now;
  }

  record(
    subject: { name: string; incarnation: number },
    event: string,
    detail?: Record<string, string | number>,
  ): void {
    const entry: TraceEvent = {
      atMs: this.#now(),
      subject: subject.name,
      incarnation: subject.incarnation,
      event,
      ...(detail === undefined ? {} : { detail }),
    };
    this.#events.push(entry);
    if (this.#events.length > TRACE_LINES_KEPT) this.#events.splice(0, TRACE_LINES_KEPT / 4);
    for (const listener of this.#listeners) listener(entry);
  }

  listen(listener: (event: TraceEvent) => void): void {
    this.#listeners.push(listener);
  }

  unlisten(listener: (event: TraceEvent) => void): void {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  events(): readonly TraceEvent[] {
    return this.#events;
  }
}
