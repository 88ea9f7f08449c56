/**
 * `serial:`: the console as a file. Reads wait for input, writes for the UART. `call({ mode })`
 * makes it "raw" or "cooked" (line-discipline.ts) for all who use it, and answers what it was;
 * `call({ wait: "interrupt" })` answers at the next Ctrl-C of cooked mode. Both can be one call.
 * `serial:/plain` is the same line for when nobody watches (the host's output goes into a file): it
 * does not call itself a device, so programs show no progress on it.
 */

import { EAGAIN, ECANCELED, EINVAL, ENOENT, opened, type Scheme } from "../../user/scheme.js";
import type { Uart } from "./uart.js";

/** The way in which the line was opened. */
interface Line {
  watched: boolean;
}

/** Makes the scheme. */
export function serialScheme(uart: Uart): Scheme<Line> {
  return {
    open(path) {
      if (path !== "/" && path !== "/0" && path !== "/plain") throw ENOENT;
      const identity = { object: "serial0", generation: 0 };
      return opened({ watched: path !== "/plain" }, { identity });
    },
    read(_handle, bytes, _offset, context) {
      if (bytes.length === 0) return 0;
      if (uart.ready) return uart.take(bytes);
      if (context.nonblocking) throw EAGAIN;
      context.defer();
      return new Promise((resolve, reject) => {
        const wait = (): void => {
          const forget = uart.whenReadable(() => {
            if (context.canceled) return;
            // Another reader may have been quicker.
            if (uart.ready) resolve(uart.take(bytes));
            else wait();
          });
          context.onCancel(() => {
            forget();
            reject(ECANCELED);
          });
        };
        wait();
      });
    },
    write(_handle, bytes) {
      // Lines of several writers do not mix: one write is sent whole before the next.
      const copy = bytes.slice();
      return uart.send(copy).then(() => copy.length);
    },
    fsync: () => uart.sent(),
    fstat: ({ watched }) => ({ kind: watched ? "device" : "pipe", size: 0, mode: 0o600 }),
    call(_handle, request, context) {
      const { mode, wait } = (request ?? {}) as { mode?: unknown; wait?: unknown };
      if (mode !== undefined && mode !== "raw" && mode !== "cooked") throw EINVAL;
      if (wait !== undefined && wait !== "interrupt") throw EINVAL;
      if (mode === undefined && wait === undefined) throw EINVAL;
      if (wait === undefined) {
        const before = uart.mode;
        if (mode !== undefined) uart.setMode(mode);
        return { mode: before };
      }
      context.defer();
      return new Promise((resolve, reject) => {
        const forget = uart.whenInterrupted(() => {
          resolve(true);
        });
        context.onCancel(() => {
          forget();
          reject(ECANCELED);
        });
        // Only now: a Ctrl-C that was typed ahead is meant for this one.
        if (mode !== undefined) uart.setMode(mode);
      });
    },
  };
}
