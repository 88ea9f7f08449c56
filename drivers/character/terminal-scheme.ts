/**
 * Terminals as files: `serial:` and `console:`. `NAME:/` and `NAME:/0` are the first. Reads wait
 * for input, writes for the device. `call({ mode })` makes a terminal "raw" or "cooked"
 * (line-discipline.ts) for all who use it, and answers what it was; `call({ wait: "interrupt" })`
 * answers at the next Ctrl-C of cooked mode. Both can be one call. `NAME:/plain` is the first
 * terminal for when nobody watches (the host's output goes into a file): it does not call itself a
 * device, so programs show no progress on it.
 */

import { EAGAIN, ECANCELED, EINVAL, ENOENT, opened, type Scheme } from "../../user/scheme.js";
import type { Terminal } from "./terminal.js";

/** A terminal, and the way in which it was opened. */
interface Line {
  terminal: Terminal;
  watched: boolean;
}

const NAME = /^\/(?:plain|(\d*))$/;

/** Makes the scheme for the terminals of one driver. @param name - of the terminals, "serial" */
export function terminalScheme(terminals: readonly Terminal[], name: string): Scheme<Line> {
  return {
    open(path) {
      const [matched, digits] = NAME.exec(path) ?? [];
      const number = Number(digits ?? "");
      const terminal = matched === undefined ? undefined : terminals[number];
      if (terminal === undefined) throw ENOENT;
      const identity = { object: `${name}${number}`, generation: 0 };
      return opened({ terminal, watched: path !== "/plain" }, { identity });
    },
    read({ terminal }, bytes, _offset, context) {
      if (bytes.length === 0) return 0;
      if (terminal.ready) return terminal.take(bytes);
      if (context.nonblocking) throw EAGAIN;
      context.defer();
      return new Promise((resolve, reject) => {
        const wait = (): void => {
          const forget = terminal.whenReadable(() => {
            if (context.canceled) return;
            // Another reader may have been quicker.
            if (terminal.ready) resolve(terminal.take(bytes));
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
    write({ terminal }, bytes) {
      // Lines of several writers do not mix: one write is sent whole before the next.
      const copy = bytes.slice();
      return terminal.send(copy).then(() => copy.length);
    },
    fsync: ({ terminal }) => terminal.sent(),
    fstat: ({ watched }) => ({ kind: watched ? "device" : "pipe", size: 0, mode: 0o600 }),
    call({ terminal }, request, context) {
      const { mode, wait } = (request ?? {}) as { mode?: unknown; wait?: unknown };
      if (mode !== undefined && mode !== "raw" && mode !== "cooked") throw EINVAL;
      if (wait !== undefined && wait !== "interrupt") throw EINVAL;
      if (mode === undefined && wait === undefined) throw EINVAL;
      if (wait === undefined) {
        const before = terminal.mode;
        if (mode !== undefined) terminal.setMode(mode);
        return { mode: before };
      }
      context.defer();
      return new Promise((resolve, reject) => {
        const forget = terminal.whenInterrupted(() => {
          resolve(true);
        });
        context.onCancel(() => {
          forget();
          reject(ECANCELED);
        });
        // Only now: a Ctrl-C that was typed ahead is meant for this one.
        if (mode !== undefined) terminal.setMode(mode);
      });
    },
  };
}
