/**
 * Images that the real RedoxFS 0.9.1 made, with its own listing of them: `small` from
 * small.script, with one file of each shape; `many` with a directory of 700 names of which every
 * fifth was removed. Made by tests/interop/oracle: mkfs on 8 MiB, apply, list, gzip.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { expectClean, makeDirectory, mounted, namesIn, writeFile } from "../fs/volume.js";
import { listing } from "../interop/listing.js";

/** Tests run from dist/tests/images/, the images stay where they are. */
const FOLDER = fileURLToPath(new URL("../../../tests/images/", import.meta.url));

function image(name: string): Buffer {
  return gunzipSync(readFileSync(`${FOLDER}${name}.img.gz`));
}

describe("fs: images of the real RedoxFS", () => {
  it.each(["small", "many"])(
    "image %s: reads as the real code reads it, to the block",
    async (name) => {
      const fs = await mounted(memoryDevice(image(name)), true);
      expect(await listing(fs)).toBe(readFileSync(`${FOLDER}${name}.txt`, "utf8"));
      await expectClean(fs);
    },
  );

  it.each(["small", "many"])("image %s: can be changed and stays sound", async (name) => {
    const bytes = image(name);
    const fs = await mounted(memoryDevice(bytes));
    await makeDirectory(fs, "/ours");
    for (let at = 0; at < 50; at++) await writeFile(fs, `/ours/${at}`, `text ${at}`.repeat(at));
    for (const one of await namesIn(fs, "/")) {
      if (one !== "ours") await fs.rename(`/${one}`, `/ours/${one}-moved`);
    }
    await fs.volume.unmount();
    const again = await mounted(memoryDevice(bytes));
    expect(await namesIn(again, "/")).toEqual(["ours"]);
    await expectClean(again);
  });
});
