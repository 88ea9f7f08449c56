/** The stack below TCP: ARP, IPv4 with fragments, ICMP, UDP, ourselves as a peer. */

import { describe, expect, it } from "vitest";
import { ARP_REPLY, encodeArp, parseArp } from "../../schemes/net/arp.js";
import { putEthernet } from "../../schemes/net/ethernet.js";
import { joinEcho, splitEcho } from "../../schemes/net/icmp.js";
import { newFrame, PAYLOAD_AT, putPacket } from "../../schemes/net/ipv4.js";
import { SOCKETS_MAX } from "../../schemes/net/limits.js";
import { TCP_DEFAULTS } from "../../schemes/net/tcp/settings.js";
import { encodeUdp } from "../../schemes/net/udp.js";
import { ADDRESS_A, ADDRESS_B, FINE_WEATHER, HostileLink } from "./hostile-link.js";

const MAC_A = Uint8Array.of(2, 0, 0, 0, 0, 1);
const MAC_B = Uint8Array.of(2, 0, 0, 0, 0, 2);
const ETHERNET_BYTES = 14;

function newLink(): HostileLink {
  const link = new HostileLink(1, FINE_WEATHER, { a: TCP_DEFAULTS, b: TCP_DEFAULTS });
  link.run(100);
  return link;
}

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();

describe("udp", () => {
  it("a datagram arrives with its sender, and the answer comes back", () => {
    const { a, b, ...link } = newLinkParts();
    const server = b.stack.udp.open({ address: 0, port: 53 });
    const client = a.stack.udp.open({ address: 0, port: 0 }, { address: ADDRESS_B, port: 53 });
    a.stack.sendDatagram(client, Buffer.from("who?"), { address: ADDRESS_B, port: 53 }, link.now());
    link.run(200);
    const asked = server.receive();
    expect(text(asked?.payload)).toBe("who?");
    expect(asked?.from).toEqual({ address: ADDRESS_A, port: client.local.port });
    b.stack.sendDatagram(server, Buffer.from("me"), asked?.from ?? client.local, link.now());
    link.run(300);
    expect(text(client.receive()?.payload)).toBe("me");
    expect(client.receive()).toBeUndefined();
  });

  it("a long datagram is cut into fragments and arrives whole", () => {
    const { a, b, ...link } = newLinkParts();
    const server = b.stack.udp.open({ address: 0, port: 9 });
    const client = a.stack.udp.open({ address: 0, port: 0 });
    const long = Uint8Array.from({ length: 65_507 }, (_, i) => i * 7);
    a.stack.sendDatagram(client, long, { address: ADDRESS_B, port: 9 }, link.now());
    const before = link.frames();
    link.run(300);
    expect(link.frames()).toBeGreaterThan(before + 40);
    expect(Buffer.compare(server.receive()?.payload ?? new Uint8Array(0), long)).toBe(0);
  });

  it("a port where nobody listens is refused, to a socket with one peer", () => {
    const { a, ...link } = newLinkParts();
    const peer = { address: ADDRESS_B, port: 7 };
    const client = a.stack.udp.open({ address: 0, port: 0 }, peer);
    a.stack.sendDatagram(client, Buffer.from("x"), peer, link.now());
    link.run(300);
    expect(client.error?.code).toBe("ECONNREFUSED");
  });

  it("the queue of a socket is bounded; what is too much is dropped and counted", () => {
    const { a, b, ...link } = newLinkParts();
    const server = b.stack.udp.open({ address: 0, port: 9 });
    const client = a.stack.udp.open({ address: 0, port: 0 });
    for (let i = 0; i < 200; i++) {
      a.stack.sendDatagram(client, Uint8Array.of(i), { address: ADDRESS_B, port: 9 }, link.now());
      link.run(link.now() + 10);
    }
    let count = 0;
    while (server.receive() !== undefined) count += 1;
    expect([count, server.dropped]).toEqual([128, 72]);
  });

  it("errors say what is wrong: no route, too long, a port that is taken, too many", () => {
    const { a, ...link } = newLinkParts();
    const { stack } = a;
    const socket = stack.udp.open({ address: 0, port: 1000 });
    const to = (address: number) => ({ address, port: 1 });
    const send = (bytes: number, address: number) => () =>
      stack.sendDatagram(socket, new Uint8Array(bytes), to(address), link.now());
    expect(send(1, 0x01020304)).toThrow(expect.objectContaining({ code: "ENETUNREACH" }));
    expect(send(65_508, ADDRESS_B)).toThrow(expect.objectContaining({ code: "EMSGSIZE" }));
    const again = () => stack.udp.open({ address: ADDRESS_A, port: 1000 });
    expect(again).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
    for (let i = 1; i < SOCKETS_MAX; i++) stack.udp.open({ address: 0, port: 2000 + i });
    const more = () => stack.udp.open({ address: 0, port: 0 });
    expect(more).toThrow(expect.objectContaining({ code: "ENOBUFS" }));
  });
});

