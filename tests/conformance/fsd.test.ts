/** The conformance suite on `file:` of a machine whose files are on a disk with a RedoxFS. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootForTest } from "../../cli/testing.js";
import { memoryDevice } from "../../schemes/fs/memory-device.js";
import { formatted, MEBIBYTE } from "../fs/volume.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

const IMAGE_BYTES = 64 * MEBIBYTE;
const LONGEST = "the longest name of RedoxFS has 252 bytes, not 255";

conformance({
  name: "file: on a disk",
  root: "file:/",
  skips: {
    "names: 255 bytes, any case, spaces and other alphabets": LONGEST,
    "list: the longest names do not overflow a reply": LONGEST,
  },
  boot: async () => {
    const folder = await mkdtemp(join(tmpdir(), "anode-fsd-"));
    const disk = join(folder, "disk.img");
    const image = Buffer.alloc(IMAGE_BYTES);
    await (await formatted(memoryDevice(image))).volume.unmount();
    await writeFile(disk, image);
    const os = await bootForTest({ disk, files: "disk" });
    return {
      system: os,
      narrowed: (rights, prefix = "file:/") => narrow(os, prefix, rights),
      close: async () => {
        await os.close();
        await rm(folder, { recursive: true });
      },
    };
  },
});
