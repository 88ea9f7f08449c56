/** The library behind the outermost ring: what the host keeps, repeats and is told at a reboot. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVENT_ERROR, EVENT_READ, EVENT_RESET } from "../../ipc/scheme.js";
import { testImages } from "../crash/image.js";
import {
  bootRinged,
  childrenOf,
  failureOf,
  isAlive,
  type RingedMachine,
  readText,
} from "./machine.js";

const images = testImages();
const image = images.make("ring.img", 2, 31);
let ringed: RingedMachine;
beforeAll(async () => {
  // Many deaths one after the other are what this file is about: they are no reason to give up.
  const budget = { deathsMax: 1000, windowMs: 10_000 };
  ringed = await bootRinged({ disk: image.path, budget });
}, 60_000);
afterAll(async () => {
  const pid = ringed.pid();
  await ringed.os.close();
  images.remove();
  expect(isAlive(pid)).toBe(false);
});

describe("reboot: files of the host", { timeout: 180_000 }, () => {
  it("go on at their position; what died with the machine is ESTALE", async () => {
    const { os } = ringed;
    const disk = await os.open("disk:/0");
    const ram = await os.open("ram:/lost", { mode: "create" });
    const table = await os.open("sys:/counters");
    const start = Buffer.alloc(512);
    await disk.read(start);
    await ram.write("gone");
    const reboot = await ringed.killed();
    expect(reboot).toMatchObject({ count: 2, reason: "SIGKILL", lost: [] });
    const next = Buffer.alloc(512);
    expect(await disk.read(next)).toBe(512);
    expect(Buffer.concat([start, next]).equals(image.bytes.subarray(0, 1024))).toBe(true);
    expect(disk.position).toBe(1024);
    const failure = await failureOf(ram.read(Buffer.alloc(4), 0));
    expect(failure).toMatchObject({ code: "ESTALE", outcome: "not-executed" });
    expect((await failureOf(table.read(Buffer.alloc(4)))).code).toBe("ESTALE");
    expect(await readText(os, "sys:/boot")).toBe("boots\t2\nlast_reason\tSIGKILL\n");
    await disk.close();
    await ram.close();
  });

  it("a sync after changes that may be lost says so once on each handle", async () => {
    const { os } = ringed;
    const one = await os.open("disk:/0", { mode: "read-write" });
    const twin = await os.open("disk:/0", { mode: "read-write" });
    const other = await os.open("zero:/", { mode: "read-write" });
    await one.write(image.bytes.subarray(0, 512), 0);
    await ringed.killed();
    expect(await failureOf(twin.sync())).toMatchObject({ code: "EOWNERDEAD", outcome: "unknown" });
    await twin.sync();
    expect(await failureOf(one.sync())).toMatchObject({ code: "EOWNERDEAD", outcome: "unknown" });
    await one.sync();
    expect((await failureOf(other.sync())).code).not.toBe("EOWNERDEAD");
    await ringed.killed();
    // Nothing was changed since the last sync: nothing can be lost.
    await one.sync();
    for (const file of [one, twin, other]) await file.close();
  });
});

describe("reboot: calls of the host", { timeout: 180_000 }, () => {
  it("in flight: what may be repeated is, what may not ends as unknown", async () => {
    const { os } = ringed;
    const disk = await os.open("disk:/0", { mode: "read-write" });
    const stream = await os.open("serial:/");
    const bytes = Buffer.alloc(64 * 1024, 0x5a);
    const back = Buffer.alloc(bytes.length);
    const reboot = ringed.killed();
    // The process is dead already; nobody here knows, so these count as sent.
    const write = disk.write(bytes, 4096);
    const read = disk.read(back, 4096);
    const sync = failureOf(disk.sync());
    const input = failureOf(stream.read(Buffer.alloc(1)));
    const listed = os.processes();
    expect(await write).toBe(bytes.length);
    expect(await read).toBe(bytes.length);
    expect(back.equals(bytes)).toBe(true);
    expect((await listed).length).toBeGreaterThan(4);
    const { count } = await reboot;
    const unknown = { code: "EOWNERDEAD", outcome: "unknown" };
    const incarnation = { old: count - 1, now: count };
    expect(await input).toMatchObject({ ...unknown, incarnation });
    expect(await sync).toMatchObject({ ...unknown, incarnation });
    await disk.close();
    await stream.close();
  });

  it("during a reboot: they wait and are done once", async () => {
    const { os } = ringed;
    const before = childrenOf(process.pid);
    const reboot = ringed.killed();
    const next = (): boolean => childrenOf(process.pid).some((pid) => !before.includes(pid));
    await expect.poll(next, { interval: 1, timeout: 60_000 }).toBe(true);
    await os.mkdir("ram:/while-away");
    expect((await os.stat("ram:/while-away")).kind).toBe("directory");
    await reboot;
  });
});

describe("reboot: what the host had in its machine", { timeout: 180_000 }, () => {
  it("daemons and narrowed views are made again, revoked ones are not; events tell", async () => {
    const { os } = ringed;
    await os.load(new URL("../fixtures/faulty/", import.meta.url));
    const view = await os.narrow("disk:/", "read list");
    const revoked = await os.narrow("disk:/", "read");
    await revoked.revoke();
    const file = await view.open("disk:/0");
    const loaded = await os.open("faulty:/well");
    const queue = await os.events();
    const lost = await os.open("ram:/watched", { mode: "create" });
    const kept = await os.open("zero:/");
    await queue.watch(kept, EVENT_READ);
    await queue.watch(lost, EVENT_READ);
    await queue.next();
    const next = queue.next();
    await ringed.killed();
    const told = new Map((await next).map((event) => [event.file, event.events]));
    expect((told.get(lost) ?? 0) & EVENT_RESET).toBe(EVENT_RESET);
    expect(told.get(kept)).toBe(EVENT_ERROR);
    expect(new Map((await queue.next()).map(({ file, events }) => [file, events]))).toEqual(
      new Map([[kept, EVENT_READ]]),
    );
    expect(await file.read(Buffer.alloc(16))).toBe(16);
    expect(await loaded.read(Buffer.alloc(16))).toBe(16);
    const refused = { code: "EACCES" };
    expect(await failureOf(view.open("disk:/0", { mode: "read-write" }))).toMatchObject(refused);
    expect(await failureOf(revoked.open("disk:/0"))).toMatchObject(refused);
    await view.revoke();
    expect(await failureOf(view.open("disk:/0"))).toMatchObject(refused);
    expect(["EACCES", "EBADF"]).toContain((await failureOf(file.read(Buffer.alloc(16)))).code);
  });

  it("a program that ran ends as unknown; the trace goes on; a grant of old is gone", async () => {
    const { os } = ringed;
    const grant = await os.grant("faulty", "zero:/", "read").catch(() => undefined);
    const subjects = new Set<string>();
    const stop = os.trace(({ subject }) => subjects.add(subject));
    const run = failureOf(os.run("sleep", { args: ["1000"], stdio: "null:/" }));
    await expect.poll(() => subjects, { timeout: 60_000 }).toContain("sleep");
    await ringed.killed();
    expect(await run).toMatchObject({ code: "EOWNERDEAD", outcome: "unknown" });
    await os.run("true", { stdio: "null:/" });
    await expect.poll(() => subjects, { timeout: 60_000 }).toContain("true");
    stop();
    expect(grant).toBeGreaterThan(0);
    await os.revoke(grant as number);
  });
});
