/** The conformance suite on `disk:` of a booted machine, with an image of its own. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { O_WRITE } from "../../ipc/open-flags.js";
import { expectCode, namesIn, unitOf } from "./case.js";
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
});

describe("disk: what a file of a tree has not", () => {
  let os: TestMachine;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "anode-disk-"));
    const disk = join(folder, "disk.img");
    await writeFile(disk, new Uint8Array(IMAGE_BYTES));
    os = await bootForTest({ disk });
  });

  afterAll(async () => {
    await os.close();
    await rm(folder, { recursive: true });
  });

  it("disk: writes are whole sectors, reads begin and end anywhere", async () => {
    await using file = await os.open("disk:/0", { mode: "read-write" });
    const sector = await unitOf(file);
    await expectCode(file.write(new Uint8Array(1), 0), "EINVAL");
    await expectCode(file.write(new Uint8Array(sector), 1), "EINVAL");
    await expectCode(file.write(new Uint8Array(sector + 1), 0), "EINVAL");
    await file.write(new Uint8Array(2 * sector).fill(0x61), sector);
    const bytes = new Uint8Array(sector);
    expect(await file.read(bytes, sector - 3)).toBe(sector);
    expect([...bytes.subarray(0, 5)]).toEqual([0, 0, 0, 0x61, 0x61]);
  });

  it("disk: has a fixed size: reads end there, writes are ENOSPC", async () => {
    await using file = await os.open("disk:/0", { mode: "read-write" });
    const sector = await unitOf(file);
    expect((await file.stat()).size).toBe(IMAGE_BYTES);
    expect(await file.read(new Uint8Array(sector), IMAGE_BYTES)).toBe(0);
    expect(await file.read(new Uint8Array(sector), IMAGE_BYTES - 10)).toBe(10);
    await expectCode(file.write(new Uint8Array(sector), IMAGE_BYTES), "ENOSPC");
    expect(await file.write(new Uint8Array(2 * sector), IMAGE_BYTES - sector)).toBe(sector);
    await expectCode(file.truncate(0), "EOPNOTSUPP");
  });

  it("disk: lists the disks, makes and removes none", async () => {
    expect(await namesIn(os, "disk:/")).toEqual(["0"]);
    await expectCode(os.mkdir("disk:/d"), "ENOENT", "EACCES", "EOPNOTSUPP");
    await expectCode(os.unlink("disk:/0"), "EOPNOTSUPP");
    await expectCode(os.rename("disk:/0", "disk:/1"), "EOPNOTSUPP");
    await expectCode(os.open("disk:/", { mode: O_WRITE }), "EISDIR");
  });
});
