/**
 * The loop of a process that lives by promises. After anything that may have queued microtasks it
 * takes a whole turn of the event loop before it waits, or answers would sit behind the wait.
 */

import type { Timers } from "../../ipc/clock.js";
import type { Doorbell } from "../../ipc/doorbell.js";

/** Polls before an asynchronous sleep; a hit is much cheaper than a turn. */
const POLLS = 60;

/** What the loop drives. */
export interface LoopHost {
  readonly bell: Doorbell;
  readonly timers: Timers;
  /** Does what there is to do, as client and as provider. Returns whether anything was done. */
  work(): boolean;
  /** A number that changes whenever microtasks may have been queued. */
  activity(): number;
  /** Takes a macrotask turn. */
  turn(): Promise<void>;
  /** A hint that there is something to do. */
  poll(): boolean;
  /** True when there is something to do: the last look before a sleep. */
  look(): boolean;
  /** True when the doorbell is the only source of work: then the thread itself may sleep. */
  sleeps(): boolean;
  /** Spins or parks this thread until something may have happened. */
  wait(): void;
  /** Announces an asynchronous sleep on every channel, or its end. */
  setSleeping(sleeping: boolean): void;
  /** How long a sleep may last, in milliseconds. */
  parkMs(): number;
}

/** Runs for ever. */
export async function runLoop(host: LoopHost): Promise<never> {
  await host.turn();
  let activity = host.activity();
  for (;;) {
    const worked = host.work();
    const now = host.activity();
    if (now !== activity) {
      activity = now;
      await host.turn();
    } else if (!worked) {
      if (host.sleeps()) host.wait();
      else await sleep(host);
    }
  }
}

/** Sleeps without blocking the event loop. */
async function sleep(host: LoopHost): Promise<void> {
  const { bell } = host;
  for (let i = 0; i < POLLS; i++) if (host.poll()) return;
  const count = bell.count();
  host.setSleeping(true);
  if (!host.look()) {
    const limitMs = host.parkMs();
    const wake = (): void => {
      bell.ring();
    };
    // An untimed wait, and a timer that rings our own bell: a timed wait leaks until its time.
    const timer = Number.isFinite(limitMs) ? host.timers.after(limitMs, wake) : undefined;
    await bell.parkAsync(count);
    timer?.();
  }
  host.setSleeping(false);
}
