/** Timers and microtasks for confined code. A timer is a number here; its callback stays here. */

import { EINVAL, errnoFromNumber } from "../../ipc/errno.js";
import { bridge } from "./bridge.js";

type Callback = (...args: unknown[]) => void;

const callbacks = new Map<number, { run: () => void; repeats: boolean }>();

function start(callback: Callback, afterMs: number, args: unknown[], repeats: boolean): number {
  if (typeof callback !== "function") throw EINVAL;
  const id = bridge().setTimer(Number(afterMs), repeats);
  if (id < 0) throw errnoFromNumber(-id);
  callbacks.set(id, { run: () => callback(...args), repeats });
  return id;
}

/** The functions, under the names that they have everywhere. */
export const TIMERS = {
  setTimeout: (callback: Callback, afterMs = 0, ...args: unknown[]) =>
    start(callback, afterMs, args, false),
  setInterval: (callback: Callback, afterMs = 0, ...args: unknown[]) =>
    start(callback, afterMs, args, true),
  clearTimeout: clear,
  clearInterval: clear,
  queueMicrotask: (work: () => void) => {
    void Promise.resolve().then(() => work());
  },
};

function clear(id: number | undefined): void {
  if (id === undefined || !callbacks.delete(id)) return;
  bridge().clearTimer(id);
}

/** A timer is due. */
export function fire(id: number): void {
  const timer = callbacks.get(id);
  if (timer === undefined) return;
  if (!timer.repeats) callbacks.delete(id);
  timer.run();
}
