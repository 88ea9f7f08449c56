/** `anode mkfs`, `fsck` and `fs` as people run them. */

import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { content } from "./random.js";

const ANODE = fileURLToPath(new URL("../../cli/anode.js", import.meta.url));

describe("fs tools", () => {
  let folder: string;
  let disk: string;

  const anode = (...words: string[]) =>
    spawnSync(process.execPath, [ANODE, ...words], { encoding: "utf8", cwd: folder });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "anode-tools-"));
    disk = join(folder, "disk.img");
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("mkfs: makes an image, and does not make it again without --force", () => {
    const made = anode("mkfs", "--size", "16M", "disk.img");
    expect(made.stderr).toBe("");
    expect(made.stdout).toMatch(/^disk\.img: RedoxFS, 16\.0 MiB, \d+\.\d MiB free\n$/);
    expect(statSync(disk).size).toBe(16 * 1024 * 1024);
    const again = anode("mkfs", "--size", "8M", "disk.img");
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("--force makes a new one");
    expect(statSync(disk).size).toBe(16 * 1024 * 1024);
    expect(anode("mkfs", "--size", "1000", "disk.img").stderr).toContain("a multiple of 4096");
    expect(anode("mkfs", "none.img").stderr).toContain("anode mkfs --size 64M none.img");
  });

  it("fs cp: a tree goes into the image and comes back as it was", () => {
    mkdirSync(join(folder, "in/deep"), { recursive: true });
    writeFileSync(join(folder, "in/text"), "text\n", { mode: 0o600 });
    writeFileSync(join(folder, "in/deep/data"), content(2, 1, 2_500_000));
    symlinkSync("text", join(folder, "in/link"));
    expect(anode("fs", "cp", "in", "disk.img:/").stderr).toContain("copy it with -r");
    expect(anode("fs", "cp", "-r", "in", "disk.img:/").stdout).toBe("3 files, 2.4 MiB\n");
    expect(anode("fs", "ls", "disk.img:/in").stdout).toBe("deep/\nlink@\ntext\n");
    expect(anode("fs", "ls", "-l", "disk.img:/in/text").stdout).toMatch(/^0600 +1 .* 5 .*text\n$/);
    expect(anode("fs", "cp", "-r", "disk.img:/in", "out").status).toBe(0);
    expect(readFileSync(join(folder, "out/text"), "utf8")).toBe("text\n");
    expect(readFileSync(join(folder, "out/link"), "utf8")).toBe("text\n");
    expect(readFileSync(join(folder, "out/deep/data")).equals(content(2, 1, 2_500_000))).toBe(true);
    expect(statSync(join(folder, "out/text")).mode & 0o777).toBe(0o600);
    const missing = anode("fs", "cp", "disk.img:/none", "out");
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain("/none: no such file or directory");
  });

  it("fsck: says clean, finds damage, repairs it, and says so by its status", () => {
    const clean = anode("fsck", "disk.img");
    expect(clean.stdout).toMatch(/3 files|2 files/);
    expect(clean.status).toBe(0);
    const bytes = readFileSync(disk);
    const at = bytes.indexOf(content(2, 1, 64));
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(disk, bytes);
    const found = anode("fsck", "--json", "disk.img");
    expect(found.status).toBe(4);
    const { left } = JSON.parse(found.stdout) as { left: { kind: string; path: string }[] };
    expect(left).toMatchObject([{ kind: "damaged-record", path: "/in/deep/data" }]);
    const fixed = anode("fsck", "--repair", "disk.img");
    expect(fixed.stdout).toContain("repaired: damaged-record: /in/deep/data: record 0");
    expect(fixed.status).toBe(1);
    expect(anode("fsck", "disk.img").status).toBe(0);
    writeFileSync(join(folder, "empty.img"), Buffer.alloc(2_000_000));
    const none = anode("fsck", "empty.img");
    expect(none.stderr).toContain("there is no RedoxFS on it");
    expect(none.status).toBe(8);
  });

  it("tools: each has help with an example", () => {
    for (const words of [["mkfs"], ["fsck"], ["fs", "cp"], ["fs", "ls"]]) {
      expect(anode(...words, "--help").stdout).toMatch(/Examples?:\n {2}anode/);
    }
  });
});
