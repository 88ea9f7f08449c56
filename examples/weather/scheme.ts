/**
 * `weather:`: a scheme daemon, complete. `weather:/` lists the days, `weather:/today` reads one.
 * It keeps nothing of its clients' sessions: a new incarnation serves what the last one began.
 */

import {
  copyAt,
  EACCES,
  EISDIR,
  ENOENT,
  ENOTDIR,
  log,
  opened,
  type Scheme,
  serve,
} from "anode-os/scheme";
import { O_CREATE, O_WRITE } from "anode-os/user";

const FORECAST: ReadonlyMap<string, string> = new Map([
  ["today", "sunny, 21 °C\n"],
  ["tomorrow", "rain, 14 °C\n"],
]);

/** A day, or the directory of days. */
interface Weather {
  text: string | undefined;
}

const weather: Scheme<Weather> = {
  open(path, { flags }) {
    if ((flags & (O_WRITE | O_CREATE)) !== 0) throw EACCES;
    const text = FORECAST.get(path.slice(1));
    if (text === undefined && path !== "/") throw ENOENT;
    // Reads are at offsets and change nothing: one that was in flight at a death may be repeated.
    // The same path is the same object in every incarnation, so open handles outlive this one.
    return opened({ text }, { positioned: true, identity: { object: path, generation: 0 } });
  },
  read({ text }, bytes, offset) {
    if (text === undefined) throw EISDIR;
    return copyAt(text, bytes, offset);
  },
  fsize: ({ text }) => Buffer.byteLength(text ?? ""),
  fstat: ({ text }) =>
    text === undefined
      ? { kind: "directory", size: 0, mode: 0o555 }
      : { kind: "file", size: Buffer.byteLength(text), mode: 0o444 },
  getdents({ text }, cursor) {
    if (text !== undefined) throw ENOTDIR;
    const days = [...FORECAST.keys()];
    return days.map((name, i) => ({ name, kind: "file" as const, next: i + 1 })).slice(cursor);
  },
};

await serve(weather);
log("looking out of the window");
