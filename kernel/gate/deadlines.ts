/**
 * The deadlines of a process's requests. A deadline is a moment on the machine's clock, and it
 * waits while the provider of its request is being recovered, at most for the recovery limit: a
 * driver's restart is no reason to time out.
 */

import { RECOVERY_MS_MAX } from "../../ipc/limits.js";
import type { Connection } from "./connection.js";
import type { Request } from "./request.js";

/** How long the providers behind one connection were away. */
interface Pause {
  /** Recoveries that are over, in milliseconds. */
  pastMs: number;
  /** When the one began that is going on. */
  sinceMs: number | undefined;
}

/** Requests with a deadline. */
export class Deadlines {
  /** Each with the pauses that its connection had had when it was submitted. */
  readonly #armed = new Map<Request, number>();
  readonly #pauses = new Map<Connection, Pause>();

  get size(): number {
    return this.#armed.size;
  }

  /** Watches a request. */
  add(request: Request, nowMs: number): void {
    this.#armed.set(request, this.#paused(request.connection, nowMs));
  }

  delete(request: Request): void {
    this.#armed.delete(request);
  }

  /** A provider is being replaced: deadlines of requests to it wait until it serves again. */
  pause(connection: Connection, nowMs: number): void {
    const pause = this.#pauses.get(connection) ?? { pastMs: 0, sinceMs: undefined };
    // One that dies again while it is being recovered gets no second limit.
    pause.sinceMs ??= nowMs;
    this.#pauses.set(connection, pause);
  }

  /** Takes out the requests whose time is over, and forgets those that are done. */
  expired(nowMs: number): Request[] {
    this.#endPauses(nowMs);
    const expired: Request[] = [];
    for (const request of this.#armed.keys()) {
      if (!request.done && this.#leftMs(request, nowMs) > 0) continue;
      this.#armed.delete(request);
      if (!request.done) expired.push(request);
    }
    return expired;
  }

  /** Milliseconds until the next deadline can pass. */
  nextMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const request of this.#armed.keys()) {
      const sinceMs = this.#pauseOf(request.connection)?.sinceMs;
      const pauseLeft = sinceMs === undefined ? 0 : RECOVERY_MS_MAX - (nowMs - sinceMs);
      next = Math.min(next, Math.max(0, this.#leftMs(request, nowMs) + Math.max(0, pauseLeft)));
    }
    return next;
  }

  #leftMs(request: Request, nowMs: number): number {
    const before = this.#armed.get(request) ?? 0;
    return request.deadlineMs + this.#paused(request.connection, nowMs) - before - nowMs;
  }

  #pauseOf(connection: Connection | undefined): Pause | undefined {
    return connection === undefined ? undefined : this.#pauses.get(connection);
  }

  #paused(connection: Connection | undefined, nowMs: number): number {
    const pause = this.#pauseOf(connection);
    if (pause === undefined) return 0;
    if (pause.sinceMs === undefined) return pause.pastMs;
    return pause.pastMs + Math.min(RECOVERY_MS_MAX, nowMs - pause.sinceMs);
  }

  #endPauses(nowMs: number): void {
    for (const [connection, pause] of this.#pauses) {
      if (pause.sinceMs === undefined || connection.recovering) continue;
      pause.pastMs = this.#paused(connection, nowMs);
      pause.sinceMs = undefined;
    }
  }
}
