/** The parts of the format that stand alone: hash, compression, layouts, block numbers. */

import { array, assert, double, nat, oneof, property, tuple, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import {
  NULL_POINTER,
  readMarker,
  readPointer,
  writeMarker,
  writePointer,
} from "../../schemes/fs/block-pointer.js";
import { compressed, expanded } from "../../schemes/fs/compression.js";
import { decodeDirList, encodeDirList, withEntry } from "../../schemes/fs/dir-list.js";
import { changedHeader, decodeHeader, newHeader } from "../../schemes/fs/header.js";
import { lz4Compress, lz4Decompress } from "../../schemes/fs/lz4.js";
import { nameCursor, nameHash } from "../../schemes/fs/name-hash.js";
import { packed, readI64, readU64, writeI64, writeU64 } from "../../schemes/fs/packed.js";
import { seaHash } from "../../schemes/fs/sea-hash.js";
import { content } from "./random.js";

/** The definition, with big integers: slow, and as it is written in the specification. */
function seaHashByDefinition(bytes: Uint8Array): bigint {
  const mask = (1n << 64n) - 1n;
  const diffuse = (x: bigint): bigint => {
    let y = (x * 0x6eed0e9da4d94a4fn) & mask;
    y ^= (y >> 32n) >> (y >> 60n);
    return (y * 0x6eed0e9da4d94a4fn) & mask;
  };
  let [a, b, c, d] = [
    0x16f11fe89b0d677cn,
    0xb480a793d8e6c86cn,
    0x6fe2e5aaf078ebc9n,
    0x14f994a4c5259381n,
  ];
  for (let at = 0; at < bytes.length; at += 8) {
    let word = 0n;
    const piece = bytes.subarray(at, at + 8);
    for (const [place, byte] of piece.entries()) word |= BigInt(byte) << BigInt(8 * place);
    [a, b, c, d] = [b, c, d, diffuse(a ^ word)];
  }
  return diffuse(a ^ b ^ c ^ d ^ BigInt(bytes.length));
}

function asBigInt({ low, high }: { low: number; high: number }): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

describe("fs format: SeaHash", () => {
  it("sea hash: gives the published values", () => {
    expect(asBigInt(seaHash(Buffer.alloc(4072)))).toBe(0xe81ffcb86026ff96n);
    expect(asBigInt(seaHash(Buffer.from("to be or not to be")))).toBe(1988685042348123509n);
  });

  it("sea hash: is what the definition says, for all lengths and parts of a buffer", () => {
    assert(
      property(uint8Array({ maxLength: 200 }), nat(20), (bytes, skip) => {
        const part = bytes.subarray(Math.min(skip, bytes.length));
        expect(asBigInt(seaHash(part))).toBe(seaHashByDefinition(part));
        const start = Math.min(skip, bytes.length);
        expect(asBigInt(seaHash(bytes, start))).toBe(seaHashByDefinition(part));
      }),
    );
  });
});

describe("fs format: LZ4", () => {
  const pieces = array(
    oneof(
      uint8Array({ maxLength: 40 }),
      tuple(nat(255), nat(600)).map(([byte, count]) => Buffer.alloc(count, byte)),
      tuple(nat(50), nat(3000)).map(([seed, count]) => content(1, seed, count)),
    ),
    { maxLength: 12 },
  );

  it("lz4: what was compressed comes back", () => {
    assert(
      property(pieces, (parts) => {
        const source = Buffer.concat(parts);
        const target = Buffer.alloc(source.length * 2 + 64);
        const length = lz4Compress(source, target);
        expect(length).toBeGreaterThan(0);
        const back = Buffer.alloc(source.length, 0xaa);
        expect(lz4Decompress(target.subarray(0, length), back)).toBe(true);
        expect(back.equals(source)).toBe(true);
      }),
    );
  });

  it("lz4: a target that is too small is noticed, and nothing is written behind it", () => {
    assert(
      property(pieces, double({ min: 0, max: 1, noNaN: true }), (parts, share) => {
        const source = Buffer.concat(parts);
        const whole = Buffer.alloc(source.length * 2 + 64);
        const length = lz4Compress(source, whole);
        const room = Math.floor(share * length);
        const target = Buffer.alloc(length + 1, 0x55);
        const got = lz4Compress(source, target.subarray(0, room));
        expect(got === 0 || got <= room).toBe(true);
        expect(target.subarray(room).every((byte) => byte === 0x55)).toBe(true);
      }),
    );
  });

  it("lz4: malformed blocks are refused or fill the target, and never throw", () => {
    assert(
      property(uint8Array({ maxLength: 80 }), nat(300), (block, size) => {
        const target = Buffer.alloc(size + 1, 0x55);
        lz4Decompress(block, target.subarray(0, size));
        expect(target[size]).toBe(0x55);
      }),
      { numRuns: 2000 },
    );
  });

  it("records: a compressed record takes a smaller level, and comes back", () => {
    const bytes = content(1, 3, 128 * 1024);
    const small = compressed(bytes, 5);
    expect(small?.level).toBe(0);
    const pointer = { ...NULL_POINTER, index: 300, expandsTo: 5 };
    expect(expanded(small?.bytes as Buffer, pointer).equals(bytes)).toBe(true);
    expect(compressed(content(2, 3, 128 * 1024), 5)).toBeUndefined();
    expect(compressed(Buffer.alloc(4096), 0)).toBeUndefined();
  });
});

describe("fs format: bytes", () => {
  it("packed: a layout with a gap or a wrong total does not load", () => {
    expect(() => packed("A", 8, { a: [0, 4], b: [5, 3] })).toThrow("A.b is at 5");
    expect(() => packed("A", 9, { a: [0, 4], b: [4, 4] })).toThrow("A has 8 bytes");
  });

  it("packed: 64-bit numbers come back, and too large ones fail every range check", () => {
    const bytes = Buffer.alloc(9);
    for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      writeU64(bytes, 1, value);
      expect(readU64(bytes, 1)).toBe(value);
      expect(bytes.readBigUInt64LE(1)).toBe(BigInt(value));
      for (const signed of [value, -value]) {
        writeI64(bytes, 1, signed);
        expect(readI64(bytes, 1)).toBe(signed + 0);
        expect(bytes.readBigInt64LE(1)).toBe(BigInt(signed));
      }
    }
    bytes.fill(0xff);
    expect(readU64(bytes, 1)).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
  });

  it("block pointer: fields come back from the bits that the format gives them", () => {
    const bytes = Buffer.alloc(16);
    const pointer = { index: 2 ** 40 + 77, level: 3, expandsTo: 5, low: 0xffffffff, high: 1 };
    writePointer(bytes, 0, pointer);
    expect(readPointer(bytes, 0)).toEqual(pointer);
    expect(bytes.readBigUInt64LE(0)).toBe((BigInt(pointer.index) << 8n) | 0x53n);
    writeMarker(bytes, 0, 2);
    expect(readMarker(bytes, 0)).toBe(2);
    expect(bytes.toString("hex")).toBe("f2ffffffffffffffffffffffffffffff");
    writePointer(bytes, 0, NULL_POINTER);
    expect(readMarker(bytes, 0)).toBeUndefined();
  });

  it("header: any changed byte is noticed", () => {
    const header = newHeader(64 * 4096, Buffer.alloc(16, 7));
    const changed = changedHeader(header, { generation: 300, tree: { ...NULL_POINTER, index: 9 } });
    const slot = decodeHeader(changed.bytes);
    expect(slot).toMatchObject({ tag: "valid", header: { generation: 300, sizeBytes: 64 * 4096 } });
    const tags = new Set<string>();
    for (let at = 0; at < changed.bytes.length; at++) {
      const bytes = Buffer.from(changed.bytes);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      tags.add(decodeHeader(bytes).tag);
    }
    expect([...tags].sort()).toEqual(["damaged", "encrypted", "none", "version"]);
  });

  it("directory leaf: entries come back, and a full leaf takes no more", () => {
    const entries = Array.from({ length: 15 }, (_, at) => ({
      node: at + 2,
      name: Buffer.from(`${at}`.padStart(252, "x")),
    }));
    const bytes = encodeDirList(entries) as Buffer;
    expect(decodeDirList(bytes)).toEqual(entries);
    expect(withEntry(bytes, { node: 99, name: Buffer.from("y".repeat(252)) })).toBeUndefined();
    const more = withEntry(bytes, { node: 99, name: Buffer.from("short") }) as Buffer;
    expect(decodeDirList(more).at(-1)).toEqual({ node: 99, name: Buffer.from("short") });
    bytes[4092] = 16;
    expect(() => decodeDirList(bytes)).toThrow(expect.objectContaining({ code: "EIO" }));
  });

  it("name cursor: has the order of the hash and stays exact", () => {
    const names = Array.from({ length: 500 }, (_, at) => Buffer.from(`name-${at}`));
    for (const name of names) {
      const cursor = nameCursor(name);
      expect(Number.isSafeInteger(cursor)).toBe(true);
      expect(Math.floor((cursor - 1) / 2 ** 20)).toBe(nameHash(name));
    }
  });
});
