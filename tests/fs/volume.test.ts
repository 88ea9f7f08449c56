/** A volume under many operations at once, its lock, and its limits. */

import { describe, expect, it } from "vitest";
import { O_CREATE, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { Lock } from "../../schemes/fs/lock.js";
import { Undo } from "../../schemes/fs/undo.js";
import { content, randomFrom } from "./random.js";
import {
  expectClean,
  linkFile,
  MEBIBYTE,
  makeDirectory,
  mounted,
  namesIn,
  newFileSystem,
  readFile,
  statOf,
  withFile,
  writeFile,
} from "./volume.js";

describe("fs: lock", () => {
  it("lock: readers together, a writer alone, first come first served", async () => {
    const lock = new Lock();
    const order: string[] = [];
    let inside = 0;
    const act = (name: string, exclusive: boolean) => async (): Promise<void> => {
      order.push(name);
      inside += 1;
      await Promise.resolve();
      if (exclusive) expect(inside).toBe(1);
      inside -= 1;
    };
    await Promise.all([
      lock.shared(act("r1", false)),
      lock.shared(act("r2", false)),
      lock.exclusive(act("w1", true)),
      lock.shared(act("r3", false)),
      lock.exclusive(act("w2", true)),
    ]);
    expect(order).toEqual(["r1", "r2", "w1", "r3", "w2"]);
  });

  it("lock: one that fails lets the next one in", async () => {
    const lock = new Lock();
    const failing = lock.exclusive(() => Promise.reject(new TypeError("no")));
    await expect(failing).rejects.toThrow("no");
    expect(await lock.shared(async () => 7)).toBe(7);
  });
});

describe("fs: undo", () => {
  it("undo: takes back in reverse, down to the mark, and nothing that was kept", () => {
    const undo = new Undo();
    const done: number[] = [];
    undo.note(() => done.push(0));
    const mark = undo.mark();
    undo.note(() => done.push(1));
    undo.note(() => done.push(2));
    undo.rollBack(mark);
    expect(done).toEqual([2, 1]);
    undo.keep();
    undo.rollBack(0);
    expect(done).toEqual([2, 1]);
  });
});

describe("fs: many at once", () => {
  it("volume: operations in flight together do not mix", async () => {
    const { fs, device } = await newFileSystem(32 * MEBIBYTE);
    const seed = 77;
    const next = randomFrom(seed);
    const files = 24;
    await Promise.all(
      Array.from({ length: files }, async (_, file) => {
        for (let round = 0; round < 6; round++) {
          const size = 1 + (next() % 200_000);
          const bytes = content(2, file * 100 + round, size);
          await writeFile(fs, `/f${file}`, bytes);
          if (next() % 3 === 0) await fs.volume.sync();
          const got = (await readFile(fs, `/f${file}`)).subarray(0, size);
          expect(got.equals(bytes), `seed ${seed}, file ${file}`).toBe(true);
          await fs.rename(`/f${file}`, `/g${file}`);
          await fs.rename(`/g${file}`, `/f${file}`);
        }
      }),
    );
    await fs.volume.unmount();
    const again = await mounted(device);
    expect(await namesIn(again, "/")).toHaveLength(files);
    await expectClean(again);
  });

  it("volume: many changes are committed before they fill the memory", async () => {
    const { fs } = await newFileSystem(64 * MEBIBYTE);
    const { generation } = fs.volume.header;
    const bytes = content(2, 1, MEBIBYTE);
    for (let at = 0; at < 40; at++) await writeFile(fs, "/large", bytes, at * MEBIBYTE);
    expect(fs.volume.header.generation).toBe(generation + 1);
    expect(fs.volume.records.dirtyBytes).toBeLessThan(33 * MEBIBYTE);
    await fs.volume.sync();
    expect(fs.volume.records.dirtyBytes + fs.volume.store.dirtyBytes).toBe(0);
    await expectClean(fs);
  });

  it("volume: nodes that nobody needs leave the memory, and come back", async () => {
    const { fs } = await newFileSystem(64 * MEBIBYTE);
    await makeDirectory(fs, "/d");
    const count = 4500;
    for (let at = 0; at < count; at++) {
      await fs.close(await fs.open(`/d/${at}`, { flags: O_WRITE | O_CREATE }));
    }
    expect(fs.volume.tree.inMemory).toBeLessThan(count);
    expect((await statOf(fs, "/d/7")).links).toBe(1);
  });

  it("volume: a read-only one changes nothing", async () => {
    const { fs, device, image } = await newFileSystem();
    await writeFile(fs, "/f", "text");
    await fs.volume.unmount();
    const before = Buffer.from(image);
    const again = await mounted(device, true);
    const denied = expect.objectContaining({ code: "EROFS" });
    await expect(writeFile(again, "/new", "x")).rejects.toEqual(denied);
    await expect(again.unlink("/f", "file")).rejects.toEqual(denied);
    await expect(linkFile(again, "/f", "/g")).rejects.toEqual(denied);
    await withFile(again, "/f", O_READ, async (file) => {
      await expect(again.truncate(file, 0)).rejects.toEqual(denied);
    });
    expect((await readFile(again, "/f")).toString()).toBe("text");
    await again.volume.sync();
    await again.volume.unmount();
    expect(image.equals(before)).toBe(true);
  });
});
