/** SYN cookies: what they carry, who believes them, and a handshake in the middle of a flood. */

import { describe, expect, it } from "vitest";
import { SYN_BACKLOG_MAX } from "../../schemes/net/limits.js";
import { cookieTimestamp, makeCookie, readCookie } from "../../schemes/net/tcp/cookie.js";
import { SequenceSecret } from "../../schemes/net/tcp/initial-sequence.js";
import type { Segment } from "../../schemes/net/tcp/segment.js";
import { TCP_DEFAULTS } from "../../schemes/net/tcp/settings.js";
import { ADDRESS_A, ADDRESS_B, FINE_WEATHER, HostileLink } from "./hostile-link.js";

const ENDS = {
  local: { address: ADDRESS_A, port: 80 },
  remote: { address: ADDRESS_B, port: 50_000 },
};
const SYN: Segment = {
  sourcePort: 50_000,
  destinationPort: 80,
  sequence: 777,
  acknowledgment: 0,
  flags: 2,
  window: 1000,
  options: { mss: 1460, windowScale: 7, sackPermitted: true, timestamp: { value: 5, echo: 0 } },
  payload: new Uint8Array(0),
};

function ackOf(cookie: number, echo: number): Segment {
  const options = { timestamp: { value: 6, echo } };
  return { ...SYN, flags: 16, sequence: 778, acknowledgment: (cookie + 1) >>> 0, options };
}

describe("syn cookies", () => {
  const secret = new SequenceSecret(new Uint8Array(16).fill(3));
  const cookie = makeCookie(secret, ENDS, { syn: SYN, nowMs: 1000 });
  const echo = cookieTimestamp(123_456, SYN.options);

  it("carry MSS, scale and SACK", () => {
    expect(echo).toBeLessThanOrEqual(123_456);
    const read = readCookie(secret, ENDS, { ack: ackOf(cookie, echo), nowMs: 2000 });
    expect(read?.sequence).toBe(cookie);
    expect(read?.syn.sequence).toBe(777);
    expect(read?.syn.options).toMatchObject({ mss: 1460, windowScale: 7, sackPermitted: true });
  });

  it("are believed for a minute or two, from their peer, with its number, under one secret", () => {
    const ack = ackOf(cookie, echo);
    expect(readCookie(secret, ENDS, { ack, nowMs: 100_000 })).toBeDefined();
    expect(readCookie(secret, ENDS, { ack, nowMs: 200_000 })).toBeUndefined();
    const other = { ...ENDS, remote: { ...ENDS.remote, port: 50_001 } };
    expect(readCookie(secret, other, { ack, nowMs: 1000 })).toBeUndefined();
    const shifted = { ...ack, sequence: 779 };
    expect(readCookie(secret, ENDS, { ack: shifted, nowMs: 1000 })).toBeUndefined();
    const stranger = new SequenceSecret(new Uint8Array(16).fill(4));
    expect(readCookie(stranger, ENDS, { ack, nowMs: 1000 })).toBeUndefined();
  });

  it("let a peer in while a flood fills the backlog", () => {
    const link = new HostileLink(1, FINE_WEATHER, { a: TCP_DEFAULTS, b: TCP_DEFAULTS });
    const listener = link.a.stack.tcp.listen({ address: 0, port: 80 });
    for (let port = 1; port <= 3 * SYN_BACKLOG_MAX; port++) {
      const remote = { address: 0x0a000099, port };
      link.a.stack.tcp.arrive(SYN, { local: ENDS.local, remote }, 0);
    }
    expect(listener.halfOpenCount).toBe(SYN_BACKLOG_MAX);
    const at = { nowMs: 0, settings: TCP_DEFAULTS };
    const remote = { address: ADDRESS_A, port: 80 };
    const connection = link.b.stack.connect(remote, { address: 0, port: 0 }, at);
    link.run(100);
    connection.send(Buffer.from("through"), link.nowMs);
    link.run(200);
    const [accepted] = listener.accepted;
    expect(accepted?.readable).toBe(7);
    expect(accepted?.tcb.sendScale).toBe(2);
    expect(accepted?.tcb.sack).toBe(true);
    // Nobody acknowledges the others: they are forgotten.
    link.run(200_000);
    expect(listener.halfOpenCount).toBe(0);
  });
});
