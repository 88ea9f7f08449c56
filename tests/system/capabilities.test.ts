/**
 * Capabilities on the running machine: narrowing, granting, revocation, and what is out of reach.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
  await os.mkdir("ram:/jail");
  await (await os.open("ram:/jail/inside", { mode: "write" })).write("inside");
  await (await os.open("ram:/outside", { mode: "write" })).write("outside");
});
afterAll(async () => {
  await os.close();
});

/** The errno symbol with which a promise rejects. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe("capabilities", () => {
  it("a narrowed capability reaches what lies beneath its root, and nothing else", async () => {
    const jail = await os.narrow("ram:/jail", "read");
    expect((await (await jail.open("ram:/jail/inside")).readAll()).toString()).toBe("inside");
    expect(await codeOf(jail.open("ram:/outside"))).toBe("EACCES");
    expect(await codeOf(jail.open("ram:/jail/../outside"))).toBe("EACCES");
    expect(await codeOf(jail.open("zero:/"))).toBe("ENODEV");
    await jail.revoke();
  });

  it("a right that the capability lacks is refused at open, by the provider", async () => {
    const reader = await os.narrow("ram:/jail", "read");
    expect(await codeOf(reader.open("ram:/jail/inside", { mode: "read-write" }))).toBe("EACCES");
    expect(await codeOf(reader.unlink("ram:/jail/inside"))).toBe("EACCES");
    expect(await codeOf(reader.mkdir("ram:/jail/new"))).toBe("EACCES");
    await reader.revoke();
  });

  it("an operation that the handle was not opened for is EBADF", async () => {
    const file = await os.open("ram:/outside");
    expect(await codeOf(file.write("no"))).toBe("EBADF");
  });

  it("revoke stops the next request on an open handle and every new open", async () => {
    const narrowed = await os.narrow("ram:/", "read write create");
    const file = await narrowed.open("ram:/outside");
    expect(await file.read(Buffer.alloc(4), 0)).toBe(4);
    await narrowed.revoke();
    expect(await codeOf(file.read(Buffer.alloc(4), 0))).toBe("EACCES");
    expect(await codeOf(narrowed.open("ram:/outside"))).toBe("EACCES");
  });

  it("revoke ends a parked request with EACCES, without data", async () => {
    const narrowed = await os.narrow("serial:/", "read");
    const file = await narrowed.open("serial:/");
    const bytes = Buffer.alloc(16);
    const parked = codeOf(file.read(bytes));
    // Answered behind the parked one on the same channel: then that was taken.
    await file.stat();
    await narrowed.revoke();
    expect(await parked).toBe("EACCES");
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it("revoking a capability clears everything derived from it", async () => {
    const before = (await os.capabilities()).length;
    const narrowed = await os.narrow("ram:/", "all");
    const id = await os.grant("ram", "zero:/", "read");
    expect((await os.capabilities()).length).toBe(before + 2);
    await os.revoke(id);
    await narrowed.revoke();
    expect((await os.capabilities()).length).toBe(before);
  });

  it("a stale or unknown capability number cannot be revoked", async () => {
    expect(await codeOf(os.revoke(999_999))).toBe("ENOENT");
  });
});
