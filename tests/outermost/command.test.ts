/** The `anode` command when its machine dies, and the machine when its command does. */

import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { testImages } from "../crash/image.js";
import { bootRinged, childrenOf, isAlive } from "./machine.js";

const ANODE = fileURLToPath(new URL("../../cli/anode.js", import.meta.url));
/** A busy machine is given time; nothing here waits for it otherwise. */
const LONG = { timeout: 180_000 };

const images = testImages();
afterAll(() => {
  images.remove();
});

/** The command, with what it has written so far. */
interface Running {
  child: ChildProcess;
  pid: number;
  out: () => string;
  err: () => string;
  ended: Promise<{ status: number | null; signal: string | null }>;
}

function anode(args: string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [ANODE, "boot", ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (data: Buffer) => (out += data.toString()));
  child.stderr.on("data", (data: Buffer) => (err += data.toString()));
  const ended = once(child, "close").then(([status, signal]) => ({ status, signal }) as never);
  return { child, pid: child.pid as number, out: () => out, err: () => err, ended };
}

/** Waits until a text is there. */
async function shows(text: () => string, what: string | RegExp): Promise<void> {
  await expect.poll(text, { timeout: 60_000, interval: 5 }).toMatch(what);
}

/** The process of the command's machine: the only one, until a standby is made. */
function machineOf(pid: number): number {
  return childrenOf(pid)[0] as number;
}

describe("anode boot -c: the machine dies while the commands run", LONG, () => {
  it("it is rebooted, nothing is begun again, and the status says so", async () => {
    const running = anode(["-c", "echo one; cat serial:/; echo two"]);
    await shows(running.out, "one");
    process.kill(machineOf(running.pid), "SIGKILL");
    expect(await running.ended).toEqual({ status: 75, signal: null });
    expect(running.out()).toBe("one\n");
    expect(running.err()).toMatch(/machine aborted: SIGKILL; rebooted in \d+ ms\n/);
    expect(running.err()).toMatch(/what the commands did is unknown/);
  });

  it("what dd has written and flushed is in the image, the rest is as it was", async () => {
    const from = images.make("from.img", 1, 41);
    const to = images.make("to.img", 2, 42);
    const disks = ["--disk", `${from.path},readonly`, "--disk", to.path];
    const dd = "dd if=disk:/0 of=disk:/1 bs=64K conv=fsync && echo flushed; cat serial:/";
    const running = anode([...disks, "-c", dd]);
    await shows(running.out, "flushed");
    process.kill(machineOf(running.pid), "SIGKILL");
    expect((await running.ended).status).toBe(75);
    const expected = Buffer.concat([from.bytes, to.bytes.subarray(from.bytes.length)]);
    expect(hash(readFileSync(to.path))).toBe(hash(expected));
  });
});

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

describe("anode boot: signals to the command", LONG, () => {
  for (const [signal, status] of [
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGINT", 130],
  ] as const) {
    it(`${signal} ends the machine in order`, async () => {
      const running = anode(["-c", "echo up; cat serial:/"]);
      await shows(running.out, "up");
      const machine = machineOf(running.pid);
      process.kill(running.pid, signal);
      expect(await running.ended).toEqual({ status, signal: null });
      expect(running.err()).toBe("");
      expect(isAlive(machine)).toBe(false);
    });
  }

  it("SIGTERM while it boots ends it, too", async () => {
    const running = anode(["-c", "echo up; cat serial:/"]);
    await expect
      .poll(() => childrenOf(running.pid).length, { timeout: 60_000, interval: 1 })
      .toBe(1);
    const machine = machineOf(running.pid);
    process.kill(running.pid, "SIGTERM");
    // Early enough it is the signal itself that ends the command.
    const { status, signal } = await running.ended;
    expect(signal ?? status).toBe(signal === null ? 143 : "SIGTERM");
    expect(running.err()).toBe("");
    await expect.poll(() => isAlive(machine), { timeout: 60_000, interval: 5 }).toBe(false);
  });

  it("SIGKILL: the machine ends by itself, and the image is free after that", async () => {
    const { path } = images.make("orphan.img", 1, 43);
    const running = anode(["--disk", path, "-c", "echo up; cat serial:/"]);
    await shows(running.out, "up");
    const machine = machineOf(running.pid);
    process.kill(running.pid, "SIGKILL");
    // At once: the image is free as soon as nobody writes to it any more, and no sooner.
    const next = anode(["--disk", path, "-c", "echo next; cat sys:/boot"]);
    await shows(next.out, "next");
    expect(isAlive(machine)).toBe(false);
    expect((await next.ended).status).toBe(0);
    await running.ended;
  });

  it("SIGKILL with a machine whose main thread is stuck: its reaper ends it", async () => {
    const file = join(images.folder, "meddle");
    const module = new URL("./meddle.js", import.meta.url).href;
    const env = { NODE_OPTIONS: `--import=${module}`, ANODE_TEST_MEDDLE: file };
    const running = anode(["-c", "echo up; cat serial:/"], env);
    await shows(running.out, "up");
    const machine = machineOf(running.pid);
    const exists = (): boolean => existsSync(`${file}.reaper`);
    await expect.poll(exists, { timeout: 60_000, interval: 5 }).toBe(true);
    writeFileSync(`${file}.host`, "");
    process.kill(running.pid, "SIGKILL");
    await expect.poll(() => isAlive(machine), { timeout: 60_000, interval: 20 }).toBe(false);
    await running.ended;
  });
});

describe("anode boot: locks", LONG, () => {
  it("nobody gets the image while the machine is dead and rebooted", async () => {
    const { path } = images.make("held.img", 1, 44);
    const ringed = await bootRinged({ disk: path });
    const reboot = ringed.killed();
    const other = anode(["--disk", path, "-c", "true"]);
    const inside = anode(["--in-process", "--disk", path, "-c", "true"]);
    expect((await other.ended).status).toBe(1);
    expect(other.err()).toMatch(new RegExp(`in use by another Anode \\(pid ${process.pid}\\)`));
    expect((await inside.ended).status).toBe(1);
    await reboot;
    await ringed.os.close();
  });
});
