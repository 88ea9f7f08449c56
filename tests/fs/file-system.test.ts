/** Files, directories and links on a RedoxFS in memory; after each test everything is checked. */

import { describe, expect, it } from "vitest";
import { O_CREATE, O_DIRECTORY, O_READ, O_WRITE } from "../../ipc/open-flags.js";
import { mount } from "../../schemes/fs/mount.js";
import { nameHash } from "../../schemes/fs/name-hash.js";
import { content } from "./random.js";
import {
  expectClean,
  expectErrno,
  linkFile,
  MEBIBYTE,
  makeDirectory,
  mounted,
  namesIn,
  newFileSystem,
  readFile,
  statOf,
  truncateFile,
  withFile,
  writeFile,
} from "./volume.js";

const RECORD = 128 * 1024;

describe("fs: files", () => {
  it("file: small, compressed and random contents survive a mount", async () => {
    const { fs, device } = await newFileSystem();
    const sizes = [0, 1, 3967, 3968, 4096, 5000, RECORD - 1, RECORD, RECORD + 1, 3 * RECORD + 77];
    for (const kind of [1, 2] as const) {
      for (const size of sizes) {
        await writeFile(fs, `/f-${kind}-${size}`, content(kind, size, size));
      }
    }
    await fs.volume.unmount();
    const again = await mounted(device);
    for (const kind of [1, 2] as const) {
      for (const size of sizes) {
        const bytes = await readFile(again, `/f-${kind}-${size}`);
        expect(bytes.equals(content(kind, size, size)), `${kind} ${size}`).toBe(true);
      }
    }
    await expectClean(again);
  });

  it("file: grown in small steps it takes what a file written at once takes", async () => {
    const { fs } = await newFileSystem();
    const bytes = content(2, 9, 2 * RECORD);
    for (let at = 0; at < bytes.length; at += 4096) {
      await writeFile(fs, "/steps", bytes.subarray(at, at + 4096), at);
    }
    await writeFile(fs, "/once", bytes);
    await fs.volume.sync();
    expect((await readFile(fs, "/steps")).equals(bytes)).toBe(true);
    expect((await statOf(fs, "/steps")).blocks).toBe((await statOf(fs, "/once")).blocks);
    await expectClean(fs);
  });

  it("file: holes take no space and read as zeros, far out, too", async () => {
    const { fs } = await newFileSystem();
    const far = 2 ** 49;
    await writeFile(fs, "/sparse", "start");
    await writeFile(fs, "/sparse", "end", far);
    await fs.volume.sync();
    const stat = await statOf(fs, "/sparse");
    expect(stat.size).toBe(far + 3);
    expect(stat.blocks).toBeLessThan(9);
    await withFile(fs, "/sparse", O_READ, async (file) => {
      const bytes = Buffer.alloc(10, 0xee);
      expect(await fs.read(file, bytes, far - 5)).toBe(8);
      expect(bytes.toString("latin1")).toBe("\0\0\0\0\0end\xee\xee");
      expect(await fs.read(file, bytes, 5 * RECORD)).toBe(10);
      expect(bytes.equals(Buffer.alloc(10))).toBe(true);
    });
    await expectErrno(writeFile(fs, "/sparse", "x", 2 ** 53 - 1), "EFBIG");
    await truncateFile(fs, "/sparse", 3);
    expect((await statOf(fs, "/sparse")).blocks).toBe(2);
    await expectClean(fs);
  });

  it("file: what was cut off does not come back when the file grows again", async () => {
    const { fs } = await newFileSystem();
    for (const size of [100, 5000, 3 * RECORD]) {
      await writeFile(fs, "/f", content(2, size, size));
      await fs.volume.sync();
      await truncateFile(fs, "/f", Math.floor(size / 2));
      await truncateFile(fs, "/f", size);
      const expected = content(2, size, size).fill(0, Math.floor(size / 2));
      expect((await readFile(fs, "/f")).equals(expected), `${size}`).toBe(true);
      await fs.volume.sync();
      expect((await readFile(fs, "/f")).equals(expected), `${size}, stored`).toBe(true);
      await fs.unlink("/f", "file");
    }
    await expectClean(fs);
  });

  it("file: an empty one takes one block again", async () => {
    const { fs } = await newFileSystem();
    const { free } = fs.volume.store;
    await writeFile(fs, "/f", content(2, 1, 5 * RECORD));
    await fs.volume.sync();
    await truncateFile(fs, "/f", 0);
    expect((await statOf(fs, "/f")).blocks).toBe(1);
    await fs.unlink("/f", "file");
    await fs.volume.squash();
    expect(fs.volume.store.free).toBe(free);
  });
});

