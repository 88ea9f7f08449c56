/**
 * `time:`: clocks as files. `time:/realtime` reads the date, `time:/monotonic` the milliseconds
 * since boot. `call({ afterMs })` on either answers when that much time has passed.
 */

import type { Timers } from "../../ipc/clock.js";
import { ECANCELED, EINVAL } from "../../ipc/errno.js";
import type { Scheme } from "../../ipc/scheme.js";
import { textTree } from "./text-tree.js";

/** Longest alarm in milliseconds: what a timer of the host can hold. */
const AFTER_MS_MAX = 2 ** 31 - 1;

/** Where the time comes from. */
export interface TimeSources {
  sinceBootMs(): number;
  date(): Date;
  timers: Timers;
}

/** Makes the scheme. */
export function timeScheme({ sinceBootMs, date, timers }: TimeSources): Scheme {
  const files = textTree({
    realtime: () => `${date().toISOString()}\n`,
    monotonic: () => `${sinceBootMs().toFixed(3)}\n`,
  }) as Scheme;
  return {
    ...files,
    call(_handle, request, context) {
      const { afterMs } = (request ?? {}) as { afterMs?: unknown };
      if (typeof afterMs !== "number" || !(afterMs >= 0) || afterMs > AFTER_MS_MAX) throw EINVAL;
      context.defer();
      return new Promise((resolve, reject) => {
        const takeBack = timers.after(afterMs, () => {
          resolve(sinceBootMs());
        });
        context.onCancel(() => {
          takeBack();
          reject(ECANCELED);
        });
      });
    },
  };
}
