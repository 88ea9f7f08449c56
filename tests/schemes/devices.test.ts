/** `zero:`, `null:` and `rand:` without a kernel. */

import { describe, expect, it } from "vitest";
import { READ_BYTES_MAX, randScheme } from "../../schemes/rand/rand.js";
import { zeroScheme } from "../../schemes/zero/zero.js";
import { asAsync, DirectSystem, rootOf } from "../conformance/direct.js";
import { conformance } from "../conformance/suite.js";

function newSystem(): DirectSystem {
  return new DirectSystem({
    zero: zeroScheme("zero"),
    null: zeroScheme("null"),
    rand: randScheme(),
  });
}

for (const name of ["zero", "null", "rand"]) {
  conformance({
    name: `${name}: without a kernel`,
    object: `${name}:/`,
    boot: async () => {
      const system = newSystem();
      return {
        system: asAsync(system),
        narrowed: async (rights, prefix) => asAsync(system.narrowed(rights, rootOf(prefix))),
        close: async () => {
          expect(system.openHandles, "handles left open by the suite").toBe(0);
        },
      };
    },
  });
}

describe("zero, null, rand", () => {
  it("zero: fills every read with zeros", () => {
    using file = newSystem().open("zero:/");
    const bytes = new Uint8Array(10_000).fill(1);
    expect(file.read(bytes)).toBe(10_000);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("null: ends at once and swallows everything", () => {
    using file = newSystem().open("null:/", { mode: "write" });
    expect(file.write(new Uint8Array(10_000))).toBe(10_000);
    using reader = newSystem().open("null:/");
    expect(reader.readAll()).toHaveLength(0);
  });

  it("rand: fills every read with other bytes, so much at a time", () => {
    using file = newSystem().open("rand:/", { mode: "read-write" });
    const one = new Uint8Array(32);
    const two = new Uint8Array(32);
    file.read(one);
    file.write("seed");
    file.read(two);
    expect(one).not.toEqual(two);
    expect(file.read(new Uint8Array(READ_BYTES_MAX + 1))).toBe(READ_BYTES_MAX);
  });

  it("rand: takes its source of randomness as a parameter", () => {
    const scheme = randScheme((bytes) => {
      bytes.fill(42);
    });
    using file = new DirectSystem({ rand: scheme }).open("rand:/");
    const bytes = new Uint8Array(3);
    file.read(bytes);
    expect([...bytes]).toEqual([42, 42, 42]);
  });
});
