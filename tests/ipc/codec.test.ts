/**
 * Bodies: what a peer encoded comes out the same; what a stranger made up comes out as an errno,
 * and costs no more than its own length. The random part prints its seed; put it into SEED to
 * repeat it.
 */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../ipc/clock.js";
import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { EBADMSG, EMSGSIZE } from "../../ipc/errno.js";
import { BODY_BYTES_MAX, BODY_DEPTH_MAX, BODY_ITEMS_MAX } from "../../ipc/limits.js";

const SEED = 0x0ddba11;
const MUTATIONS = 60_000;

function decoded(bytes: Uint8Array): unknown {
  const answer = decodeBody(bytes);
  return "errno" in answer ? answer.errno : answer.value;
}

/** `depth` arrays, one in the other. */
function nested(depth: number): Uint8Array {
  return new Uint8Array(depth + 1).fill(0x91, 0, depth);
}

describe("codec: round trip", () => {
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.integer(),
      fc.maxSafeInteger(),
      // The sign of zero does not survive: -0 is packed as the integer 0.
      fc.double({ noNaN: true }).map((n) => n + 0),
      fc.string({ unit: "grapheme" }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(tie("value"), { maxLength: 20 }),
      fc.dictionary(
        fc.string().filter((key) => key !== "__proto__"),
        tie("value"),
        { maxKeys: 20, noNullPrototype: true },
      ),
    ),
  })).value;

  it("codec: any plain value comes out as it went in", () => {
    const bytesAsArrays = (value: unknown): unknown =>
      value instanceof Uint8Array
        ? { bytes: [...value] }
        : Array.isArray(value)
          ? value.map(bytesAsArrays)
          : typeof value === "object" && value !== null
            ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, bytesAsArrays(v)]))
            : value;
    fc.assert(
      fc.property(plain, (value) => {
        expect(bytesAsArrays(decoded(encodeBody(value)))).toEqual(bytesAsArrays(value));
      }),
      { numRuns: 2000 },
    );
  });

  it("codec: a property that is undefined does not make the whole body malformed", () => {
    expect(decoded(encodeBody({ object: "0", base: undefined }))).toMatchObject({ object: "0" });
  });

  it("codec: what was encoded first is not overwritten by what follows", () => {
    const first = encodeBody(["first", 1]);
    for (let i = 0; i < 5000; i++) encodeBody(["another", i]);
    expect(decoded(first)).toEqual(["first", 1]);
  });

  it("codec: a body above 64 KiB is EMSGSIZE on both sides", () => {
    const most = new Uint8Array(BODY_BYTES_MAX - 5);
    expect(encodeBody(most).length).toBeLessThanOrEqual(BODY_BYTES_MAX);
    expect(() => encodeBody(new Uint8Array(BODY_BYTES_MAX))).toThrow(EMSGSIZE);
    expect(decoded(new Uint8Array(BODY_BYTES_MAX + 1))).toBe(EMSGSIZE);
  });
});

