/* Disk images: what is refused and how, the lock, and the I/O threads. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { faultyDisk } from "../../hw/backends/faulty.js";
import { type ImageDisk, ImageError, openImage, openImages } from "../../hw/backends/image.js";
import { lockByFile } from "../../hw/backends/image-lock.js";
import { IoThreads } from "../../hw/backends/io-threads.js";
import type { DiskDone } from "../../hw/disk.js";

const IMAGE_MODULE = fileURLToPath(new URL("../../hw/backends/image.js", import.meta.url));
const IO_MODULE = fileURLToPath(new URL("../../hw/backends/io-threads.js", import.meta.url));

let folder: string;
let path: string;
let io: IoThreads;
const open: ImageDisk[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "anode-image-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  io = new IoThreads();
  path = join(folder, `disk-${Math.trunc(performance.now() * 1000)}.img`);
  writeFileSync(path, Buffer.alloc(1 << 20, 7));
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((disk) => disk.close()));
  await io.close();
});

async function openIt(options: { readOnly?: boolean } = {}): Promise<ImageDisk> {
  const disk = await openImage(path, { io, ...options });
  open.push(disk);
  return disk;
}

async function refusal(promise: Promise<unknown>): Promise<[string, string]> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ImageError) return [error.code, error.message.replaceAll(path, "IMG")];
    throw error;
  }
  throw new RangeError("was not refused");
}

/** Starts a disk operation; its errno. */
function ended(start: (done: DiskDone) => void): Promise<number> {
  return new Promise((resolve) => start(resolve));
}

