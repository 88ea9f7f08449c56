/**
 * Frames from an attacker on the link of a host that has a transfer under way: damaged, forged,
 * overlapping, in floods. What must hold: nothing throws, every table keeps within its limit, and
 * the transfer arrives unharmed and in time.
 */

import { type Random, seededRandom } from "../../ipc/clock.js";
import { encodeArp } from "../../schemes/net/arp.js";
import { putEthernet } from "../../schemes/net/ethernet.js";
import { encodeIcmp } from "../../schemes/net/icmp.js";
import { newFrame, PAYLOAD_AT, putPacket } from "../../schemes/net/ipv4.js";
import {
  CONNECTIONS_MAX,
  NEIGHBOURS_MAX,
  PATHS_MAX,
  REASSEMBLY_BYTES_MAX,
} from "../../schemes/net/limits.js";
import type { TcpOptions } from "../../schemes/net/tcp/options.js";
import { encodeSegment, type Segment, segmentBytes } from "../../schemes/net/tcp/segment.js";
import { TCP_DEFAULTS } from "../../schemes/net/tcp/settings.js";
import { encodeUdp } from "../../schemes/net/udp.js";
import { ADDRESS_A, ADDRESS_B, FINE_WEATHER, HostileLink } from "./hostile-link.js";

const MAC_A = Uint8Array.of(2, 0, 0, 0, 0, 1);
const MAC_EVIL = Uint8Array.of(2, 0, 0, 0, 0, 9);
const ETHERNET_BYTES = 14;
const PORT = 80;
const TRANSFER_BYTES = 300_000;
/** Between two frames of the attacker. */
const PAUSE_MS = 0.05;

/** What the attacker knows of the transfer: its ends, not its numbers. */
interface Target {
  port: number;
}

type Attack = (random: Random, target: Target) => Uint8Array;

const bytes = (random: Random, max: number): Uint8Array =>
  Uint8Array.from({ length: random.below(max + 1) }, () => random.below(256));

/** An address that is sometimes ours, the peer's, special, or anybody's. */
function anAddress(random: Random): number {
  const known = [ADDRESS_A, ADDRESS_B, 0, 0xffffffff, 0x7f000001, 0xe0000001, 0x0a0000ff];
  return known[random.below(known.length * 2)] ?? random.below(2 ** 32);
}

function inPacket(frame: Uint8Array, random: Random, header: { source: number; protocol: number }) {
  const offset = random.below(4) === 0 ? random.below(200) * 8 : 0;
  const more = random.below(6) === 0;
  const identification = random.below(4);
  const rest = { destination: ADDRESS_A, identification, dontFragment: random.below(2) === 0 };
  putPacket(frame, { ...header, ...rest }, { offset, more });
  putEthernet(frame, { destination: MAC_A, source: MAC_EVIL, type: 0x0800 });
  return frame;
}

function inSegment(random: Random, segment: Segment, source: number): Uint8Array {
  const frame = newFrame(segmentBytes(segment));
  const addresses = { source, destination: ADDRESS_A };
  encodeSegment(segment, addresses, { packet: frame, at: PAYLOAD_AT });
  putPacket(frame, { ...addresses, protocol: 6, identification: 1, dontFragment: true });
  putEthernet(frame, { destination: MAC_A, source: MAC_EVIL, type: 0x0800 });
  // Sometimes something in it is wrong.
  if (random.below(4) === 0) {
    const at = ETHERNET_BYTES + random.below(frame.length - ETHERNET_BYTES);
    frame[at] = random.below(256);
  }
  return frame;
}

function someOptions(random: Random): TcpOptions {
  const range = () => ({ start: random.below(2 ** 32), end: random.below(2 ** 32) });
  return {
    ...(random.below(2) === 0 ? { mss: random.below(65_536) } : {}),
    ...(random.below(2) === 0 ? { windowScale: random.below(256) } : {}),
    ...(random.below(2) === 0 ? { sackPermitted: true } : {}),
    ...(random.below(3) === 0 ? { sack: [range(), range()] } : {}),
  };
}

