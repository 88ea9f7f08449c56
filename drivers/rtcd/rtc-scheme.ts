/**
 * `rtc:`: the clock of the board. `rtc:/time` reads as the seconds since 1970, a decimal line;
 * writing one sets the clock. `rtc:/alarm/SECONDS` is a moment: a read waits until it has come, and
 * then answers it; EVENT_READ holds from then on.
 *
 * Moments stand in names, so alarms outlive the driver: its next incarnation arms them again. To
 * set the clock is not repeatable, so a handle for writing is a stream: a death in the middle of it
 * is `EOWNERDEAD`.
 */

import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_WRITE } from "../../ipc/open-flags.js";
import {
  copyAt,
  EACCES,
  EAGAIN,
  ECANCELED,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  EVENT_READ,
  opened,
  type Scheme,
} from "../../user/scheme.js";

/** What the scheme needs of a clock. */
export interface AlarmClock {
  /** Seconds since 1970. */
  readonly seconds: number;
  setSeconds(seconds: number): void;
  /** Calls `ring` when a moment has come; returns how to take that back. */
  whenDue(moment: number, ring: () => void): () => void;
}

/** What is open. */
type Handle =
  | { kind: "directory"; names: readonly string[] }
  | { kind: "time" }
  | { kind: "alarm"; moment: number; forget: () => void };

const SECONDS_MAX = 0xffff_ffff;
/** A moment in a name or in what is written: no sign, no leading zero, nothing after it. */
const SECONDS = /^(?:0|[1-9]\d{0,9})$/;
const ALARM = "/alarm/";
const EXCLUSIVE = O_CREATE | O_EXCLUSIVE;

/** Makes the scheme. */
export function rtcScheme(clock: AlarmClock): Scheme<Handle> {
  return {
    open(path, { flags }) {
      const handle = find(path);
      const writes = (flags & O_WRITE) !== 0;
      if (handle.kind === "directory" && writes) throw EISDIR;
      if (handle.kind !== "directory" && (flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      if ((handle.kind === "alarm" && writes) || (flags & EXCLUSIVE) === EXCLUSIVE) throw EACCES;
      return opened(handle, { positioned: !writes, identity: { object: path, generation: 0 } });
    },
    read(handle, bytes, offset, context) {
      if (handle.kind === "directory") throw EISDIR;
      if (handle.kind === "time") return copyAt(lineOf(clock.seconds), bytes, Math.max(offset, 0));
      const text = lineOf(handle.moment);
      if (clock.seconds >= handle.moment) return copyAt(text, bytes, offset);
      if (context.nonblocking) throw EAGAIN;
      context.defer();
      return new Promise((resolve, reject) => {
        const forget = clock.whenDue(handle.moment, () => {
          if (!context.canceled) resolve(copyAt(text, bytes, offset));
        });
        context.onCancel(() => {
          forget();
          reject(ECANCELED);
        });
      });
    },
    write(handle, bytes) {
      if (handle.kind !== "time") throw EACCES;
      if (bytes.length === 0) return 0;
      const text = new TextDecoder().decode(bytes).trimEnd();
      if (!SECONDS.test(text) || Number(text) > SECONDS_MAX) throw EINVAL;
      clock.setSeconds(Number(text));
      return bytes.length;
    },
    fsize: () => 0,
    fsync() {},
    fstat: ({ kind }) =>
      kind === "directory"
        ? { kind, size: 0, mode: 0o555 }
        : { kind: "device", size: 0, mode: kind === "time" ? 0o600 : 0o400 },
    getdents(handle, cursor) {
      if (handle.kind !== "directory") throw ENOTDIR;
      return handle.names
        .map((name, index) => ({ name, kind: KINDS[name] ?? "device", next: index + 1 }))
        .slice(cursor);
    },
    fevent(handle, mask, post) {
      if (handle.kind !== "alarm") return mask & EVENT_READ;
      handle.forget();
      handle.forget = () => undefined;
      if ((mask & EVENT_READ) === 0) return 0;
      if (clock.seconds >= handle.moment) return EVENT_READ;
      handle.forget = clock.whenDue(handle.moment, () => post(EVENT_READ));
      return 0;
    },
    close(handle) {
      if (handle.kind === "alarm") handle.forget();
    },
  };
}

const KINDS: Readonly<Record<string, "device" | "directory">> = {
  time: "device",
  alarm: "directory",
};

/** @throws ENOENT, ENOTDIR */
function find(path: string): Handle {
  if (path === "/") return { kind: "directory", names: ["time", "alarm"] };
  if (path === "/time") return { kind: "time" };
  // Any moment can be opened; none is listed.
  if (path === "/alarm") return { kind: "directory", names: [] };
  if (path.startsWith("/time/")) throw ENOTDIR;
  const moment = path.startsWith(ALARM) ? path.slice(ALARM.length) : "";
  if (!SECONDS.test(moment) || Number(moment) > SECONDS_MAX) throw ENOENT;
  return { kind: "alarm", moment: Number(moment), forget: () => undefined };
}

function lineOf(seconds: number): string {
  return `${seconds}\n`;
}
