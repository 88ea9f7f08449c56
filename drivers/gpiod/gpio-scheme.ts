/**
 * `gpio:`: pins as files. For each pin N
 *
 * - `gpio:/N` is a folder;
 * - `gpio:/N/level` reads `0` or `1`, a line;
 * - `gpio:/N/high` and `gpio:/N/low` wait: a read answers the level as soon as the pin has it, and
 *   EVENT_READ holds while it has it;
 * - `gpio:/N/rising`, `gpio:/N/falling`, `gpio:/N/edge`: a read waits for an edge since the last
 *   read or the open, and answers the level after it; EVENT_READ holds while there is one;
 * - `gpio:/N/out` makes the pin an output as long as it is open; writing `0` or `1` sets its level.
 *
 * What has no memory in the driver outlives it: levels, and waits for a level. Edges and outputs
 * do not: the controller is reset with its driver, and edges may have passed meanwhile. Such a
 * handle is stale after a death (`ESTALE`, and a reset event); who opens it anew knows that.
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
  EVENT_WRITE,
  opened,
  type RequestContext,
  type Scheme,
} from "../../user/scheme.js";
import type { PinChange, PinListener } from "./gpio.js";

/** What the scheme needs of a controller. */
export interface Pins {
  readonly pinCount: number;
  level(pin: number): 0 | 1;
  setLevel(pin: number, level: 0 | 1): void;
  drive(pin: number): () => void;
  listen(pin: number, listener: PinListener): () => void;
}

/** A wait for edges. */
interface Edges {
  /** An edge that nobody has read. */
  pending: boolean;
  level: 0 | 1;
  /** Readers and watchers, told of the next one. */
  readonly waiting: Set<() => void>;
}

/** What is open. `release` gives back what the handle holds; `forget` what `fevent` has set up. */
type Handle = { release: () => void; forget: () => void } & (
  | { kind: "directory"; names: readonly string[] }
  | { kind: "level"; pin: number }
  | { kind: "wait"; pin: number; level: 0 | 1 }
  | { kind: "edges"; pin: number; edges: Edges }
  | { kind: "out"; pin: number }
);

const NAMES = ["level", "high", "low", "rising", "falling", "edge", "out"] as const;
type Name = (typeof NAMES)[number];
const EXCLUSIVE = O_CREATE | O_EXCLUSIVE;
const LEVEL = /^[01]\n?$/;

/** Which changes are edges of a name. */
const EDGES: Readonly<Record<string, (change: PinChange) => boolean>> = {
  rising: ({ rising }) => rising,
  falling: ({ falling }) => falling,
  edge: () => true,
};

/** Makes the scheme. @param generation - another one for each incarnation of the driver */
export function gpioScheme(pins: Pins, generation: number): Scheme<Handle> {
  return {
    open(path, { flags }) {
      const writes = (flags & O_WRITE) !== 0;
      const place = find(pins, path);
      if ((flags & EXCLUSIVE) === EXCLUSIVE) throw EACCES;
      if (place.name === undefined && writes) throw EISDIR;
      if (place.name !== undefined && (flags & O_DIRECTORY) !== 0) throw ENOTDIR;
      if (place.name !== "out" && writes) throw EACCES;
      const handle = open(pins, place);
      const forgets = handle.kind === "edges" || handle.kind === "out";
      return opened(handle, {
        positioned: handle.kind !== "edges",
        identity: { object: path, generation: forgets ? generation : 0 },
      });
    },
    read(handle, bytes, offset, context) {
      switch (handle.kind) {
        case "directory":
          throw EISDIR;
        case "level":
        case "out":
          return copyAt(lineOf(pins.level(handle.pin)), bytes, offset);
        case "wait":
          return readLevel(pins, handle, { bytes, offset, context });
        case "edges":
          return readEdge(handle.edges, bytes, context);
      }
    },
    write(handle, bytes) {
      if (handle.kind !== "out") throw EACCES;
      if (bytes.length === 0) return 0;
      const text = new TextDecoder().decode(bytes);
      if (!LEVEL.test(text)) throw EINVAL;
      pins.setLevel(handle.pin, text.startsWith("1") ? 1 : 0);
      return bytes.length;
    },
    fsize: () => 0,
    fsync() {},
    fstat: ({ kind }) =>
      kind === "directory"
        ? { kind, size: 0, mode: 0o555 }
        : { kind: "device", size: 0, mode: kind === "out" ? 0o600 : 0o400 },
    getdents(handle, cursor) {
      if (handle.kind !== "directory") throw ENOTDIR;
      const isRoot = handle.names[0] === "0";
      const kind = isRoot ? "directory" : "device";
      return handle.names
        .map((name, index) => ({ name, kind, next: index + 1 }) as const)
        .slice(cursor);
    },
    fevent(handle, mask, post) {
      handle.forget();
      handle.forget = () => undefined;
      return watch(pins, handle, { mask, post });
    },
    close(handle) {
      handle.forget();
      handle.release();
    },
  };
}