describe("fs: a full disk", () => {
  it("full disk: writes come short, then fail, and everything can be deleted", async () => {
    const { fs } = await newFileSystem(2 * MEBIBYTE);
    await fs.volume.squash();
    const { free } = fs.volume.store;
    let files = 0;
    let written = 0;
    await makeDirectory(fs, "/d");
    for (; ; files++) {
      const count = await withFile(fs, `/d/${files}`, O_WRITE | O_CREATE, async (file) => {
        return await fs.write(file, content(2, files, 2 * RECORD), 0).catch(() => 0);
      }).catch(() => -1);
      if (count < 0) break;
      written += count;
      if (count === 0 && (await statOf(fs, `/d/${files}`)).size > 0) break;
      if (files > 500) break;
    }
    expect(written).toBeGreaterThan(0.5 * MEBIBYTE);
    await fs.volume.sync();
    await expectClean(fs);
    for (const name of await namesIn(fs, "/d")) await fs.unlink(`/d/${name}`, "file");
    await fs.unlink("/d", "directory");
    await fs.volume.squash();
    expect(fs.volume.store.free).toBe(free);
    await expectClean(fs);
  });
});

describe("fs: directories", () => {
  it("directory: thousands of names are found, listed once, and removed", async () => {
    const { fs, device } = await newFileSystem(32 * MEBIBYTE);
    await writeFile(fs, "/f", "one file, many names");
    await makeDirectory(fs, "/d");
    const name = (at: number): string => `${at}`.padEnd(230 + (at % 20), "-");
    const count = 3000;
    for (let at = 0; at < count; at++) await linkFile(fs, "/f", `/d/${name(at)}`);
    await expectErrno(linkFile(fs, "/f", `/d/${name(5)}`), "EEXIST");
    await fs.volume.sync();
    await expectClean(fs);
    const again = await mounted(device);
    const names = await namesIn(again, "/d");
    expect(names).toHaveLength(count);
    expect(new Set(names).size).toBe(count);
    expect((await statOf(again, "/f")).links).toBe(count + 1);
    for (let at = 0; at < count; at += 2) await again.unlink(`/d/${name(at)}`, "file");
    await expectErrno(again.unlink(`/d/${name(2)}`, "file"), "ENOENT");
    await expectClean(again);
    for (let at = 1; at < count; at += 2) await again.unlink(`/d/${name(at)}`, "file");
    expect((await statOf(again, "/d")).blocks).toBe(1);
    await again.unlink("/d", "directory");
    await expectClean(again);
  });

  it("directory: a listing sees what stays exactly once while names come and go", async () => {
    const { fs } = await newFileSystem();
    await makeDirectory(fs, "/d");
    await writeFile(fs, "/f", "x");
    const stays = Array.from({ length: 300 }, (_, at) => `stays-${at}`);
    for (const name of stays) await linkFile(fs, "/f", `/d/${name}`);
    const seen: string[] = [];
    await withFile(fs, "/d", O_READ | O_DIRECTORY, async (file) => {
      for (let cursor = 0, round = 0; ; round++) {
        const listed = await fs.list(file, cursor, 5);
        if (listed.length === 0) return;
        cursor = listed.at(-1)?.cursor ?? 0;
        seen.push(...listed.map(({ name }) => name));
        for (let at = 0; at < 40; at++) await linkFile(fs, "/f", `/d/comes-${round}-${at}`);
        if (round > 0) await fs.unlink(`/d/comes-${round - 1}-0`, "file");
      }
    });
    for (const name of stays) expect(seen.filter((one) => one === name)).toEqual([name]);
    expect(new Set(seen).size).toBe(seen.length);
    await expectClean(fs);
  });

  it("directory: names with the same hash are told apart", async () => {
    const { fs } = await newFileSystem();
    const pairs = [
      ["c42552", "c99714"],
      ["c55523", "c101421"],
      ["c15460", "c155309"],
      ["c191282", "c203588"],
    ] as const;
    const fillers = Array.from({ length: 500 }, (_, at) => `filler-${at}`);
    await makeDirectory(fs, "/d");
    for (const [one, other] of pairs) {
      expect(nameHash(Buffer.from(one))).toBe(nameHash(Buffer.from(other)));
      await writeFile(fs, `/d/${one}`, one);
    }
    for (const filler of fillers) await writeFile(fs, `/d/${filler}`, "");
    for (const [, other] of pairs) await writeFile(fs, `/d/${other}`, other);
    for (const name of pairs.flat()) {
      expect((await readFile(fs, `/d/${name}`)).toString()).toBe(name);
    }
    expect((await namesIn(fs, "/d")).sort()).toEqual([...pairs.flat(), ...fillers].sort());
    await expectClean(fs);
    for (const [one] of pairs) await fs.unlink(`/d/${one}`, "file");
    for (const [one, other] of pairs) {
      await expectErrno(statOf(fs, `/d/${one}`), "ENOENT");
      expect((await statOf(fs, `/d/${other}`)).size).toBe(other.length);
    }
    await expectClean(fs);
  });

  it("directory: names that RedoxFS cannot have are refused", async () => {
    const { fs } = await newFileSystem();
    await expectErrno(writeFile(fs, "/a:b", ""), "EINVAL");
    await expectErrno(writeFile(fs, `/${"n".repeat(253)}`, ""), "ENAMETOOLONG");
    await writeFile(fs, `/${"n".repeat(252)}`, "");
    await expectClean(fs);
  });
});

