/** `zero:` reads endless zero bytes, `null:` reads end of file; both swallow every write. */

import { EACCES, ENOENT, ENOTDIR } from "../../ipc/errno.js";
import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE } from "../../ipc/open-flags.js";
import { EVENT_READ, EVENT_WRITE, opened, type Scheme } from "../../ipc/scheme.js";

/** What a device without contents answers to `fstat`. */
const STAT = { kind: "device", size: 0, mode: 0o666 } as const;

/** Makes the scheme: one object, `/`, that keeps nothing. Its handles survive a restart. */
export function zeroScheme(kind: "zero" | "null"): Scheme<void> {
  return {
    open(path, { flags }) {
      const exclusive = O_CREATE | O_EXCLUSIVE;
      if (path !== "/") throw (flags & O_CREATE) !== 0 ? EACCES : ENOENT;
      if ((flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      if ((flags & exclusive) === exclusive) throw EACCES;
      return opened(undefined, { positioned: true, identity: { object: "/", generation: 0 } });
    },
    read(_handle, bytes) {
      if (kind === "null") return 0;
      bytes.fill(0);
      return bytes.length;
    },
    write(_handle, bytes) {
      return bytes.length;
    },
    fsize: () => 0,
    ftruncate() {},
    fsync() {},
    fstat: () => STAT,
    fevent: (_handle, mask) => mask & (EVENT_READ | EVENT_WRITE),
  };
}
