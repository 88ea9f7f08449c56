/**
 * `hwrng:`: the board's sources of entropy as one endless file, `hwrng:/`. Reads may be short. It
 * is as fast and as good as the hardware; `rand:` is for everybody's use and does not wait for it.
 */

import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_WRITE } from "../../ipc/open-flags.js";
import {
  EACCES,
  EEXIST,
  ENODEV,
  ENOENT,
  ENOTDIR,
  EVENT_READ,
  opened,
  type Scheme,
} from "../../user/scheme.js";

const EXCLUSIVE = O_CREATE | O_EXCLUSIVE;

/** A source: fills the front of `bytes` and resolves to how much, never 0. */
export interface Entropy {
  read(bytes: Uint8Array): Promise<number>;
}

/** Makes the scheme. Sources take turns. */
export function hwrngScheme(sources: readonly Entropy[]): Scheme<void> {
  let turn = 0;
  return {
    open(path, { flags }) {
      if (path !== "/") throw (flags & O_CREATE) !== 0 ? EACCES : ENOENT;
      if ((flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      if ((flags & EXCLUSIVE) === EXCLUSIVE) throw EEXIST;
      if ((flags & O_WRITE) !== 0) throw EACCES;
      if (sources.length === 0) throw ENODEV;
      // A read that a death cut short has given nobody anything: it can be repeated.
      return opened(undefined, { positioned: true });
    },
    read(_handle, bytes) {
      if (bytes.length === 0) return 0;
      return (sources[turn++ % sources.length] as Entropy).read(bytes);
    },
    fsize: () => 0,
    fstat: () => ({ kind: "device", size: 0, mode: 0o444 }),
    fevent: (_handle, mask) => mask & EVENT_READ,
  };
}
