/** `rtc:` on a booted machine: time, alarms, and what a death of the driver means for them. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { EVENT_READ, EVENT_RESET } from "../../ipc/scheme.js";
import type { File } from "../../user/file.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
});
afterAll(async () => {
  await os.close();
});

async function now(): Promise<number> {
  await using file = await os.open("rtc:/time");
  return Number((await file.readAll()).toString());
}

async function setTime(seconds: number): Promise<void> {
  await using file = await os.open("rtc:/time", { mode: "write" });
  await file.write(Buffer.from(`${seconds}\n`));
}

async function ringing(alarm: File): Promise<string> {
  const bytes = Buffer.alloc(32);
  return bytes.subarray(0, await alarm.read(bytes, 0)).toString();
}

async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toMatchObject({ code });
}

describe("rtc: time", () => {
  it("begins as the host's, goes on, and can be set", async () => {
    const before = Math.floor(Date.now() / 1000);
    const first = await now();
    expect(first).toBeGreaterThanOrEqual(before - 120);
    expect(first).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
    await setTime(1_000_000);
    expect(await now()).toBeGreaterThanOrEqual(1_000_000);
    expect(await now()).toBeLessThan(1_000_900);
  });

  it("refuses what is no time", async () => {
    await using file = await os.open("rtc:/time", { mode: "write" });
    for (const text of ["\n", "x", "-1", "1.5", "07", "4294967296", "12 13", "1".repeat(40)]) {
      await expectCode(file.write(Buffer.from(text)), "EINVAL");
    }
    await file.write(Buffer.from("4294967295"));
    await setTime(2_000_000);
  });

  it("a death in the middle of setting it is in doubt; reading it goes on", async () => {
    const writing = await os.open("rtc:/time", { mode: "write" });
    const reading = await os.open("rtc:/time");
    expect(Number(await ringing(reading))).toBeGreaterThan(0);
    const death = os.killAt("rtcd", "handled");
    await expect(writing.write(Buffer.from("3000000"))).rejects.toMatchObject({
      code: "EOWNERDEAD",
      outcome: "unknown",
    });
    await death;
    expect(Number(await ringing(reading))).toBeGreaterThanOrEqual(3_000_000);
    await Promise.all([writing.close(), reading.close()]);
  });
});

describe("rtc: alarms", () => {
  it("one rings by interrupt when its moment comes", async () => {
    const moment = (await now()) + 1;
    await using alarm = await os.open(`rtc:/alarm/${moment}`);
    expect(await ringing(alarm)).toBe(`${moment}\n`);
    expect(await now()).toBeGreaterThanOrEqual(moment);
    // It has rung: the moment stays past, and the text ends.
    expect(await alarm.read(Buffer.alloc(8), 99)).toBe(0);
  });

  it("many wait in any order, and each rings when the clock is set past it", async () => {
    const start = (await now()) + 10_000;
    const moments = [500, 100, 300, 200, 400].map((after) => start + after);
    const alarms = await Promise.all(moments.map((moment) => os.open(`rtc:/alarm/${moment}`)));
    const rung: number[] = [];
    const waits = alarms.map(async (alarm) => rung.push(Number(await ringing(alarm))));
    await setTime(start + 310);
    await Promise.all([waits[1], waits[2], waits[3]]);
    expect(rung).toEqual([start + 100, start + 200, start + 300]);
    await setTime(start + 600);
    await Promise.all(waits);
    expect(rung.slice(3)).toEqual([start + 400, start + 500]);
    await Promise.all(alarms.map((alarm) => alarm.close()));
  });

  it("is an event", async () => {
    const moment = (await now()) + 5000;
    await using alarm = await os.open(`rtc:/alarm/${moment}`);
    await using events = await os.events();
    await events.watch(alarm, EVENT_READ);
    await setTime(moment);
    expect(await events.next()).toEqual([{ file: alarm, events: EVENT_READ }]);
  });

  it("outlives the driver: waits and events go on with the next incarnation", async () => {
    const moment = (await now()) + 5000;
    await using waiting = await os.open(`rtc:/alarm/${moment}`);
    await using watched = await os.open(`rtc:/alarm/${moment + 1}`);
    await using events = await os.events();
    await events.watch(watched, EVENT_READ);
    const death = os.killAt("rtcd", "dequeued");
    const rung = ringing(waiting);
    await death;
    await setTime(moment + 1);
    expect(await rung).toBe(`${moment}\n`);
    // The death was an event too, and may have been told before.
    let told = 0;
    while ((told & EVENT_READ) === 0)
      for (const { events: more } of await events.next()) told |= more;
    expect(told & EVENT_RESET).toBe(0);
  });

  it("one that nobody waits for any more is forgotten", async () => {
    const moment = (await now()) + 5000;
    const alarm = await os.open(`rtc:/alarm/${moment}`, { timeoutMs: 60_000 });
    await using events = await os.events();
    await events.watch(alarm, EVENT_READ);
    await alarm.close();
    await setTime(moment);
    expect(await now()).toBeGreaterThanOrEqual(moment);
    await os.expectNoLeaks();
  });
});

describe("rtc: names", () => {
  it("what is there is listed, what is not is refused", async () => {
    await using root = await os.open("rtc:/");
    expect((await root.list()).map(({ name }) => name)).toEqual(["time", "alarm"]);
    for (const path of ["/none", "/alarm/x", "/alarm/-1", "/alarm/01", "/alarm/4294967296"]) {
      await expectCode(os.open(`rtc:${path}`), "ENOENT");
    }
    await expectCode(os.open("rtc:/time/now"), "ENOTDIR");
    await expectCode(os.open("rtc:/alarm/5", { mode: "write" }), "EACCES");
    await expectCode(os.open("rtc:/", { mode: "write" }), "EISDIR");
  });
});