function shared(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

describe("image: refused with a reason and a remedy", () => {
  test("a missing file", async () => {
    path = join(folder, "missing");
    expect(await refusal(openIt())).toEqual([
      "ENOENT",
      'IMG does not exist: make it with "anode mkfs IMG"',
    ]);
  });

  test("a directory", async () => {
    path = folder;
    const answer = ["EISDIR", "IMG is a directory: give the path of a disk image"];
    expect(await refusal(openIt())).toEqual(answer);
    expect(await refusal(openIt({ readOnly: true }))).toEqual(answer);
  });

  test.skipIf(process.platform === "win32")("a device that is no disk", async () => {
    path = "/dev/null";
    expect((await refusal(openIt()))[1]).toContain("neither a file nor a block device");
  });

  test("an empty file, and one with half a sector", async () => {
    truncateSync(path, 0);
    expect(await refusal(openIt())).toEqual([
      "EINVAL",
      'IMG is empty: make it with "anode mkfs IMG"',
    ]);
    truncateSync(path, 1000);
    expect((await refusal(openIt()))[1]).toContain("has 1000 bytes, not a multiple of 512");
  });

  test("a write-protected file, unless it is opened read-only", async () => {
    chmodSync(path, 0o444);
    const [code, message] = await refusal(openIt());
    expect(code).toBe("EACCES");
    expect(message).toContain("open the disk read-only");
    expect((await openIt({ readOnly: true })).sectorCount).toBe(2048);
  });
});

describe("image: lock", () => {
  test("the same image twice in one process is refused, also for reading", async () => {
    await openIt();
    const answer = ["EBUSY", "IMG is in use by this process already: use another image"];
    expect(await refusal(openIt())).toEqual(answer);
    expect(await refusal(openIt({ readOnly: true }))).toEqual(answer);
  });

  test("twice among the disks of a machine whose host holds the image is refused", async () => {
    const both = openImages([{ path }, { path }], { io, held: true });
    expect(await refusal(both)).toEqual([
      "EBUSY",
      "IMG is given twice: give each disk an image of its own",
    ]);
    const twins = [
      { path, readOnly: true },
      { path, readOnly: true },
    ];
    open.push(...(await openImages(twins, { io })));
  });

  test("read-only opens share, and closing unlocks", async () => {
    await openIt({ readOnly: true });
    await openIt({ readOnly: true });
    await Promise.all(open.splice(0).map((disk) => disk.close()));
    await (await openIt()).close();
    await openIt();
  });

  /** Another process that has the image open. `held`: only its machine's part of the lock. */
  async function otherProcess(held: boolean): Promise<ChildProcess> {
    const program = `
      const { openImage } = await import(${JSON.stringify(IMAGE_MODULE)});
      const { IoThreads } = await import(${JSON.stringify(IO_MODULE)});
      await openImage(${JSON.stringify(path)}, { io: new IoThreads(), held: ${held} });
      console.log("open");
      setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => other.stdout.once("data", resolve));
    return other;
  }

  test("a machine whose host is gone is waited for, while it ends", async () => {
    const orphan = await otherProcess(true);
    let opened = false;
    const opening = openIt().then(() => {
      opened = true;
    });
    await expect(openIt({ readOnly: true })).rejects.toMatchObject({ code: "EBUSY" });
    expect(opened).toBe(false);
    orphan.kill("SIGKILL");
    await opening;
  });

  test("another process is named, and its lock vanishes with it", async () => {
    const other = await otherProcess(false);
    expect(await refusal(openIt())).toEqual([
      "EBUSY",
      `IMG is in use by another Anode (pid ${other.pid}): stop that one first`,
    ]);
    const gone = new Promise((resolve) => other.once("exit", resolve));
    other.kill("SIGKILL");
    await gone;
    await openIt();
  });

  test("a lock file names its owner, and one left behind does not count", async () => {
    const lockPath = `${path}.lock`;
    const starts = new Map([[process.pid, "now"]]);
    const startOf = (pid: number): string => starts.get(pid) ?? "";
    const lock = await lockByFile(lockPath, startOf);
    expect(await lockByFile(lockPath, startOf)).toEqual({ pid: process.pid });
    starts.set(process.pid, "later"); // The same number, another process.
    const second = await lockByFile(lockPath, startOf);
    expect("release" in lock && "release" in second).toBe(true);
    if ("release" in second) await second.release();
    writeFileSync(lockPath, "999999999\nlong ago\n");
    const third = await lockByFile(lockPath, startOf);
    if ("release" in third) await third.release();
    expect("release" in third).toBe(true);
  });
});

describe("image: I/O threads", () => {
  test("reads see what was written, in place, also far more than there are slots", async () => {
    const disk = await openIt();
    const bytes = shared(256 * 512);
    bytes.forEach((_, index) => {
      bytes[index] = index >> 9;
    });
    const sector = (index: number): Uint8Array<SharedArrayBuffer> =>
      bytes.subarray(512 * index, 512 * (index + 1));
    const all = Array.from({ length: 256 }, (_, index) => index);
    const writes = all.map((i) => ended((done) => disk.write(512 * i, sector(i), done)));
    expect(await Promise.all(writes)).toEqual(all.map(() => 0));
    expect(await ended((done) => disk.flush(done))).toBe(0);
    expect(await ended((done) => disk.zero(512 * 5, 512, done))).toBe(0);
    bytes.fill(0xee);
    const reads = all.map((i) => ended((done) => disk.read(512 * i, sector(i), done)));
    expect(await Promise.all(reads)).toEqual(all.map(() => 0));
    expect(all.map((i) => bytes[512 * i + 511])).toEqual(all.map((i) => (i === 5 ? 0 : i)));
  });

  test("more buffers than the threads remember", async () => {
    const disk = await openIt();
    for (let round = 0; round < 600; round++) {
      const bytes = shared(512);
      expect(await ended((done) => disk.read(0, bytes, done))).toBe(0);
      expect(bytes[511]).toBe(7);
    }
  });

  test("an image that was cut short is an error of that request only", async () => {
    const disk = await openIt();
    truncateSync(path, 512);
    expect(await ended((done) => disk.read(512, shared(512), done))).toBeGreaterThan(0);
    expect(await ended((done) => disk.read(0, shared(512), done))).toBe(0);
  });

  test("after the end every request fails, and none is forgotten", async () => {
    const disk = await openIt();
    const last = ended((done) => disk.read(0, shared(512), done));
    await io.close();
    expect(await last).toBe(0);
    expect(await ended((done) => disk.flush(done))).toBeGreaterThan(0);
  });

  test("injected faults fail or delay what their rule names", async () => {
    const delays: number[] = [];
    const disk = faultyDisk(await openIt(), {
      rule: ({ kind, position }) => {
        if (kind === "write") return { errno: 5 };
        return position === 512 ? { delayMs: 3 } : undefined;
      },
      after: (delayMs, step) => {
        delays.push(delayMs);
        step();
      },
    });
    expect(await ended((done) => disk.write(0, shared(512), done))).toBe(5);
    expect(await ended((done) => disk.read(512, shared(512), done))).toBe(0);
    expect(delays).toEqual([3]);
  });
});
