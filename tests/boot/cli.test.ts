/** The `anode` command as a user meets it: output, exit statuses, mistakes. */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmodSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { testImages } from "../crash/image.js";

const ANODE = fileURLToPath(new URL("../../cli/anode.js", import.meta.url));
const images = testImages();
afterAll(() => {
  images.remove();
});

interface Ended {
  status: number | null;
  out: string;
  err: string;
}

function start(args: string[]): ChildProcess {
  return spawn(process.execPath, [ANODE, ...args], { stdio: ["pipe", "pipe", "pipe"] });
}

async function anode(args: string[], input = ""): Promise<Ended> {
  const child = start(args);
  let out = "";
  let err = "";
  child.stdout?.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr?.on("data", (data: Buffer) => (err += data.toString()));
  child.stdin?.end(input);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, out, err };
}

describe("anode", () => {
  it("--version and --help answer and exit with 0", async () => {
    const version = await anode(["--version"]);
    expect(version.out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const help = await anode(["boot", "--help"]);
    expect(help.status).toBe(0);
    expect(help.out).toContain("Example");
  });

  it("an unknown option or command exits with a status that is not 0 and says so", async () => {
    const option = await anode(["boot", "--fly"]);
    expect(option.status).not.toBe(0);
    expect(option.err).toContain("--fly");
    expect((await anode(["fly"])).status).not.toBe(0);
  });

  it("-c runs the commands and exits with the last status", async () => {
    const ended = await anode(["boot", "-c", "echo one; echo two; false"]);
    expect(ended).toEqual({ status: 1, out: "one\ntwo\n", err: "" });
  });

  it("sha256sum of a disk is the host's, the driver being killed at each point", async () => {
    const { path, bytes } = images.make("hash.img", 4, 11);
    const hash = createHash("sha256").update(bytes).digest("hex");
    const points = ["submitted", "dequeued", "handled", "completed", "random"];
    const each = points.map((point) => `kill --at ${point} virtio-blkd; sha256sum disk:/0`);
    const ended = await anode(["boot", "--disk", path, "-c", each.join("; ")]);
    expect(ended.err).toBe("");
    expect(ended.out.trim().split("\n")).toEqual(points.map(() => `${hash}  disk:/0`));
  });

  it("dd copies one disk to another while the driver dies", async () => {
    const from = images.make("dd-from.img", 4, 12);
    const to = images.make("dd-to.img", 4);
    const commands = [
      "kill --at handled --nth 3 virtio-blkd",
      "dd if=disk:/0 of=disk:/1 bs=256K conv=fsync",
      "sha256sum disk:/1",
    ];
    const disks = ["--disk", from.path, "--disk", to.path];
    const ended = await anode(["boot", ...disks, "-c", commands.join("; ")]);
    expect(ended.status).toBe(0);
    expect(ended.out).toContain(createHash("sha256").update(from.bytes).digest("hex"));
  });

  it("without -c, commands come from standard input; its end ends the shell", async () => {
    const ended = await anode(["boot"], "echo typed\nexit 3\n");
    expect(ended.out).toContain("typed");
    expect(ended.status).toBe(3);
    const eof = await anode(["boot"], "echo last\n");
    expect(eof.out).toContain("last");
  });

  it("a closed pipe on standard output ends the machine quietly", async () => {
    const child = start(["boot", "-c", "cat zero:/"]);
    child.stdin?.end();
    let err = "";
    child.stderr?.on("data", (data: Buffer) => (err += data.toString()));
    await once(child.stdout as NodeJS.ReadableStream, "data");
    child.stdout?.destroy();
    const [status] = (await once(child, "close")) as [number];
    expect(err).toBe("");
    expect(status).toBe(141);
  });
});

describe("anode boot: disk images that cannot be used", () => {
  const mistakes: [what: string, make: () => string, message: RegExp][] = [
    ["a missing image", () => join(images.folder, "none.img"), /none\.img/],
    ["an empty image", () => file("empty.img", 0), /empty/],
    ["an image of odd size", () => file("odd.img", 1000), /512/],
    ["a folder", () => images.folder, /directory/],
    ["an unknown word", () => `${file("word.img", 512)},fast`, /readonly/],
  ];
  function file(name: string, size: number): string {
    const path = join(images.folder, name);
    writeFileSync(path, "");
    truncateSync(path, size);
    return path;
  }
  for (const [what, make, message] of mistakes) {
    it(`${what} is refused with a message`, async () => {
      const ended = await anode(["boot", "--disk", make(), "-c", "true"]);
      expect(ended.status).toBe(1);
      expect(ended.err).toMatch(message);
      expect(ended.err).toMatch(/^anode: /);
    });
  }

  it("an image that another Anode uses is refused; after that has ended it is free", async () => {
    const { path } = images.make("busy.img", 1, 5);
    const first = start(["boot", "--disk", path, "-c", "cat disk:/0 | wc; echo up; cat serial:/"]);
    await once(first.stdout as NodeJS.ReadableStream, "data");
    const second = await anode(["boot", "--disk", path, "-c", "true"]);
    expect(second.status).toBe(1);
    expect(second.err).toMatch(/in use/);
    first.kill("SIGKILL");
    await once(first, "close");
    expect((await anode(["boot", "--disk", path, "-c", "true"])).status).toBe(0);
  });

  it("a read-only disk can be read and not written", async () => {
    const { path } = images.make("ro.img", 1, 6);
    chmodSync(path, 0o444);
    const commands =
      "head -c 1 disk:/0 | wc; dd if=zero:/ of=disk:/0 bs=512 count=1 || echo refused";
    const ended = await anode(["boot", "--disk", `${path},readonly`, "-c", commands]);
    expect(ended.out).toContain("refused");
    expect(ended.out).toMatch(/read-only/);
  });
});
