/**
 * `network:`: network interfaces as files. `network:/0` is the first one: each read takes one
 * Ethernet frame, each write sends one, both without FCS. `network:/0/mac`, `/0/link` and
 * `/0/counters` are text. Every open handle gets every frame that comes after its open; what it
 * does not read in time is dropped and counted. After a restart of the driver handles go on: frames
 * that were under way may be lost, or sent twice, as on any Ethernet.
 */

import { O_CREATE, O_DIRECTORY, O_EXCLUSIVE, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import {
  copyAt,
  EACCES,
  EAGAIN,
  ECANCELED,
  EEXIST,
  EINVAL,
  EISDIR,
  EMSGSIZE,
  ENOENT,
  ENOTDIR,
  EVENT_READ,
  EVENT_WRITE,
  opened,
  type RequestContext,
  type Scheme,
} from "../../user/scheme.js";
import { FRAME_BYTES_MAX, FRAME_BYTES_MIN, type NetworkDevice } from "./network-device.js";
import { Tap } from "./tap.js";

/** What is open: the directory, frames, or text. */
export type NetworkHandle =
  | { kind: "directory" }
  | { kind: "frames"; device: NetworkDevice; tap: Tap }
  | { kind: "text"; text: string };

const EXCLUSIVE = O_CREATE | O_EXCLUSIVE;
const NAME = /^\/(\d+)(?:\/(mac|link|counters))?$/;

/** One interface and the handles that listen to it. */
interface Interface {
  device: NetworkDevice;
  taps: Set<Tap>;
}

/** Makes the scheme for the interfaces of one driver. */
export function networkScheme(devices: readonly NetworkDevice[]): Scheme<NetworkHandle> {
  const interfaces = devices.map((device): Interface => {
    const taps = new Set<Tap>();
    device.onFrame((frame) => {
      for (const tap of taps) tap.arrive(frame);
    });
    return { device, taps };
  });
  return {
    open(path, { flags }) {
      // Without an identity frames never wait for one another; a repeated one does no harm.
      return opened(openHandle(interfaces, path, flags), { positioned: true });
    },
    read(handle, bytes, offset, context) {
      if (handle.kind === "directory") throw EISDIR;
      if (handle.kind === "text") return copyAt(handle.text, bytes, offset);
      return readFrame(handle.tap, bytes, context);
    },
    async write(handle, bytes) {
      if (handle.kind !== "frames") throw EACCES;
      if (bytes.length < FRAME_BYTES_MIN) throw EINVAL;
      if (bytes.length > FRAME_BYTES_MAX) throw EMSGSIZE;
      await handle.device.send(bytes);
      return bytes.length;
    },
    fsize: (handle) => (handle.kind === "text" ? handle.text.length : 0),
    fsync() {},
    fstat(handle) {
      if (handle.kind === "directory") return { kind: "directory", size: 0, mode: 0o555 };
      if (handle.kind === "text") return { kind: "file", size: handle.text.length, mode: 0o444 };
      return { kind: "device", size: 0, mode: 0o600 };
    },
    getdents(handle, cursor) {
      if (handle.kind !== "directory") throw ENOTDIR;
      const names = interfaces.map((_, i) => String(i));
      return names.map((name, i) => ({ name, kind: "device", next: i + 1 }) as const).slice(cursor);
    },
    fevent(handle, mask, post) {
      if (handle.kind !== "frames") return mask & EVENT_READ;
      handle.tap.onArrival = (mask & EVENT_READ) === 0 ? undefined : () => post(EVENT_READ);
      return mask & (EVENT_WRITE | (handle.tap.waiting > 0 ? EVENT_READ : 0));
    },
    close(handle) {
      if (handle.kind !== "frames") return;
      for (const { taps } of interfaces) taps.delete(handle.tap);
    },
  };
}

function openHandle(interfaces: readonly Interface[], path: string, flags: number): NetworkHandle {
  if (path === "/") {
    if ((flags & O_WRITE) !== 0) throw EISDIR;
    return { kind: "directory" };
  }
  const [, number, fact] = NAME.exec(path) ?? [];
  const found = number === undefined ? undefined : interfaces[Number(number)];
  if (found === undefined) throw ENOENT;
  if ((flags & O_DIRECTORY) !== 0) throw ENOTDIR;
  if ((flags & EXCLUSIVE) === EXCLUSIVE) throw EEXIST;
  const { device, taps } = found;
  if (fact !== undefined) {
    if ((flags & O_WRITE) !== 0) throw EACCES;
    return { kind: "text", text: textOf(found, fact) };
  }
  const tap = new Tap();
  // Who only sends would never read what was kept for him.
  if ((flags & O_READ) !== 0) taps.add(tap);
  return { kind: "frames", device, tap };
}

function textOf({ device, taps }: Interface, fact: string): string {
  if (fact === "link") return device.linkUp ? "up\n" : "down\n";
  if (fact === "mac")
    return `${Buffer.from(device.mac)
      .toString("hex")
      .replace(/..(?!$)/g, "$&:")}\n`;
  const dropped = [...taps].reduce((sum, tap) => sum + tap.dropped, 0);
  const facts = { ...device.counts, unread: dropped };
  return Object.entries(facts)
    .map(([name, value]) => `${name}\t${value}\n`)
    .join("");
}

/** The next frame, whole or not at all: a buffer that is too small leaves it where it is. */
function readFrame(tap: Tap, bytes: Uint8Array, context: RequestContext): number | Promise<number> {
  const count = tap.take(bytes);
  if (count === "too small") throw EMSGSIZE;
  if (count !== undefined) return count;
  if (context.nonblocking) throw EAGAIN;
  context.defer();
  return new Promise((resolve, reject) => {
    const wait = (): void => {
      const forget = tap.whenReadable(() => {
        if (context.canceled) return false;
        const taken = tap.take(bytes);
        if (taken === "too small") reject(EMSGSIZE);
        else if (taken === undefined) return false;
        else resolve(taken);
        return true;
      });
      context.onCancel(() => {
        forget();
        reject(ECANCELED);
      });
    };
    wait();
  });
}
