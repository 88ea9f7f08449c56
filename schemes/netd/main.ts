/**
 * The daemon of the network: `tcp: udp: icmp: ip: dns: netcfg:` over `network:/0`. Its arguments
 * are `dhcp`, or `ADDRESS/BITS [GATEWAY [NAMESERVER]]`.
 */

import { randomBytes, randomInt } from "node:crypto";
import { currentGate } from "../../ipc/abi.js";
import { hostClock } from "../../ipc/clock.js";
import { log, serve, system } from "../../user/scheme.js";
import { MAC_BYTES } from "../net/address.js";
import { netScheme } from "./faces.js";
import { Link, readMac } from "./link.js";
import { NetService } from "./service.js";
import { parseStatic } from "./static-address.js";

const SECRET_BYTES = 16;
const GENERATIONS = 2 ** 47;
const NO_MAC = new Uint8Array(MAC_BYTES);

const os = system();
const link = new Link(os, log);
const mac = await readMac(os);
const service = new NetService({
  mac: mac ?? NO_MAC,
  random: { below: (limit) => randomInt(limit) },
  secret: randomBytes(SECRET_BYTES),
  now: () => hostClock.now(),
  transmit: (frame) => link.transmit(frame),
  log,
  timer(then, milliseconds) {
    const timer = setTimeout(then, milliseconds);
    return () => clearTimeout(timer);
  },
});
if (mac === undefined) log("there is no network interface: only 127.0.0.1 can be reached");
else {
  void link.run((frame) => service.arrive(frame));
  const fixed = parseStatic(currentGate()?.self.args ?? []);
  if (fixed === undefined) service.startDhcp();
  else service.configure(fixed);
}
await serve(netScheme(service, randomInt(GENERATIONS)));
