/**
 * `rand:` reads random bytes, as good for keys as Node's own generator. A write is thrown away: the
 * generator seeds itself from the host and needs no more.
 */

import { randomFillSync } from "node:crypto";
import { EACCES, ENOENT, ENOTDIR } from "../../ipc/errno.js";
import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE } from "../../ipc/open-flags.js";
import { EVENT_READ, EVENT_WRITE, type Scheme } from "../../ipc/scheme.js";

/** Bytes of one read at most: filling more would hold up everybody else. */
export const READ_BYTES_MAX = 256 * 1024;

/** Source of randomness: fills all of `bytes`. */
export type Fill = (bytes: Uint8Array) => void;

/** Makes the scheme: one object, `/`. Not positioned, since no read can be repeated. */
export function randScheme(fill: Fill = fillFromHost): Scheme<void> {
  return {
    open(path, { flags }) {
      const exclusive = O_CREATE | O_EXCLUSIVE;
      if (path !== "/") throw (flags & O_CREATE) !== 0 ? EACCES : ENOENT;
      if ((flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      if ((flags & exclusive) === exclusive) throw EACCES;
    },
    read(_handle, bytes) {
      const part = bytes.length > READ_BYTES_MAX ? bytes.subarray(0, READ_BYTES_MAX) : bytes;
      fill(part);
      return part.length;
    },
    write(_handle, bytes) {
      return bytes.length;
    },
    fsize: () => 0,
    fsync() {},
    fstat: () => ({ kind: "device", size: 0, mode: 0o666 }),
    fevent: (_handle, mask) => mask & (EVENT_READ | EVENT_WRITE),
  };
}

function fillFromHost(bytes: Uint8Array): void {
  randomFillSync(bytes);
}
