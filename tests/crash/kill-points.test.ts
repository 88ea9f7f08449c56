/**
 * The promise of the machine: a disk driver that dies at any point of a request loses nothing.
 * Reads and writes are in flight while it dies; the bytes are compared on the host.
 */

import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { testImages } from "./image.js";

const PIECE = 64 * 1024;
const DEPTH = 8;
const MEGABYTES = 8;

const images = testImages();
afterAll(() => {
  images.remove();
});

/** Copies the first disk to the second, several requests in flight. */
async function copyDisk(os: TestMachine): Promise<void> {
  await using source = await os.open("disk:/0");
  await using target = await os.open("disk:/1", { mode: "read-write" });
  const { size } = await source.stat();
  let next = 0;
  const worker = async (): Promise<void> => {
    const bytes = Buffer.alloc(PIECE);
    while (next < size) {
      const at = next;
      next += PIECE;
      expect(await source.read(bytes, at)).toBe(PIECE);
      expect(await target.write(bytes, at)).toBe(PIECE);
    }
  };
  await Promise.all(Array.from({ length: DEPTH }, worker));
  await target.sync();
}

describe("a driver killed in the middle of a request loses nothing", () => {
  for (const point of ["submitted", "dequeued", "handled", "completed", "random"] as const) {
    it(`killed when a request is ${point}: a disk copied meanwhile is the same`, async () => {
      const from = images.make(`${point}-from.img`, MEGABYTES, 1);
      const to = images.make(`${point}-to.img`, MEGABYTES);
      const os = await bootForTest({ disk: [from.path, to.path] });
      try {
        const deaths = (async () => {
          for (let nth = 1; nth <= 3; nth++) {
            const death = await os.killAt("virtio-blkd", point, { nth: 5 * nth, seed: nth });
            expect(death.trace.map(({ event }) => event)).toContain("classify");
          }
        })();
        let over = false;
        void deaths.finally(() => {
          over = true;
        });
        do await copyDisk(os);
        while (!over);
        await deaths;
        expect(readFileSync(to.path).equals(from.bytes)).toBe(true);
        await os.expectNoLeaks();
      } finally {
        await os.close();
      }
    });
  }

  it("a request that was taken is repeated, one that was not taken is just served", async () => {
    const image = images.make("classes.img", 1, 2);
    const os = await bootForTest({ disk: image.path });
    try {
      const file = await os.open("disk:/0");
      const bytes = Buffer.alloc(4096);
      const untaken = os.killAt("virtio-blkd", "submitted");
      await file.read(bytes, 0);
      expect((await untaken).replayed).toBe(0);
      // A host that was kept from replaying within the window is served, but counted too late.
      let replayed = 0;
      for (let i = 0; i < 5 && replayed === 0; i++) {
        const taken = os.killAt("virtio-blkd", "dequeued");
        await file.read(bytes, 4096);
        ({ replayed } = await taken);
      }
      expect(replayed).toBe(1);
      expect(bytes.equals(image.bytes.subarray(4096, 8192))).toBe(true);
    } finally {
      await os.close();
    }
  });

  it("the order of a death is kept: fence before exit before classify before restart", async () => {
    const image = images.make("order.img", 1, 3);
    const os = await bootForTest({ disk: image.path });
    try {
      const file = await os.open("disk:/0");
      const death = os.killAt("virtio-blkd", "handled");
      await file.read(Buffer.alloc(512), 0);
      const events = (await death).trace.map(({ event }) => event);
      const wanted = ["detect", "fence", "exit", "classify", "restart", "ready", "resume"];
      expect(events.filter((event) => wanted.includes(event))).toEqual(wanted);
      for (const event of ["silent", "drained"]) {
        expect(events.indexOf(event)).toBeLessThan(events.indexOf("classify"));
      }
    } finally {
      await os.close();
    }
  });
});