describe("icmp", () => {
  it("an echo comes back with its number and its data", () => {
    const { a, ...link } = newLinkParts();
    const socket = a.stack.echo.open({ address: 0, port: 0 }, { address: ADDRESS_B, port: 0 });
    const body = Buffer.from("ping");
    a.stack.sendEcho(socket, { sequence: 258, body, to: ADDRESS_B }, link.now());
    link.run(300);
    const answer = splitEcho(socket.receive()?.payload ?? new Uint8Array(0));
    expect(answer?.sequence).toBe(258);
    expect(text(answer?.body)).toBe("ping");
    expect(splitEcho(Uint8Array.of(1))).toBeUndefined();
    expect([...joinEcho(258, Uint8Array.of(9))]).toEqual([2, 1, 9]);
  });

  it("a neighbour that does not exist is unreachable after a while", () => {
    const { a, ...link } = newLinkParts();
    const nobody = { address: 0x0a000063, port: 5 };
    const socket = a.stack.udp.open({ address: 0, port: 0 }, nobody);
    a.stack.sendDatagram(socket, Buffer.from("x"), nobody, link.now());
    link.run(10_000);
    expect(socket.error?.code).toBe("EHOSTUNREACH");
    expect(a.stack.neighbours.size).toBe(0);
  });
});

describe("arp", () => {
  it("an answer that nobody asked for teaches nothing", () => {
    const { a, ...link } = newLinkParts();
    const claim = { operation: ARP_REPLY, senderMac: MAC_B, senderAddress: 0x0a000009 };
    const frame = encodeArp({ ...claim, targetMac: MAC_A, targetAddress: ADDRESS_A }, MAC_A);
    a.stack.arrive(frame, link.now());
    expect(a.stack.neighbours.size).toBe(0);
  });

  it("our address is defended once in ten seconds (RFC 5227 §2.4)", () => {
    const { a, ...link } = newLinkParts();
    const claim = { operation: ARP_REPLY, senderMac: MAC_B, senderAddress: ADDRESS_A };
    const frame = encodeArp({ ...claim, targetMac: MAC_A, targetAddress: ADDRESS_A }, MAC_A);
    const before = link.frames();
    for (let i = 0; i < 10; i++) a.stack.arrive(frame, link.now());
    expect(link.frames()).toBe(before + 1);
    a.stack.arrive(frame, link.now() + 11_000);
    expect(link.frames()).toBe(before + 2);
    expect(parseArp(frame.subarray(ETHERNET_BYTES))?.senderAddress).toBe(ADDRESS_A);
  });
});