describe("fs: names and handles", () => {
  it("rename: replaces, keeps, and refuses as POSIX says", async () => {
    const { fs } = await newFileSystem();
    await makeDirectory(fs, "/a");
    await makeDirectory(fs, "/a/b");
    await writeFile(fs, "/f", "f");
    await writeFile(fs, "/g", "g");
    await expectErrno(fs.rename("/a", "/a/b/c"), "EINVAL");
    await expectErrno(fs.rename("/f", "/a"), "EISDIR");
    await expectErrno(fs.rename("/a", "/f"), "ENOTDIR");
    await expectErrno(fs.rename("/f", "/g", { replace: false }), "EEXIST");
    await fs.rename("/f", "/g");
    expect((await readFile(fs, "/g")).toString()).toBe("f");
    await fs.rename("/g", "/a/b/g");
    await makeDirectory(fs, "/empty");
    await expectErrno(fs.rename("/empty", "/a"), "ENOTEMPTY");
    await fs.rename("/a/b", "/empty");
    expect(await namesIn(fs, "/empty")).toEqual(["g"]);
    await expectClean(fs);
  });

  it("unlink: an open file lives on without a name, and is freed by the last close", async () => {
    const { fs } = await newFileSystem();
    await fs.volume.squash();
    const { free } = fs.volume.store;
    await withFile(fs, "/f", O_READ | O_WRITE | O_CREATE, async (file) => {
      await fs.write(file, content(2, 5, RECORD), 0);
      await fs.unlink("/f", "file");
      await fs.volume.sync();
      await expectErrno(statOf(fs, "/f"), "ENOENT");
      await expectErrno(fs.link(file, "/again"), "ENOENT");
      await fs.write(file, Buffer.from("more"), RECORD);
      const bytes = Buffer.alloc(RECORD + 4);
      expect(await fs.read(file, bytes, 0)).toBe(RECORD + 4);
      await expectClean(fs);
    });
    await fs.volume.squash();
    expect(fs.volume.store.free).toBe(free);
    await expectClean(fs);
  });

  it("unlink: what a crash left open and nameless is freed by the next mount", async () => {
    const { fs, device, image } = await newFileSystem();
    await fs.volume.squash();
    const { free } = fs.volume.store;
    for (let at = 0; at < 1500; at++) {
      await fs.open(`/f${at}`, { flags: O_WRITE | O_CREATE });
      await fs.unlink(`/f${at}`, "file");
    }
    await fs.volume.sync();
    const { volume } = await mount(device, { readOnly: true });
    expect(volume.orphans.nodes).toHaveLength(1500);
    const again = await mounted(device);
    await again.volume.squash();
    expect(again.volume.store.free).toBe(free);
    await expectClean(again);
    expect(image.length).toBe(16 * MEBIBYTE);
  });

  it("symbolic link: a long target needs records", async () => {
    const { fs } = await newFileSystem();
    const target = "t".repeat(4000);
    await fs.symlink("/link", target);
    await fs.volume.sync();
    expect(await fs.readlink("/link")).toBe(target);
    await fs.unlink("/link", "file");
    await expectClean(fs);
  });
});
