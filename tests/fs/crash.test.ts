/** Power cuts, in a few runs; `npm run soak:fs` makes many. */

import { describe, expect, it } from "vitest";
import { EIO } from "../../ipc/errno.js";
import { O_CREATE, O_WRITE } from "../../ipc/open-flags.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { crashEverywhere, recordRun } from "./crash.js";
import { content } from "./random.js";
import { RecordingDevice } from "./recording-device.js";
import { expectClean, formatted, MEBIBYTE, mounted, readFile, withFile } from "./volume.js";

describe("fs: power cuts", () => {
  it.each([1, 2])("power cut: leaves the state after some operation, seed %i", async (seed) => {
    const options = { seed, operations: 40, subsets: 6, stride: 23 };
    const record = await recordRun(options);
    expect(await crashEverywhere(record, options)).toBeGreaterThan(20);
  });

  it("power cut: a commit without its flushes would be noticed", async () => {
    const options = { seed: 4, operations: 30, subsets: 5, stride: 2 };
    const record = await recordRun(options);
    const { device } = record;
    // The same record, as if no flush but the last of each sync had been made.
    const careless = new RecordingDevice(Buffer.from(device.after(0, () => "gone")));
    await replayWithoutBarriers(device, careless);
    const outcome = crashEverywhere({ ...record, device: careless }, options);
    await expect(outcome).rejects.toThrow(/the disk shows what no operation has left|EIO/);
  });

  it("commit: a disk that fails in the middle loses nothing, the next sync succeeds", async () => {
    const disk = memoryDevice(Buffer.alloc(8 * MEBIBYTE));
    let writesLeft = Infinity;
    const device = {
      ...disk,
      write: async (index: number, bytes: Buffer) => {
        if (writesLeft <= 0) throw EIO;
        writesLeft -= 1;
        await disk.write(index, bytes);
      },
    };
    const fs = await formatted(device);
    const bytes = content(2, 1, 300_000);
    for (let round = 0; round < 8; round++) {
      await withFile(fs, `/f${round}`, O_WRITE | O_CREATE, async (file) => {
        await fs.write(file, bytes, 0);
        writesLeft = round;
        const failed = await fs.volume.sync().then(
          () => false,
          () => true,
        );
        // What the failed commit has left behind must still be the state before it.
        const seen = await mounted(disk, true);
        await expectClean(seen);
        if (failed) await fs.write(file, Buffer.from("after"), 5);
        writesLeft = Infinity;
        await fs.volume.sync();
        await expectClean(await mounted(disk, true));
        if (failed) await fs.write(file, bytes.subarray(5, 10), 5);
      });
    }
    await fs.volume.unmount();
    const again = await mounted(disk);
    for (let round = 0; round < 8; round++) {
      expect((await readFile(again, `/f${round}`)).equals(bytes)).toBe(true);
    }
    await expectClean(again);
  });
});

/** Writes what `from` has on record to `to`, and flushes only behind each header. */
async function replayWithoutBarriers(from: RecordingDevice, to: RecordingDevice): Promise<void> {
  const flushes = from.flushPoints();
  for (const { index, bytes, at } of from.writes()) {
    // Every second flush is the one behind a header.
    if (flushes.some((point, place) => point === at && place % 2 === 1)) await to.flush();
    await to.write(index, bytes);
  }
  await to.flush();
}
