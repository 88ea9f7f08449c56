/**
 * A `network:` with one interface, and a host on the other end of its cable: 10.0.2.2 with servers.
 * `network:/greet/PORT` has that host connect to the guest, say hello, and reads what it heard.
 */

import { randomBytes, randomInt } from "node:crypto";
import { hostClock } from "../../../ipc/clock.js";
import { NetService } from "../../../schemes/netd/service.js";
import { Signal } from "../../../schemes/netd/signal.js";
import { copyAt, ENOENT, log, opened, serve } from "../../../user/scheme.js";
import { greet, PEER_ADDRESS, startDhcpServer, startEcho, startNameServer } from "./servers.js";

const FRAMES_MAX = 1000;

interface Handle {
  text?: { text: string };
}

const queue: Uint8Array[] = [];
const signal = new Signal();
const service = new NetService({
  mac: Uint8Array.of(2, 0, 0, 0, 2, 2),
  random: { below: (limit) => randomInt(limit) },
  secret: randomBytes(16),
  now: () => hostClock.now(),
  transmit(frame) {
    if (queue.length >= FRAMES_MAX) return;
    queue.push(frame);
    signal.fire();
  },
  log,
  timer(then, milliseconds) {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
});
const peer = { address: PEER_ADDRESS, prefix: 24, router: undefined, nameServers: [] };
service.configure(peer);
startEcho(service);
startDhcpServer(service);
startNameServer(service);

await serve<Handle>({
  open(path) {
    const port = /^\/greet\/(\d+)$/.exec(path)?.[1];
    if (path === "/0/mac") return { text: { text: "52:54:00:12:34:56\n" } };
    if (port !== undefined) return { text: greet(service, Number(port)) };
    if (path !== "/0") throw ENOENT;
    return opened({}, { positioned: true });
  },
  read({ text }, bytes, offset, context) {
    if (text !== undefined) return copyAt(text.text, bytes, offset);
    const attempt = () => {
      const frame = queue.shift();
      return frame === undefined ? undefined : copyAt(frame, bytes, 0);
    };
    return signal.wait(context, attempt, false);
  },
  write(_handle, bytes) {
    service.arrive(bytes.slice());
    return bytes.length;
  },
});
