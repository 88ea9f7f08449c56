/** `gpio:` on a booted machine: levels, edges, outputs, and what a death of the driver means. */

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

async function text(file: File): Promise<string> {
  const bytes = Buffer.alloc(8);
  return bytes.subarray(0, await file.read(bytes, 0)).toString();
}

async function levelOf(pin: number): Promise<string> {
  await using file = await os.open(`gpio:/${pin}/level`);
  return text(file);
}

/** Drives a pin from outside, and waits until the driver sees it. */
async function setPin(pin: number, level: 0 | 1): Promise<void> {
  await using there = await os.open(`gpio:/${pin}/${level === 1 ? "high" : "low"}`);
  os.setPin(pin, level);
  expect(await text(there)).toBe(`${level}\n`);
}

async function expectCode(work: Promise<unknown>, code: string): Promise<void> {
  await expect(work).rejects.toMatchObject({ code });
}

describe("gpio: levels", () => {
  it("pins read what the outside puts on them", async () => {
    expect(await levelOf(5)).toBe("0\n");
    await setPin(5, 1);
    expect(await levelOf(5)).toBe("1\n");
    expect(await levelOf(4)).toBe("0\n");
    await setPin(5, 0);
    expect(await levelOf(5)).toBe("0\n");
  });

  it("a wait for a level is answered at once if it is there", async () => {
    await using low = await os.open("gpio:/6/low");
    expect(await text(low)).toBe("0\n");
  });

  it("a level is an event as long as it is there", async () => {
    await using high = await os.open("gpio:/2/high");
    await using events = await os.events();
    await events.watch(high, EVENT_READ);
    os.setPin(2, 1);
    expect(await events.next()).toEqual([{ file: high, events: EVENT_READ }]);
    await setPin(2, 0);
    os.setPin(2, 1);
    expect(await events.next()).toEqual([{ file: high, events: EVENT_READ }]);
    await setPin(2, 0);
  });

  it("a wait for a level outlives the driver", async () => {
    await using high = await os.open("gpio:/1/high");
    await using level = await os.open("gpio:/1/level");
    expect(await text(level)).toBe("0\n");
    const death = os.killAt("gpiod", "dequeued");
    const waiting = text(high);
    await death;
    os.setPin(1, 1);
    expect(await waiting).toBe("1\n");
    expect(await text(level)).toBe("1\n");
    await setPin(1, 0);
  });

  it("a pin that is high when the driver dies is high for the next one", async () => {
    await setPin(7, 1);
    const death = os.killAt("gpiod", "handled");
    expect(await levelOf(7)).toBe("1\n");
    await death;
    expect(await levelOf(7)).toBe("1\n");
    await setPin(7, 0);
  });
});

describe("gpio: edges", () => {
  it("a read takes an edge of its kind, one that is there already or the next", async () => {
    await using rising = await os.open("gpio:/0/rising");
    await using falling = await os.open("gpio:/0/falling");
    await using edge = await os.open("gpio:/0/edge");
    await setPin(0, 1);
    expect(await text(rising)).toBe("1\n");
    expect(await text(edge)).toBe("1\n");
    const fell = text(falling);
    const risen = text(rising);
    await setPin(0, 0);
    expect(await fell).toBe("0\n");
    expect(await text(edge)).toBe("0\n");
    await setPin(0, 1);
    expect(await risen).toBe("1\n");
    await setPin(0, 0);
  });

  it("is an event", async () => {
    await using edge = await os.open("gpio:/0/edge");
    await using events = await os.events();
    await events.watch(edge, EVENT_READ);
    os.setPin(0, 1);
    expect(await events.next()).toEqual([{ file: edge, events: EVENT_READ }]);
    await setPin(0, 0);
  });

  it("the power key is one on pin 3", async () => {
    await using pressed = await os.open("gpio:/3/rising");
    await using released = await os.open("gpio:/3/falling");
    os.pressPowerKey();
    expect(await text(pressed)).toBe("1\n");
    expect(await text(released)).toBe("0\n");
  });

  it("edges may pass while the driver is dead: the handle is stale, and told so", async () => {
    const edge = await os.open("gpio:/0/edge");
    await using events = await os.events();
    await events.watch(edge, EVENT_READ);
    const death = os.killAt("gpiod", "handled");
    expect(await levelOf(0)).toBe("0\n");
    await death;
    await expectCode(text(edge), "ESTALE");
    const [told] = await events.next();
    expect((told?.events ?? 0) & EVENT_RESET).toBe(EVENT_RESET);
    await edge.close();
    await using fresh = await os.open("gpio:/0/edge");
    os.setPin(0, 1);
    expect(await text(fresh)).toBe("1\n");
    await setPin(0, 0);
  });
});

describe("gpio: outputs", () => {
  it("a pin is an output as long as it is open as one, and drives what is written", async () => {
    const out = await os.open("gpio:/4/out", { mode: "read-write" });
    await out.write(Buffer.from("1\n"), 0);
    expect(await levelOf(4)).toBe("1\n");
    expect(await text(out)).toBe("1\n");
    await out.write(Buffer.from("0"), 0);
    expect(await levelOf(4)).toBe("0\n");
    for (const wrong of ["2", "11", "high", "1\n0"]) {
      await expectCode(out.write(Buffer.from(wrong), 0), "EINVAL");
    }
    await out.close();
  });

  it("it is reset with its driver: the handle is stale", async () => {
    const out = await os.open("gpio:/4/out", { mode: "read-write" });
    await out.write(Buffer.from("1"), 0);
    const death = os.killAt("gpiod", "handled");
    await levelOf(0);
    await death;
    await expectCode(out.write(Buffer.from("1"), 0), "ESTALE");
    expect(await levelOf(4)).toBe("0\n");
    await out.close();
  });
});

describe("gpio: names", () => {
  it("what is there is listed, what is not is refused", async () => {
    await using root = await os.open("gpio:/");
    expect((await root.list()).map(({ name }) => name).join("")).toBe("01234567");
    await using pin = await os.open("gpio:/7");
    expect((await pin.list()).map(({ name }) => name)).toContain("rising");
    for (const path of ["/8", "/01", "/x", "/0/none", "/-1/level"]) {
      await expectCode(os.open(`gpio:${path}`), "ENOENT");
    }
    await expectCode(os.open("gpio:/0/level/x"), "ENOTDIR");
    await expectCode(os.open("gpio:/0/level", { mode: "write" }), "EACCES");
    await expectCode(os.open("gpio:/0", { mode: "write" }), "EISDIR");
  });

  it("a pin that the board has not is refused at once", () => {
    expect(() => os.setPin(8, 1)).toThrow(/EINVAL.*pins are 0 to 7/s);
  });

  it("nothing is left behind", async () => {
    await os.expectNoLeaks();
  });
});