describe("codec: hostile bodies", () => {
  it.each([
    ["nothing", []],
    ["the unused byte", [0xc1]],
    ["trailing bytes", [0x01, 0x02]],
    ["a string that is cut", [0xa5, 0x61]],
    ["a length that is cut", [0xd9]],
    ["an integer that is cut", [0xcf, 0, 0]],
    ["a map that lacks a value", [0x81, 0x01]],
    ["4 GiB of bytes, declared", [0xc6, 0xff, 0xff, 0xff, 0xff]],
    ["4 G of characters, declared", [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61]],
    ["4 G of items, declared", [0xdd, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["4 G of pairs, declared", [0xdf, 0xff, 0xff, 0xff, 0xff, 0x01, 0x01]],
    ["a date", [0xd6, 0xff, 0, 0, 0, 0]],
    ["fixext 1", [0xd4, 0x01, 0x00]],
    ["undefined, as msgpackr would have it", [0xd4, 0x00, 0x00]],
    ["fixext 8", [0xd7, 0x01, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["ext 8", [0xc7, 0x01, 0x70, 0x00]],
    ["a record definition", [0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01]],
    ["bundled strings", [0xc1, 0x00, 0x00]],
  ])("codec: %s is EBADMSG", (_, bytes) => {
    expect(decoded(Uint8Array.from(bytes))).toBe(EBADMSG);
  });

  it("codec: nesting ends at its limit, long before the stack does", () => {
    expect(decoded(nested(BODY_DEPTH_MAX))).toBeInstanceOf(Array);
    expect(decoded(nested(BODY_DEPTH_MAX + 1))).toBe(EBADMSG);
    expect(decoded(nested(60_000))).toBe(EBADMSG);
    expect(decoded(nested(1_000_000))).toBe(EMSGSIZE);
  });

  it("codec: more items than allowed are refused, however small", () => {
    const items = (count: number): Uint8Array => {
      const bytes = new Uint8Array(count + 3).fill(0xc0);
      bytes.set([0xdc, count >> 8, count & 0xff]);
      return bytes;
    };
    expect(decoded(items(BODY_ITEMS_MAX - 1))).toHaveLength(BODY_ITEMS_MAX - 1);
    expect(decoded(items(BODY_ITEMS_MAX))).toBe(EBADMSG);
  });

  it("codec: a key __proto__ changes no prototype", () => {
    const key = [0xa9, ...Buffer.from("__proto__")];
    const value = decoded(Uint8Array.from([0x81, ...key, 0x81, 0xa1, 0x61, 0x01]));
    if (value !== EBADMSG) {
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect((value as Record<string, unknown>)["a"]).toBeUndefined();
    }
    expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
  });

  it("codec: a byte that would name a record is a number, whatever came before", () => {
    expect(decoded(Uint8Array.from([0x40]))).toBe(0x40);
    expect(decoded(Uint8Array.from([0x92, 0x40, 0x7f]))).toEqual([0x40, 0x7f]);
  });
});

/** Changes, inserts, repeats or cuts bytes at random places. */
function mutate(bytes: Uint8Array, random: ReturnType<typeof seededRandom>): Uint8Array {
  let list = [...bytes];
  for (let i = random.below(8) + 1; i > 0; i--) {
    const at = random.below(list.length + 1);
    const kind = random.below(5);
    if (kind === 0) list[at] = random.below(256);
    else if (kind === 1) list.splice(at, 0, 0xc0 + random.below(0x20));
    else if (kind === 2) list.splice(at, random.below(4));
    else if (kind === 3) list.splice(at, 0, ...list.slice(at, at + random.below(40)));
    else list = list.map((byte, j) => (j === at ? byte ^ (1 << random.below(8)) : byte));
  }
  return Uint8Array.from(list.map((byte) => byte ?? 0));
}

describe("codec: fuzz", () => {
  const grains = [
    encodeBody({ object: "0", generation: 3, base: 512 }),
    encodeBody([{ name: "motd", kind: "file", next: 1 }, ["a", null, true, -1, 2 ** 40, 0.1]]),
    encodeBody(["/a", "/b"]),
    encodeBody(new Uint8Array(40)),
    encodeBody("x".repeat(300)),
  ];

  it(`codec: ${MUTATIONS} mutated bodies are decoded or refused (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    let accepted = 0;
    for (let i = 0; i < MUTATIONS; i++) {
      const bytes = mutate(grains[i % grains.length] as Uint8Array, random);
      const answer = decodeBody(bytes);
      if (!("errno" in answer)) accepted++;
      else if (answer.errno !== EBADMSG) expect.fail(`seed ${SEED}, body ${i}: ${answer.errno}`);
    }
    // Were nearly all accepted, or nearly all refused, the fuzzer would not test the border.
    expect(accepted).toBeGreaterThan(MUTATIONS / 20);
    expect(accepted).toBeLessThan((MUTATIONS * 19) / 20);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
