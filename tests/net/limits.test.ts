/** Every limit of the stack is hit once, and what happens then is what was promised. */

import { describe, expect, it } from "vitest";
import { seededRandom } from "../../ipc/clock.js";
import { LISTENERS_MAX, PATHS_MAX, RANGES_MAX, ROUTES_MAX } from "../../schemes/net/limits.js";
import { Routes } from "../../schemes/net/routes.js";
import { Stack } from "../../schemes/net/stack.js";
import { RangeSet } from "../../schemes/net/tcp/range-set.js";
import { TCP_DEFAULTS } from "../../schemes/net/tcp/settings.js";
import { TimerQueue } from "../../schemes/net/timer-queue.js";
import { TokenBucket } from "../../schemes/net/token-bucket.js";
import { Memory, WindowBuffer } from "../../schemes/net/window-buffer.js";
import { ADDRESS_A, ADDRESS_B, FINE_WEATHER, HostileLink } from "./hostile-link.js";

const code = (name: string) => expect.objectContaining({ code: name });
const ANY = { address: 0, port: 0 };

/** A host on its own, whose connections go to itself. */
function newStack(limits: { connectionsMax?: number; memoryBytes?: number }) {
  const stack = new Stack({
    mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
    random: seededRandom(1),
    secret: new Uint8Array(16),
    transmit: () => {},
    ...limits,
  });
  let nowMs = 0;
  const run = (ms: number): void => {
    for (const end = nowMs + ms; nowMs < end; nowMs += 1) stack.tick(nowMs);
  };
  const connect = (port: number) =>
    stack.connect({ address: 0x7f000001, port }, ANY, { nowMs, settings: TCP_DEFAULTS });
  return { stack, run, connect, now: () => nowMs };
}

describe("tcp limits", () => {
  it("too many connections: ENOBUFS, until one is over; the oldest in TIME-WAIT gives way", () => {
    const { stack, run, connect, now } = newStack({ connectionsMax: 4 });
    const listener = stack.tcp.listen({ address: 0, port: 80 });
    const first = connect(80);
    connect(80);
    run(10);
    expect(stack.tcp.connectionCount).toBe(4);
    expect(() => connect(80)).toThrow(code("ENOBUFS"));
    first.close(now());
    run(10);
    listener.accepted.shift()?.close(now());
    run(10);
    expect(first.tcb.state).toBe("time-wait");
    connect(80);
    expect(stack.tcp.connectionCount).toBe(4);
    connect(80);
    expect(stack.tcp.connectionCount).toBe(4);
    expect(first.tcb.state).toBe("closed");
  });

  it("too many listeners: ENOBUFS", () => {
    const { stack, now } = newStack({});
    const all = Array.from({ length: LISTENERS_MAX }, () => stack.tcp.listen(ANY));
    expect(() => stack.tcp.listen(ANY)).toThrow(code("ENOBUFS"));
    stack.tcp.unlisten(all[0] as (typeof all)[0], now());
    stack.tcp.listen(ANY);
  });

  it("nobody accepts: the peer tries again, and gets in when there is room", () => {
    const { stack, run, connect } = newStack({});
    const listener = stack.tcp.listen({ address: 0, port: 80 }, 1);
    const first = connect(80);
    run(10);
    const second = connect(80);
    run(500);
    expect([first.tcb.state, second.tcb.state]).toEqual(["established", "syn-sent"]);
    expect(listener.accepted.splice(0)).toHaveLength(1);
    run(3000);
    expect(second.tcb.state).toBe("established");
    expect(listener.accepted).toHaveLength(1);
  });

  it("a listener that is closed resets who was not accepted", () => {
    const { stack, run, connect, now } = newStack({});
    const listener = stack.tcp.listen({ address: 0, port: 80 });
    const connection = connect(80);
    run(10);
    stack.tcp.unlisten(listener, now());
    run(10);
    expect(connection.error?.code).toBe("ECONNRESET");
    expect(stack.tcp.connectionCount).toBe(0);
  });

  it("without memory nothing is taken, and nothing is lost: it goes on when there is some", () => {
    const settings = { a: TCP_DEFAULTS, b: TCP_DEFAULTS };
    const link = new HostileLink(1, FINE_WEATHER, settings);
    const { memory } = link.b.stack.tcp;
    const listener = link.b.stack.tcp.listen({ address: 0, port: 80 });
    const at = { nowMs: 0, settings: TCP_DEFAULTS };
    const remote = { address: ADDRESS_B, port: 80 };
    const connection = link.a.stack.connect(remote, ANY, at);
    link.run(100);
    const [accepted] = listener.accepted;
    const all = memory.freeBytes;
    expect(memory.take(all)).toBe(true);
    connection.send(Buffer.from("patience"), link.nowMs);
    link.run(5000);
    expect(accepted?.readable).toBe(0);
    expect(accepted?.send(Buffer.from("x"), link.nowMs)).toBe(0);
    memory.give(all);
    link.run(30_000);
    expect(accepted?.readable).toBe(8);
    const into = Buffer.alloc(8);
    accepted?.receive(into, link.nowMs);
    expect(into.toString()).toBe("patience");
    // An empty buffer has no memory.
    expect(memory.freeBytes).toBe(all);
  });

  it("an address that is taken away ends its connections", () => {
    const settings = { a: TCP_DEFAULTS, b: TCP_DEFAULTS };
    const link = new HostileLink(1, FINE_WEATHER, settings);
    link.b.stack.tcp.listen({ address: 0, port: 80 });
    const at = { nowMs: 0, settings: TCP_DEFAULTS };
    const connection = link.a.stack.connect({ address: ADDRESS_B, port: 80 }, ANY, at);
    link.run(100);
    link.a.stack.removeAddress(ADDRESS_A, link.nowMs);
    expect(connection.error?.code).toBe("ECONNABORTED");
    expect(link.a.stack.routes.list).toHaveLength(0);
  });
});

