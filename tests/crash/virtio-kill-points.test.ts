/**
 * Drivers of the network, entropy and console devices die at every point of a request while they
 * are in use. Their clients keep their handles: frames may be lost, reads of entropy notice
 * nothing, output in doubt says so.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { hubNetwork, NetworkHub } from "../../hw/backends/network-hub.js";
import type { NetworkBackend } from "../../hw/network.js";
import type { File } from "../../user/file.js";
import type { KillPoint } from "../../user/system.js";
import { Console } from "../console/console.js";

const POINTS: readonly KillPoint[] = ["submitted", "dequeued", "handled", "completed", "random"];
/** Deaths in one test, and answers that must still come after the last. */
const DEATHS = 1;
const AFTERWARDS = 20;

/** Orders deaths of a driver, one after the other; `over` is set when the last is done with. */
function deathsOf(os: TestMachine, name: string, point: KillPoint) {
  const deaths = { over: false, done: Promise.resolve() };
  deaths.done = (async () => {
    for (let nth = 1; nth <= DEATHS; nth++)
      await os.killAt(name, point, { nth: 3 * nth, seed: nth });
  })().finally(() => {
    deaths.over = true;
  });
  return deaths;
}

/** A peer on a hub that sends every frame back with source and target exchanged. */
function echoOn(hub: NetworkHub): NetworkBackend {
  const peer = hubNetwork(hub.plug().port);
  peer.connect({
    linkChanged() {},
    receive(frame) {
      const answer = Uint8Array.from(frame);
      answer.set(frame.subarray(6, 12), 0);
      answer.set(frame.subarray(0, 6), 6);
      peer.transmit(answer);
      return true;
    },
  });
  return peer;
}

const PEER = [2, 0, 0, 0, 0, 1];
const OWN = [2, 0, 0, 0, 0, 2];

/** A frame to the peer that tells its number in every word. */
function frameOf(number: number): Uint8Array {
  const bytes = Buffer.alloc(60 + (number % 1400));
  for (let at = 14; at + 4 <= bytes.length; at += 4) bytes.writeUInt32BE(number, at);
  bytes.set([...PEER, ...OWN, 0x88, 0xb5]);
  return bytes;
}

/** Checks a frame that came back, and returns its number. */
function numberOf(bytes: Buffer): number {
  const number = bytes.readUInt32BE(14);
  const wanted = Buffer.from(frameOf(number));
  wanted.set([...OWN, ...PEER]);
  expect(bytes.equals(wanted)).toBe(true);
  return number;
}

describe("virtio-netd killed in the middle of traffic", () => {
  const hub = new NetworkHub();
  const peer = echoOn(hub);
  let os: TestMachine;
  let file: File;

  beforeAll(async () => {
    os = await bootForTest({ network: hub });
    file = await os.open("network:/0", { mode: "read-write" });
  });

  afterAll(async () => {
    await os.close();
    await peer.close();
    hub.close();
  });

  it.each(POINTS)(
    "killed when a request is %s: its client sees a pause, no error",
    async (point) => {
      const deaths = deathsOf(os, "virtio-netd", point);
      let answers = 0;
      let afterwards = 0;
      const reader = async (): Promise<void> => {
        const bytes = Buffer.alloc(2048);
        while (afterwards < AFTERWARDS) {
          numberOf(bytes.subarray(0, await file.read(bytes)));
          answers++;
          if (deaths.over) afterwards++;
        }
      };
      const writer = async (): Promise<void> => {
        for (let number = 0; afterwards < AFTERWARDS; number++) await file.write(frameOf(number));
      };
      // The last reads find no frame any more when the writers have stopped: one reader suffices.
      await Promise.all([reader(), writer(), writer(), deaths.done]);
      expect(answers).toBeGreaterThanOrEqual(AFTERWARDS);
      await os.expectNoLeaks();
    },
  );
});

describe("rngd killed in the middle of reads", () => {
  let os: TestMachine;

  beforeAll(async () => {
    os = await bootForTest();
  });

  afterAll(async () => {
    await os.close();
  });

  it.each(POINTS)("killed when a request is %s: reads go on", async (point) => {
    await using file = await os.open("hwrng:/");
    const deaths = deathsOf(os, "rngd", point);
    const seen = new Set<string>();
    let reads = 0;
    const reader = async (): Promise<void> => {
      do {
        const bytes = Buffer.alloc(16);
        expect(await file.read(bytes)).toBe(16);
        seen.add(bytes.toString("hex"));
        reads++;
      } while (!deaths.over);
    };
    await Promise.all([reader(), reader(), reader(), deaths.done]);
    expect(seen.size).toBe(reads);
    await os.expectNoLeaks();
  });
});

/** Writes until the deaths are over; only an honest doubt is accepted. Returns how many doubts. */
async function writeThrough(file: File, deaths: { over: boolean }): Promise<number> {
  let doubts = 0;
  do {
    try {
      expect(await file.write("tick\n")).toBe(5);
    } catch (error) {
      expect(error).toMatchObject({ code: "EOWNERDEAD", outcome: "unknown" });
      doubts++;
    }
  } while (!deaths.over);
  return doubts;
}

describe("consoled killed in the middle of output", () => {
  const screen = new Console();
  let os: TestMachine;
  let file: File;

  beforeAll(async () => {
    os = await bootForTest({ consolePorts: [screen.port] });
    file = await os.open("console:/", { mode: "read-write" });
  });

  afterAll(async () => {
    await os.close();
    screen.close();
  });

  it.each(POINTS)("killed when a request is %s: the terminal works on", async (point) => {
    const deaths = deathsOf(os, "consoled", point);
    const [doubts] = await Promise.all([writeThrough(file, deaths), deaths.done]);
    expect(doubts).toBeLessThanOrEqual(DEATHS);
    await file.write("and now\n");
    await screen.shows("and now\n");
    // A line in doubt is there or not, or cut short by the death.
    expect(screen.screen.replaceAll("tick\n", "")).toMatch(/^[tick\n]*and now\n/);
    screen.type("typed");
    const bytes = Buffer.alloc(5);
    for (let count = 0; count < 5; ) count += await file.read(bytes.subarray(count));
    expect(bytes.toString()).toBe("typed");
    await os.expectNoLeaks();
  });
});
