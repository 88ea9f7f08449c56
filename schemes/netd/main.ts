/**
 * The daemon of the network: `tcp: udp: icmp: ip: dns: netcfg:` over `network:/0`. Its arguments
 * are `dhcp`, or `ADDRESS/BITS [GATEWAY [NAMESERVER]]`.
 */

import { randomBytes, randomInt } from "node:crypto";
import { currentGate } from "../../ipc/abi.js";
import { hostClock } from "../../ipc/clock.js";
import { log, serve, system } from "../../user/scheme.js";
import { netScheme } from "./faces.js";
import { Link, readMac } from "./link.js";
import { NetService } from "./service.js";
import { parseStatic } from "./static-address.js";

const SECRET_BYTES = 16;
const GENERATIONS = 2 ** 47;

const os = system();
const link = new Link(os, log);
const service = new NetService({
  mac: await readMac(os),
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
void link.run((frame) => service.arrive(frame));
const words = currentGate()?.self.args ?? [];
const fixed = parseStatic(words);
if (fixed === undefined) service.startDhcp();
else service.configure(fixed);
await serve(netScheme(service, randomInt(GENERATIONS)));
