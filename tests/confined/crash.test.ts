/**
 * The promise of the machine holds for confined code: a confined disk driver that dies at any point
 * of a request loses nothing, and what its store held is stale when a confined `ram:` dies.
 */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { fillSeeded, testImages } from "../crash/image.js";

const PIECE = 16 * 1024;
const PIECES = 8;
const SEED = 5;

const images = testImages();
let os: TestMachine;

beforeAll(async () => {
  const disk = images.make("confined.img", 1, SEED).path;
  os = await bootForTest({ disk, confine: ["virtio-blkd", "ram"] });
});

afterAll(async () => {
  await os.close();
  images.remove();
});

/** Writes and reads back several pieces at once, over and over, until `over` says so. */
async function work(seed: number, over: () => boolean): Promise<void> {
  await using disk = await os.open("disk:/0", { mode: "read-write" });
  do {
    const pieces = Array.from({ length: PIECES }, (_, index) => {
      const bytes = Buffer.alloc(PIECE);
      fillSeeded(bytes, seed + index);
      return bytes;
    });
    await Promise.all(
      pieces.map(async (bytes, index) => {
        expect(await disk.write(bytes, index * PIECE)).toBe(PIECE);
        const back = Buffer.alloc(PIECE);
        expect(await disk.read(back, index * PIECE)).toBe(PIECE);
        expect(back.equals(bytes)).toBe(true);
      }),
    );
    await disk.sync();
  } while (!over());
}

describe("a confined driver that is killed loses nothing", () => {
  for (const point of ["submitted", "dequeued", "handled", "completed", "random"] as const) {
    it(`killed when a request is ${point}: what was written is read`, async () => {
      let over = false;
      const death = os.killAt("virtio-blkd", point, { nth: 3, seed: SEED }).finally(() => {
        over = true;
      });
      await work(SEED, () => over);
      const events = (await death).trace.map(({ event }) => event);
      const order = ["fence", "exit", "classify", "restart", "ready", "resume"];
      expect(events.filter((event) => order.includes(event))).toEqual(order);
    });
  }

  it("a hang is found, and the request is served by the next", async () => {
    await using disk = await os.open("disk:/0");
    const death = os.hang("virtio-blkd");
    expect(await disk.read(Buffer.alloc(512), 0)).toBe(512);
    await death;
  });
});

describe("a confined service that is killed", () => {
  it("ram: a handle from before is stale, and the names are there again", async () => {
    const file = await os.open("ram:/before", { mode: "create" });
    await os.kill("ram");
    await expect(file.write("x")).rejects.toMatchObject({ code: "ESTALE" });
    await file.close();
    await using motd = await os.open("file:/etc/motd");
    expect((await motd.readAll()).toString()).toContain("Anode");
  });

  it("nothing is left over", async () => {
    await os.expectNoLeaks();
  });
});
