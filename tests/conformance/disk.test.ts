/** The conformance suite on `disk:` of a booted machine, with an image of its own. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bootForTest } from "../../cli/testing.js";
import { narrow } from "./narrow.js";
import { conformance } from "./suite.js";

const IMAGE_BYTES = 1024 * 1024;

conformance({
  name: "disk:",
  object: "disk:/0",
  boot: async () => {
    const folder = await mkdtemp(join(tmpdir(), "anode-disk-"));
    const disk = join(folder, "disk.img");
    await writeFile(disk, new Uint8Array(IMAGE_BYTES));
    const os = await bootForTest({ disk });
    return {
      system: os,
      narrowed: (rights, prefix = "disk:/") => narrow(os, prefix, rights),
      close: async () => {
        await os.close();
        await rm(folder, { recursive: true });
      },
    };
  },
  skips: {
    "handle: sync succeeds": "a disk is written in whole sectors (disk.test.ts of tests/drivers)",
    "transfer: only the caller's part of a buffer is touched": "it writes 8 bytes first",
  },
});
