/**
 * `pipe:`: named pipes. `pipe:/NAME` opened for reading or writing is one end; the kernel makes the
 * ring and introduces the ends, the bytes go from process to process. Having `pipe:` among its
 * names also entitles a process to pipes of its own (`os.pipe()`).
 */

import { ECANCELED, EINVAL, ENOTDIR, ESRCH } from "../../ipc/errno.js";
import { O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { opened, type Scheme } from "../../ipc/scheme.js";
import type { Kernel } from "../kernel.js";

/** Makes the scheme. The root lists the pipes that are open. */
export function pipeScheme(kernel: Kernel): Scheme<unknown> {
  return {
    open(path, context) {
      if (path === "/") return { root: true };
      const process = kernel.processes.get(context.caller);
      if (process === undefined) throw ESRCH;
      const direction = context.flags & (O_READ | O_WRITE);
      if (direction !== O_READ && direction !== O_WRITE) throw EINVAL;
      const side = direction === O_READ ? "read" : "write";
      const { id, met } = kernel.pipes.open(path.slice(1), process, side);
      context.defer();
      return new Promise((resolve, reject) => {
        context.onCancel(() => {
          kernel.pipes.close(id, process);
          reject(ECANCELED);
        });
        void met.then((end) => {
          if (context.canceled) return;
          const local = kernel.hand(process, end);
          resolve(opened({}, { identity: { object: path, generation: 0, local } }));
        });
      });
    },
    fstat: () => ({ kind: "directory", size: 0, mode: 0o777 }),
    getdents(handle, cursor) {
      if ((handle as { root?: boolean }).root !== true) throw ENOTDIR;
      return kernel.pipes
        .names()
        .map((name, i) => ({ name, kind: "pipe" as const, next: i + 1 }))
        .slice(cursor);
    },
  };
}