const ATTACKS: Readonly<Record<string, Attack>> = {
  noise: (random) => bytes(random, 200),
  arp: (random) =>
    encodeArp({
      operation: random.below(4),
      senderMac: MAC_EVIL,
      senderAddress: random.below(8) === 0 ? ADDRESS_A : random.below(2 ** 32),
      targetMac: MAC_A,
      targetAddress: ADDRESS_A,
    }),
  packet(random) {
    const frame = newFrame(random.below(300));
    frame.set(bytes(random, frame.length - PAYLOAD_AT), PAYLOAD_AT);
    inPacket(frame, random, { source: anAddress(random), protocol: random.below(20) });
    // A header that lies: version, lengths, options, anything.
    if (random.below(2) === 0) frame[ETHERNET_BYTES + random.below(20)] = random.below(256);
    return frame.subarray(0, frame.length - (random.below(4) === 0 ? random.below(40) : 0));
  },
  udp(random) {
    const source = anAddress(random);
    const ports = { sourcePort: random.below(65_536), destinationPort: random.below(100) };
    const payload = bytes(random, 100);
    const frame = encodeUdp({ ...ports, payload }, { source, destination: ADDRESS_A });
    return inPacket(frame, random, { source, protocol: 17 });
  },
  icmp(random) {
    const source = anAddress(random);
    // An error that quotes a segment of the transfer, or so it says.
    const quoted = newFrame(20).subarray(ETHERNET_BYTES);
    quoted.set(bytes(random, 40).subarray(0, 40), 0);
    const message = { type: random.below(20), code: random.below(6), identifier: 0 };
    const sequence = random.below(3) === 0 ? 68 : random.below(65_536);
    return inPacket(encodeIcmp({ ...message, sequence, body: quoted }), random, {
      source,
      protocol: 1,
    });
  },
  synFlood(random) {
    const segment = {
      sourcePort: 1 + random.below(65_535),
      destinationPort: PORT,
      sequence: random.below(2 ** 32),
      acknowledgment: 0,
      flags: 2,
      window: random.below(65_536),
      options: someOptions(random),
      payload: new Uint8Array(0),
    };
    return inSegment(random, segment, random.below(0xdfffffff));
  },
  injection(random, { port }) {
    const segment = {
      sourcePort: PORT,
      destinationPort: port,
      sequence: random.below(2 ** 32),
      acknowledgment: random.below(2 ** 32),
      flags: random.below(64),
      window: random.below(65_536),
      options: someOptions(random),
      payload: bytes(random, 50),
    };
    return inSegment(random, segment, ADDRESS_B);
  },
};

/** What the transfer did under attack. */
export interface FuzzOutcome {
  readonly frames: number;
  readonly virtualMs: number;
}

/** Runs one seed with so many frames. Throws when something that must hold did not. */
export function fuzzFrames(seed: number, frames: number): FuzzOutcome {
  const random = seededRandom(seed);
  const link = new HostileLink(seed, FINE_WEATHER, { a: TCP_DEFAULTS, b: TCP_DEFAULTS });
  const transfer = startTransfer(link);
  link.a.stack.tcp.listen({ address: 0, port: PORT });
  const names = Object.keys(ATTACKS);
  for (let i = 0; i < frames; i++) {
    const attack = ATTACKS[names[random.below(names.length)] ?? "noise"] as Attack;
    link.a.stack.arrive(attack(random, { port: transfer.port }), link.nowMs);
    if (i % 20 === 0) link.run(link.nowMs + 20 * PAUSE_MS);
    checkLimits(link);
  }
  link.run(link.nowMs + 60_000);
  if (transfer.received() !== TRANSFER_BYTES) {
    throw new Error(`the transfer has ${transfer.received()} bytes, ${transfer.error()}`);
  }
  // Handshakes, fragments and questions of strangers are forgotten in the end.
  link.run(link.nowMs + 600_000);
  if (link.a.stack.tcp.connectionCount > 1) throw new Error("strangers' connections are left");
  return { frames, virtualMs: link.nowMs };
}

/** Host B sends, host A receives and checks. */
function startTransfer(link: HostileLink) {
  const { a, b } = link;
  const listener = b.stack.tcp.listen({ address: 0, port: PORT });
  const at = { nowMs: 0, settings: TCP_DEFAULTS };
  const remote = { address: ADDRESS_B, port: PORT };
  const connection = a.stack.connect(remote, { address: 0, port: 0 }, at);
  let sent = 0;
  let received = 0;
  const pattern = (index: number): number => (index * 31 + (index >> 8)) & 0xff;
  const into = new Uint8Array(8192);
  link.a.work = () => {
    for (;;) {
      const count = connection.receive(into, link.nowMs);
      if (count === 0) return;
      for (let i = 0; i < count; i++) {
        if (into[i] !== pattern(received + i)) throw new Error(`byte ${received + i} is wrong`);
      }
      received += count;
    }
  };
  link.b.work = () => {
    const [accepted] = listener.accepted;
    if (accepted === undefined || sent === TRANSFER_BYTES || accepted.error) return;
    // A little at a time, so that it lasts as long as the attack.
    const size = Math.min(TRANSFER_BYTES - sent, 1000, accepted.writable);
    const piece = Uint8Array.from({ length: size }, (_, i) => pattern(sent + i));
    sent += accepted.send(piece, link.nowMs);
  };
  link.run(100);
  return {
    port: connection.ends.local.port,
    received: () => received,
    error: () => `${connection.tcb.state} ${connection.error?.code ?? ""}`,
  };
}

function checkLimits({ a: { stack } }: HostileLink): void {
  const { tcp, neighbours, routes } = stack;
  const within =
    tcp.connectionCount <= CONNECTIONS_MAX &&
    neighbours.size <= NEIGHBOURS_MAX &&
    routes.pathCount <= PATHS_MAX &&
    stack.reassemblyBytes <= REASSEMBLY_BYTES_MAX &&
    tcp.memory.freeBytes >= 0;
  if (!within) throw new Error("a table has grown beyond its limit");
}
