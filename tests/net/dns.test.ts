/** Names: messages (RFC 1035 §4) and the resolver with its cache. */

import { describe, expect, it } from "vitest";
import { seededRandom } from "../../ipc/clock.js";
import { encodeQuestion, isName, parseAnswer } from "../../schemes/net/dns-message.js";
import { DNS_CACHE_MAX, DNS_QUESTIONS_MAX } from "../../schemes/net/limits.js";
import { type Resolved, Resolver } from "../../schemes/net/resolver.js";
import { TCP_DEFAULTS } from "../../schemes/net/tcp/settings.js";
import { ADDRESS_B, FINE_WEATHER, HostileLink } from "./hostile-link.js";

const QUESTION = { identifier: 0x1234, name: "www.example.com" };

/** An answer to the question with these records, written as bytes after it. */
function answer(records: number[][], flags = 0x8180, authorities = 0): Uint8Array {
  const head = Buffer.from(encodeQuestion(QUESTION.identifier, QUESTION.name));
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(records.length - authorities, 6);
  head.writeUInt16BE(authorities, 8);
  return Buffer.concat([head, ...records.map((record) => Buffer.from(record))]);
}

/** The name of the question is at byte 12; "example.com" of it at 16. */
const A = (low: number): number[] => [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, low];

describe("dns messages", () => {
  it("an answer has addresses and how long they hold", () => {
    expect(parseAnswer(answer([A(1), A(2)]), QUESTION)).toEqual({
      tag: "addresses",
      addresses: [0x0a000001, 0x0a000002],
      ttlS: 60,
    });
  });

  it("aliases are followed, and the shortest time counts", () => {
    const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 16];
    const there = [0xc0, 16, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7];
    expect(parseAnswer(answer([there, alias]), QUESTION)).toEqual({
      tag: "addresses",
      addresses: [0x0a000007],
      ttlS: 9,
    });
  });

  it("aliases in a circle end", () => {
    const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12];
    expect(parseAnswer(answer([alias]), QUESTION)).toEqual({ tag: "none", ttlS: 0 });
  });

  it("no such name, with the time of the zone (RFC 2308)", () => {
    const soa = [0xc0, 16, 0, 6, 0, 1, 0, 0, 1, 0, 0, 1, 0];
    expect(parseAnswer(answer([soa], 0x8183, 1), QUESTION)).toEqual({ tag: "none", ttlS: 256 });
  });

  it("a server that fails, or has more than fits, has not answered", () => {
    for (const flags of [0x8182, 0x8185, 0x8380]) {
      expect(parseAnswer(answer([A(1)], flags), QUESTION)).toEqual({ tag: "failed" });
    }
  });

  it("another number, another name, a question: not the answer (RFC 5452 §9)", () => {
    expect(parseAnswer(answer([A(1)]), { ...QUESTION, identifier: 1 })).toBeUndefined();
    expect(parseAnswer(answer([A(1)]), { ...QUESTION, name: "example.com" })).toBeUndefined();
    expect(parseAnswer(answer([A(1)], 0x0100), QUESTION)).toBeUndefined();
  });

  it("every cut and every changed byte is survived, pointers in circles too", () => {
    const whole = answer([A(1), A(2)]);
    for (let end = 0; end < whole.length; end++) parseAnswer(whole.subarray(0, end), QUESTION);
    const random = seededRandom(3);
    for (let i = 0; i < 5000; i++) {
      const bytes = whole.slice();
      for (let n = 0; n < 3; n++) bytes[random.below(bytes.length)] = random.below(256);
      parseAnswer(bytes, QUESTION);
    }
    const loop = Buffer.from(answer([A(1)]));
    loop[12] = 0xc0;
    loop[13] = 12;
    expect(parseAnswer(loop, QUESTION)).toBeUndefined();
  });

  it("names are labels of letters, digits and hyphens", () => {
    for (const name of ["a", "www.example.com", "_srv.x-y.org"]) expect(isName(name)).toBe(true);
    const long = "a".repeat(64);
    for (const name of ["", ".", "a..b", "a b", long, `${"abc.".repeat(64)}x`]) {
      expect(isName(name)).toBe(false);
    }
  });
});