describe("parts", () => {
  it("ranges: joined when they touch, refused when they are too many, told newest first", () => {
    const ranges = new RangeSet(RANGES_MAX);
    for (let i = 0; i < RANGES_MAX; i++) expect(ranges.add(i * 10, i * 10 + 5)).toBe(true);
    expect(ranges.add(5000, 5005)).toBe(false);
    // Room is made by what joins two.
    expect(ranges.add(5, 10)).toBe(true);
    expect(ranges.add(5000, 5005)).toBe(true);
    expect(ranges.newest(2)).toEqual([
      { start: 5000, end: 5005 },
      { start: 0, end: 15 },
    ]);
    expect(ranges.covered(3, 12)).toBe(9);
    expect(ranges.gapFrom(7)).toBe(15);
  });

  it("ranges: the same as a set of numbers, for many sequences (seed 7)", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 200; round++) {
      const base = random.below(2) === 0 ? 0 : 2 ** 32 - 50;
      const ranges = new RangeSet(RANGES_MAX);
      const model = new Set<number>();
      for (let i = 0; i < 12; i++) {
        const start = random.below(100);
        const size = 1 + random.below(10);
        ranges.add((base + start) >>> 0, (base + start + size) >>> 0);
        for (let n = start; n < start + size; n++) model.add(n);
      }
      const holds = (n: number): boolean =>
        ranges.covered((base + n) >>> 0, (base + n + 1) >>> 0) === 1;
      const numbers = Array.from({ length: 110 }, (_, n) => n);
      expect(numbers.filter(holds)).toEqual(numbers.filter((n) => model.has(n)));
    }
  });

  it("timers: come in the order of their moments, whatever was moved (seed 8)", () => {
    const random = seededRandom(8);
    const queue = new TimerQueue<number>();
    const moments = new Map<number, number>();
    for (let i = 0; i < 3000; i++) {
      const item = random.below(100);
      const atMs = random.below(10) === 0 ? Number.POSITIVE_INFINITY : random.below(1000);
      queue.schedule(item, atMs);
      if (atMs === Number.POSITIVE_INFINITY) moments.delete(item);
      else moments.set(item, atMs);
    }
    expect(queue.size).toBe(moments.size);
    let last = -1;
    for (let item = queue.take(1000); item !== undefined; item = queue.take(1000)) {
      const atMs = moments.get(item) ?? -1;
      expect(atMs).toBeGreaterThanOrEqual(last);
      last = atMs;
    }
    expect(queue.nextMs).toBe(Number.POSITIVE_INFINITY);
  });

  it("routes: the longest prefix wins; too many are refused", () => {
    const routes = new Routes();
    const way = { gateway: undefined, source: ADDRESS_A };
    routes.add({ network: 0, prefix: 0, ...way });
    routes.add({ network: 0x0a000000, prefix: 8, ...way });
    routes.add({ network: 0x0a010000, prefix: 16, ...way });
    expect(routes.lookup(0x0a010203)?.prefix).toBe(16);
    expect(routes.lookup(0x0a020203)?.prefix).toBe(8);
    expect(routes.lookup(0x01020304)?.prefix).toBe(0);
    expect(() => routes.add({ network: 0, prefix: 0, ...way })).toThrow(code("EEXIST"));
    for (let i = 3; i < ROUTES_MAX; i++) routes.add({ network: i * 65_536, prefix: 16, ...way });
    expect(() => routes.add({ network: 5, prefix: 32, ...way })).toThrow(code("ENOBUFS"));
  });

  it("routes: narrow paths are remembered for ten minutes, so many, and not too narrow", () => {
    const routes = new Routes();
    expect(routes.narrow(1, 68, 0)).toBe(552);
    expect(routes.mtu(1, 1500, 599_999)).toBe(552);
    expect(routes.mtu(1, 1500, 600_000)).toBe(1500);
    for (let i = 0; i < PATHS_MAX + 10; i++) routes.narrow(i, 1000, 0);
    expect(routes.pathCount).toBe(PATHS_MAX);
  });

  it("token bucket: so many at once, then so many in a second", () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 });
    const taken = (nowMs: number): number => {
      let count = 0;
      while (bucket.take(nowMs)) count += 1;
      return count;
    };
    expect([taken(0), taken(50), taken(100), taken(10_000)]).toEqual([3, 0, 1, 3]);
  });

  it("window buffer: bytes survive growing and wrapping around (seed 9)", () => {
    const random = seededRandom(9);
    const memory = new Memory(100_000);
    const buffer = new WindowBuffer(20_000, memory);
    let [head, used] = [0, 0];
    for (let i = 0; i < 500; i++) {
      const size = Math.min(random.below(3000), 20_000 - used);
      const bytes = Uint8Array.from({ length: size }, (_, n) => (head + used + n) * 7);
      expect(buffer.write(used, bytes, used)).toBe(true);
      used += size;
      const count = Math.min(used, random.below(3000));
      const into = new Uint8Array(count);
      buffer.peek(0, into);
      const same = into.every((byte, n) => byte === (((head + n) * 7) & 0xff));
      expect(same, `round ${i}`).toBe(true);
      buffer.drop(count);
      head += count;
      used -= count;
    }
    expect(buffer.write(used, new Uint8Array(20_001 - used), used)).toBe(false);
    expect(buffer.capacity).toBeLessThanOrEqual(20_000);
    buffer.release();
    expect(memory.freeBytes).toBe(100_000);
  });
});