describe("ourselves", () => {
  it("a connection to our own address, and to 127.0.0.1, needs no link", () => {
    for (const address of [ADDRESS_A, 0x7f000001]) {
      const { a, ...link } = newLinkParts();
      const listener = a.stack.tcp.listen({ address: 0, port: 80 }, 4);
      const frames = link.frames();
      const remote = { address, port: 80 };
      const at = { nowMs: link.now(), settings: TCP_DEFAULTS };
      const connection = a.stack.connect(remote, { address: 0, port: 0 }, at);
      link.run(200);
      const accepted = listener.accepted.shift();
      connection.send(Buffer.from("hello"), link.now());
      link.run(300);
      const into = Buffer.alloc(10);
      expect(accepted?.receive(into, link.now())).toBe(5);
      expect(link.frames()).toBe(frames);
    }
  });

  it("a packet from outside that says to be ours is dropped", () => {
    const { a, ...link } = newLinkParts();
    const socket = a.stack.udp.open({ address: 0, port: 9 });
    for (const source of [ADDRESS_A, 0x7f000001]) {
      const addresses = { source, destination: ADDRESS_A };
      const ports = { sourcePort: 9, destinationPort: 9 };
      const frame = encodeUdp({ ...ports, payload: Uint8Array.of(1) }, addresses);
      const header = { protocol: 17, identification: 1, dontFragment: false };
      putPacket(frame, { ...addresses, ...header });
      putEthernet(frame, { destination: MAC_A, source: MAC_B, type: 0x0800 });
      a.stack.arrive(frame, link.now());
    }
    expect(socket.readable).toBe(false);
    expect(a.stack.counters.strange).toBe(2);
  });
});

describe("ipv4", () => {
  /** A fragment of a datagram to port 9 of host A. */
  function fragmentOf(whole: Uint8Array, offset: number, end: number): Uint8Array {
    const frame = newFrame(end - offset);
    frame.set(whole.subarray(offset, end), PAYLOAD_AT);
    const addresses = { source: ADDRESS_B, destination: ADDRESS_A };
    const header = { protocol: 17, identification: 77, dontFragment: false };
    putPacket(frame, { ...addresses, ...header }, { offset, more: end < whole.length });
    putEthernet(frame, { destination: MAC_A, source: MAC_B, type: 0x0800 });
    return frame;
  }

  function datagram(bytes: number): Uint8Array {
    const addresses = { source: ADDRESS_B, destination: ADDRESS_A };
    const payload = Uint8Array.from({ length: bytes }, (_, i) => i);
    return encodeUdp({ sourcePort: 5, destinationPort: 9, payload }, addresses).subarray(
      PAYLOAD_AT,
    );
  }

  it("a header whose checksum is wrong is dropped and counted", () => {
    const { a, ...link } = newLinkParts();
    const socket = a.stack.udp.open({ address: 0, port: 9 });
    const frame = fragmentOf(datagram(92), 0, 100);
    // The time to live: nothing else covers it.
    frame[ETHERNET_BYTES + 8] = 3;
    a.stack.arrive(frame, link.now());
    expect(socket.readable).toBe(false);
    expect(a.stack.counters.malformed).toBe(1);
  });

  it("fragments come in any order, and twice", () => {
    const { a, ...link } = newLinkParts();
    const socket = a.stack.udp.open({ address: 0, port: 9 });
    const whole = datagram(92);
    for (const [from, to] of [
      [64, 100],
      [0, 32],
      [0, 32],
      [32, 64],
    ] as const) {
      a.stack.arrive(fragmentOf(whole, from, to), link.now());
    }
    expect(socket.receive()?.payload.length).toBe(92);
  });

  it("fragments that overlap spoil their datagram (RFC 5722)", () => {
    const { a, ...link } = newLinkParts();
    const socket = a.stack.udp.open({ address: 0, port: 9 });
    const whole = datagram(92);
    a.stack.arrive(fragmentOf(whole, 0, 40), link.now());
    a.stack.arrive(fragmentOf(whole, 32, 100), link.now());
    a.stack.arrive(fragmentOf(whole, 40, 100), link.now());
    expect(socket.readable).toBe(false);
  });

  it("a datagram that does not arrive whole is given up, and its sender told", () => {
    const { a, ...link } = newLinkParts();
    a.stack.arrive(fragmentOf(datagram(92), 0, 40), link.now());
    const before = link.frames();
    expect(a.stack.deadlineMs).toBeLessThanOrEqual(link.now() + 30_000);
    link.run(link.now() + 31_000);
    // An ARP request for the sender, its answer, and the error.
    expect(link.frames()).toBeGreaterThan(before);
    expect(a.stack.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });
});

/** A link whose clock and counter can be asked. */
function newLinkParts() {
  const link = newLink();
  return {
    a: link.a,
    b: link.b,
    now: () => link.nowMs,
    frames: () => link.frames,
    run: (untilMs: number) => link.run(untilMs),
  };
}