describe("resolver", () => {
  /** A resolver on host A, and a name server on host B that answers each question so. */
  function newResolver(answers: (question: Buffer) => Buffer | undefined) {
    const link = new HostileLink(1, FINE_WEATHER, { a: TCP_DEFAULTS, b: TCP_DEFAULTS });
    const resolver = new Resolver(link.a.stack, link.random);
    resolver.servers = [ADDRESS_B];
    const server = link.b.stack.udp.open({ address: 0, port: 53 });
    let asked = 0;
    server.changed = () => {
      for (let got = server.receive(); got !== undefined; got = server.receive()) {
        asked += 1;
        const bytes = answers(Buffer.from(got.payload));
        if (bytes === undefined) continue;
        link.b.stack.sendDatagram(server, bytes, got.from, link.nowMs);
      }
    };
    const run = (ms: number): void => {
      for (let step = 0; step < ms; step += 100) {
        link.run(link.nowMs + 100);
        resolver.tick(link.nowMs);
      }
    };
    const resolve = (name: string): { resolved?: Resolved } => {
      const result: { resolved?: Resolved } = {};
      resolver.resolve(name, link.nowMs, (resolved) => {
        result.resolved = resolved;
      });
      return result;
    };
    return { link, resolver, run, resolve, asked: () => asked };
  }

  const withAddress = (question: Buffer): Buffer => {
    const head = Buffer.from(question);
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    return Buffer.concat([head, Buffer.from(A(9))]);
  };

  it("asks once and remembers, until the time is over", () => {
    const { run, resolve, asked } = newResolver(withAddress);
    const [first, second] = [resolve("a.test"), resolve("A.TEST.")];
    run(200);
    expect([first.resolved, second.resolved]).toEqual([
      { addresses: [0x0a000009] },
      { addresses: [0x0a000009] },
    ]);
    expect(resolve("a.test").resolved).toBeDefined();
    expect(asked()).toBe(1);
    run(61_000);
    resolve("a.test");
    run(200);
    expect(asked()).toBe(2);
  });

  it("asks again when nobody answers, and gives up after eight seconds", () => {
    const { link, run, resolve, asked } = newResolver(() => undefined);
    const result = resolve("a.test");
    run(7000);
    expect(result.resolved).toBeUndefined();
    run(2000);
    expect(result.resolved).toMatchObject({ error: { code: "ETIMEDOUT" } });
    expect(asked()).toBe(4);
    expect(link.a.stack.udp.count).toBe(0);
  });

  it("what is no name, or has no server, is answered at once", () => {
    const { resolver, resolve } = newResolver(() => undefined);
    expect(resolve("not a name").resolved).toMatchObject({ error: { code: "EINVAL" } });
    expect(resolve("10.1.2.3").resolved).toEqual({ addresses: [0x0a010203] });
    expect(resolve("localhost").resolved).toEqual({ addresses: [0x7f000001] });
    resolver.servers = [];
    expect(resolve("a.test").resolved).toMatchObject({ error: { code: "EHOSTUNREACH" } });
  });

  it("questions and the cache are bounded", () => {
    const { resolver, run, resolve } = newResolver(withAddress);
    const results = Array.from({ length: DNS_QUESTIONS_MAX + 1 }, (_, i) => resolve(`n${i}.test`));
    expect(results.at(-1)?.resolved).toMatchObject({ error: { code: "ENOBUFS" } });
    run(300);
    for (let i = 0; i < DNS_CACHE_MAX + 100; i += 50) {
      for (let n = i; n < i + 50; n++) resolve(`m${n}.test`);
      run(300);
    }
    expect(resolver.cached).toBe(DNS_CACHE_MAX);
  });
});
