/** Every way to take the machine's process along, and that it is a reboot each time. */

import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { testImages } from "../crash/image.js";
import {
  bootRinged,
  failureOf,
  isAlive,
  REBOOT_MS_MAX,
  type RingedMachine,
  readText,
} from "./machine.js";

const DOOMED = new URL("../fixtures/doomed/", import.meta.url);
const HOG = new URL("./programs/hog.js", import.meta.url);

const images = testImages();
let ringed: RingedMachine | undefined;
const restore: (() => void)[] = [];
afterEach(async () => {
  const pid = ringed?.pid();
  await ringed?.os.close();
  ringed = undefined;
  for (const each of restore.splice(0)) each();
  if (pid !== undefined) expect(isAlive(pid)).toBe(false);
});
afterAll(() => {
  images.remove();
});

/** Sets variables in the environment of this test's machines, those after a reboot included. */
function setEnvironment(variables: Record<string, string>): void {
  for (const [name, value] of Object.entries(variables)) {
    const before = process.env[name];
    restore.push(() => {
      if (before === undefined) delete process.env[name];
      else process.env[name] = before;
    });
    process.env[name] = value;
  }
}

/** Has the doomed daemon do its worst, and resolves to how the request and the machine ended. */
async function doom(how: string): Promise<{ code: string; reason: string }> {
  const { os, rebooted } = ringed as RingedMachine;
  const file = await os.open(`doomed:/${how}`);
  const reboot = rebooted();
  const failure = await failureOf(file.read(Buffer.alloc(16)));
  const { reason } = await reboot;
  await file.close();
  return { code: failure.code, reason };
}

// A busy machine is given time: what stands still is judged by the time that it runs.
describe("deaths of the whole process: rebooted, the outcome unknown", { timeout: 180_000 }, () => {
  it("out of memory in a way that Node does not contain", async () => {
    setEnvironment({ NODE_OPTIONS: "--max-old-space-size=64" });
    ringed = await bootRinged();
    await ringed.os.load(DOOMED);
    const reboot = ringed.rebooted();
    const run = ringed.os.run(HOG, { stdio: "null:/" });
    expect(await failureOf(run)).toMatchObject({
      code: "EOWNERDEAD",
      outcome: "unknown",
    });
    expect((await reboot).reason).toMatch(/^SIG\w+ \(.*heap out of memory\)$/);
    // What was loaded is loaded again, and serves.
    const well = await ringed.os.open("doomed:/well");
    expect(await well.read(Buffer.alloc(16))).toBe(16);
  });

  it("signals; but process.abort in a worker is an error like any other", async () => {
    ringed = await bootRinged();
    await ringed.os.load(DOOMED);
    const file = await ringed.os.open("doomed:/abort");
    expect((await failureOf(file.read(Buffer.alloc(16)))).code).toBe("EOWNERDEAD");
    expect(ringed.reboots).toEqual([]);
    for (const signal of ["SIGSEGV", "SIGABRT"] as const) {
      const ended = await doom(`signal/${signal}`);
      expect(ended.code).toBe("EOWNERDEAD");
      expect(ended.reason).toMatch(new RegExp(`^${signal}`));
    }
    expect((await ringed.killed("SIGTERM")).reason).toBe("SIGTERM");
    expect(await readText(ringed.os, "sys:/boot")).toBe("boots\t4\nlast_reason\tSIGTERM\n");
  });

  it("a worker in a native call that cannot be ended", async () => {
    ringed = await bootRinged();
    await ringed.os.load(DOOMED);
    const fifo = join(images.folder, "fifo");
    execFileSync("mkfifo", [fifo]);
    const { code, reason } = await doom(`fifo${fifo}`);
    expect(code).toBe("EOWNERDEAD");
    expect(reason).toBe("doomed cannot be ended");
  });

  it("threads that loop: the kernel's tick or the reports stand still", async () => {
    const file = join(images.folder, "meddle");
    const module = new URL("./meddle.js", import.meta.url).href;
    setEnvironment({ NODE_OPTIONS: `--import=${module}`, ANODE_TEST_MEDDLE: file });
    ringed = await bootRinged();
    for (const [role, what] of [
      ["kernel", "the kernel's tick"],
      ["host", "the machine's host thread"],
    ]) {
      const reboot = ringed.rebooted();
      const pid = ringed.pid();
      writeFileSync(`${file}.${role}`, "");
      await expect.poll(() => isAlive(pid), { timeout: REBOOT_MS_MAX, interval: 5 }).toBe(false);
      // The next machine is not to be stuck.
      rmSync(`${file}.${role}`);
      expect((await reboot).reason).toBe(`${what} stood still for 1 s`);
    }
  });
});

describe("deaths again and again", { timeout: 180_000 }, () => {
  it("more than the budget is giving up: everything ends, and says so", async () => {
    const { path } = images.make("storm.img", 1, 3);
    ringed = await bootRinged({ disk: path, budget: { deathsMax: 2, windowMs: 600_000 } });
    const { os, givenUp } = ringed;
    const disk = await os.open("disk:/0");
    for (let i = 0; i < 2; i++) await ringed.killed();
    process.kill(ringed.pid(), "SIGKILL");
    await expect
      .poll(() => givenUp.reason, { timeout: 60_000 })
      .toMatch(/died 3 times in 600 s.*SIGKILL/);
    expect((await failureOf(disk.read(Buffer.alloc(16)))).code).toBe("ENODEV");
    expect((await failureOf(os.open("zero:/"))).code).toBe("ENODEV");
    // The image is free again.
    const next = await bootRinged({ disk: path });
    await next.os.close();
  });

  it("a request that is there at two deaths is poison, and not tried a third time", async () => {
    ringed = await bootRinged();
    await ringed.os.load(DOOMED);
    // Positioned reads are repeated; this one kills whoever serves it.
    const file = await ringed.os.open("doomed:/positioned/SIGKILL");
    expect(await failureOf(file.read(Buffer.alloc(16), 0))).toMatchObject({
      code: "EIO",
      outcome: "poison",
    });
    expect(ringed.reboots.length).toBe(2);
  });
});
