/** `serial:`: the console as a file. Reads wait for input, writes for the UART; nothing is echoed. */

import { EAGAIN, ECANCELED, EINVAL, ENOENT, opened, type Scheme } from "../../user/scheme.js";
import type { Uart } from "./uart.js";

/** Makes the scheme. */
export function serialScheme(uart: Uart): Scheme<Uart> {
  let sending: Promise<void> = Promise.resolve();
  return {
    open(path) {
      if (path !== "/" && path !== "/0") throw ENOENT;
      return opened(uart, { identity: { object: "serial0", generation: 0 } });
    },
    read(_handle, bytes, _offset, context) {
      if (bytes.length === 0) return 0;
      if (uart.available > 0) return uart.take(bytes);
      if (context.nonblocking) throw EAGAIN;
      context.defer();
      return new Promise((resolve, reject) => {
        const wait = (): void => {
          const forget = uart.whenReadable(() => {
            if (context.canceled) return;
            const count = uart.take(bytes);
            // Another reader may have been quicker.
            if (count > 0) resolve(count);
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
      const sent = sending.then(() => uart.send(copy));
      sending = sent;
      return sent.then(() => copy.length);
    },
    fsync: async () => {
      await sending;
    },
    fstat: () => ({ kind: "device", size: 0, mode: 0o600 }),
    call(_handle, request, context) {
      const { wait } = (request ?? {}) as { wait?: unknown };
      if (wait !== "interrupt") throw EINVAL;
      context.defer();
      return new Promise((resolve, reject) => {
        const forget = uart.whenInterrupted(() => {
          resolve(true);
        });
        context.onCancel(() => {
          forget();
          reject(ECANCELED);
        });
      });
    },
  };
}