/** What a path names: a folder of pins or of files, or a file of a pin. */
interface Place {
  pin: number | undefined;
  name: Name | undefined;
}

/** @throws ENOENT, ENOTDIR */
function find({ pinCount }: Pins, path: string): Place {
  const [, number = "", name, rest] = path.split("/");
  if (number === "") return { pin: undefined, name: undefined };
  if (!/^(?:0|[1-9]\d?)$/.test(number) || Number(number) >= pinCount) throw ENOENT;
  if (name === undefined) return { pin: Number(number), name };
  const known = NAMES.find((candidate) => candidate === name);
  if (known === undefined) throw ENOENT;
  if (rest !== undefined) throw ENOTDIR;
  return { pin: Number(number), name: known };
}

function open(pins: Pins, { pin, name }: Place): Handle {
  const nothing = { release: () => undefined, forget: () => undefined };
  if (pin === undefined) {
    const names = Array.from({ length: pins.pinCount }, (_, index) => String(index));
    return { kind: "directory", names, ...nothing };
  }
  switch (name) {
    case undefined:
      return { kind: "directory", names: NAMES, ...nothing };
    case "level":
      return { kind: "level", pin, ...nothing };
    case "high":
    case "low":
      return { kind: "wait", pin, level: name === "high" ? 1 : 0, ...nothing };
    case "out":
      return { kind: "out", pin, ...nothing, release: pins.drive(pin) };
    default: {
      const edges: Edges = { pending: false, level: 0, waiting: new Set() };
      const isEdge = EDGES[name] ?? (() => true);
      const release = pins.listen(pin, (change) => {
        if (isEdge(change)) noteEdge(edges, change.level);
      });
      return { kind: "edges", pin, edges, ...nothing, release };
    }
  }
}

function noteEdge(edges: Edges, level: 0 | 1): void {
  edges.pending = true;
  edges.level = level;
  for (const tell of [...edges.waiting]) tell();
}

/** Waits until a pin has a level. */
function readLevel(
  pins: Pins,
  { pin, level }: { pin: number; level: 0 | 1 },
  { bytes, offset, context }: { bytes: Uint8Array; offset: number; context: RequestContext },
): number | Promise<number> {
  if (pins.level(pin) === level) return copyAt(lineOf(level), bytes, offset);
  if (context.nonblocking) throw EAGAIN;
  context.defer();
  return new Promise((resolve, reject) => {
    const has = (now: 0 | 1): void => {
      if (now !== level) return;
      forget();
      if (!context.canceled) resolve(copyAt(lineOf(level), bytes, offset));
    };
    // A pin that was there only for a moment has had the level, too.
    const forget = pins.listen(pin, ({ level: now, rising, falling }) =>
      has((level === 1 ? rising : falling) ? level : now),
    );
    context.onCancel(() => {
      forget();
      reject(ECANCELED);
    });
    // It may have come between the first look and the listening.
    has(pins.level(pin));
  });
}

/** Waits for an edge and takes it. */
function readEdge(
  edges: Edges,
  bytes: Uint8Array,
  context: RequestContext,
): number | Promise<number> {
  const take = (): number => {
    edges.pending = false;
    return copyAt(lineOf(edges.level), bytes, 0);
  };
  if (bytes.length === 0) return 0;
  if (edges.pending) return take();
  if (context.nonblocking) throw EAGAIN;
  context.defer();
  return new Promise((resolve, reject) => {
    const tell = (): void => {
      // Another reader of the same handle may have been quicker.
      if (context.canceled || !edges.pending) return;
      edges.waiting.delete(tell);
      resolve(take());
    };
    edges.waiting.add(tell);
    context.onCancel(() => {
      edges.waiting.delete(tell);
      reject(ECANCELED);
    });
  });
}

/** Which events hold now; sets up `post` for those that come. */
function watch(
  pins: Pins,
  handle: Handle,
  { mask, post }: { mask: number; post: (events: number) => void },
): number {
  if (handle.kind === "out") return mask & (EVENT_READ | EVENT_WRITE);
  if (handle.kind !== "wait" && handle.kind !== "edges") return mask & EVENT_READ;
  if ((mask & EVENT_READ) === 0) return 0;
  if (handle.kind === "edges") {
    const { edges } = handle;
    const tell = (): void => {
      if (edges.pending) post(EVENT_READ);
    };
    edges.waiting.add(tell);
    handle.forget = () => void edges.waiting.delete(tell);
    return edges.pending ? EVENT_READ : 0;
  }
  const { pin, level } = handle;
  handle.forget = pins.listen(pin, ({ level: now }) => {
    if (now === level) post(EVENT_READ);
  });
  return pins.level(pin) === level ? EVENT_READ : 0;
}

function lineOf(level: 0 | 1): string {
  return `${level}\n`;
}
