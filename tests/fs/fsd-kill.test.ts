/**
 * `file:` on a disk while its daemon, and the driver below it, are killed: whatever was answered is
 * there, open handles go on, and the file system stays sound.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { content } from "./random.js";
import { expectClean, formatted, MEBIBYTE, mounted, readFile } from "./volume.js";

const PIECE = 20_000;

let folder: string;
let disk: string;
let os: TestMachine;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "anode-fsd-"));
  disk = join(folder, "disk.img");
  const image = Buffer.alloc(16 * MEBIBYTE);
  await (await formatted(memoryDevice(image))).volume.unmount();
  writeFileSync(disk, image);
  os = await bootForTest({ disk, files: "disk" });
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("fsd: killed in the middle of a request", () => {
  const victims = [
    ["fsd", "dequeued"],
    ["fsd", "handled"],
    ["fsd", "completed"],
    ["virtio-blkd", "dequeued"],
    ["virtio-blkd", "handled"],
  ] as const;

  it.each(victims)(
    "%s, when a request is %s: nothing that was answered is lost",
    async (...who) => {
      const [victim, point] = who;
      const path = `file:/${victim}-${point}`;
      const file = await os.open(path, { mode: "create" });
      let alive = true;
      const death = os.killAt(victim, point, { nth: 3 }).finally(() => {
        alive = false;
      });
      let pieces = 0;
      for (let after = 0; alive || after < 3; after += alive ? 0 : 1) {
        const bytes = content(2, pieces + 1, PIECE);
        expect(await file.write(bytes, pieces * PIECE)).toBe(PIECE);
        pieces += 1;
      }
      await death;
      expect(pieces).toBeGreaterThanOrEqual(3);
      const expected = Buffer.concat(
        Array.from({ length: pieces }, (_, at) => content(2, at + 1, PIECE)),
      );
      file.position = 0;
      expect((await file.readAll()).equals(expected)).toBe(true);
      await file.close();
      await os.unlink(path);
    },
  );

  it("a file that lost its name with the daemon is stale, and its space is free", async () => {
    const file = await os.open("file:/nameless", { mode: "create" });
    await file.write(content(2, 1, PIECE), 0);
    await os.unlink("file:/nameless");
    const bytes = new Uint8Array(10);
    expect(await file.read(bytes, 0)).toBe(10);
    await os.kill("fsd");
    await expect(file.read(bytes, 0)).rejects.toMatchObject({ code: "ESTALE" });
    await file.close();
  });

  it("after the machine has ended, the image is sound and has what was written", async () => {
    const file = await os.open("file:/last", { mode: "create" });
    await file.write("the last words", 0);
    await file.close();
    await os.close();
    const fs = await mounted(memoryDevice(readFileSync(disk)));
    expect((await readFile(fs, "/last")).toString()).toBe("the last words");
    await expectClean(fs);
  });
});
