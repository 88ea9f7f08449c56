/* Guest memory and the IOMMU: a device reaches its own domain and nothing else. */
import { describe, expect, test } from "vitest";
import { FAULTS_MAX, GuestMemory, PhysicalMemory } from "../../hw/memory.js";

function twoDomains(): { memory: PhysicalMemory; first: GuestMemory; second: GuestMemory } {
  const memory = new PhysicalMemory();
  memory.attach({ domain: 1, address: 0x1000, buffer: new SharedArrayBuffer(0x1000) });
  memory.attach({ domain: 2, address: 0x1000, buffer: new SharedArrayBuffer(0x1000) });
  memory.attach({ domain: 2, address: 0x3000, buffer: new SharedArrayBuffer(0x1000) });
  return { memory, first: new GuestMemory(memory, 1), second: new GuestMemory(memory, 2) };
}

describe("IOMMU", () => {
  test("the same address in two domains is two places", () => {
    const { first, second } = twoDomains();
    first.writeU32(0x1100, 0xdeadbeef);
    expect(first.readU32(0x1100)).toBe(0xdeadbeef);
    expect(second.readU32(0x1100)).toBe(0);
  });

  test("an access outside is a recorded fault without effect", () => {
    const { memory, first } = twoDomains();
    expect(first.writeU16(0x3000, 1)).toBe(false);
    expect(first.view(0x1fff, 2, false)).toBeUndefined();
    expect(first.readU64(Number.NaN)).toBeUndefined();
    expect(first.readU64(2 ** 60)).toBeUndefined();
    expect(memory.takeFaults().faults.slice(0, 2)).toEqual([
      { domain: 1, address: 0x3000, length: 2, write: true },
      { domain: 1, address: 0x1fff, length: 2, write: false },
    ]);
    expect(memory.faultCount).toBe(0);
  });

  test("the list of faults is bounded, their number is not", () => {
    const { memory, first } = twoDomains();
    for (let i = 0; i < 1000; i++) first.readU16(0);
    const { faults, count } = memory.takeFaults();
    expect([faults.length, count]).toEqual([FAULTS_MAX, 1000]);
  });

  test("without a domain everything faults; assigning one changes the epoch", () => {
    const { memory, first } = twoDomains();
    const { epoch } = first;
    first.assign(undefined);
    expect(first.readU16(0x1000)).toBeUndefined();
    expect(first.epoch).not.toBe(epoch);
    expect(memory.takeFaults().faults[0]?.domain).toBeUndefined();
    first.assign(2);
    expect(first.readU16(0x3000)).toBe(0);
  });

  test("detached regions are out of reach", () => {
    const { memory, second } = twoDomains();
    expect(memory.detach(2, 0x3000)).toBe(true);
    expect(memory.detach(2, 0x3000)).toBe(false);
    expect(second.readU16(0x3000)).toBeUndefined();
    memory.detachDomain(2);
    expect(second.readU16(0x1000)).toBeUndefined();
  });

  test("a part of a buffer can be a region", () => {
    const memory = new PhysicalMemory();
    const buffer = new SharedArrayBuffer(64);
    memory.attach({ domain: 1, address: 0x100, buffer, byteOffset: 16, length: 8 });
    const guest = new GuestMemory(memory, 1);
    expect(guest.releaseU16(0x102, 0x1234)).toBe(true);
    expect(new Uint8Array(buffer)[18]).toBe(0x34);
    expect(guest.acquireU16(0x102)).toBe(0x1234);
    expect(guest.acquireU16(0x103)).toBeUndefined();
    expect(guest.view(0x104, 8, false)).toBeUndefined();
  });

  test("regions of a domain can't overlap", () => {
    const { memory } = twoDomains();
    const buffer = new SharedArrayBuffer(0x10);
    expect(() => memory.attach({ domain: 1, address: 0x1ff8, buffer })).toThrow("overlaps");
    expect(() => memory.attach({ domain: 1, address: 0xff8, buffer })).toThrow("overlaps");
    expect(() => memory.attach({ domain: 1, address: 0x2000, buffer })).not.toThrow();
    expect(() => memory.attach({ domain: 1, address: -1, buffer })).toThrow("not an address range");
  });
});
