/**
 * Deadlines run on the machine's own clock: they wait for a provider that is being recovered, and
 * for a machine that was suspended.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";

let os: TestMachine;
beforeAll(async () => {
  os = await bootForTest();
});
afterAll(async () => {
  await os.close();
});

describe("deadlines", () => {
  it("a recovery that takes longer than the deadline is no time-out", async () => {
    await os.load(new URL("../fixtures/sluggish/", import.meta.url));
    const file = await os.open("sluggish:/patience", { timeoutMs: 200 });
    const death = os.killAt("sluggish", "dequeued");
    const bytes = Buffer.alloc(16);
    const count = await file.read(bytes, 0);
    expect(bytes.toString("utf8", 0, count)).toBe("/patience");
    // It was no short recovery: the daemon takes 500 ms to start.
    expect((await death).recoveredMs).toBeGreaterThan(200);
    await file.close();
  });

  it("without a death the deadline holds", async () => {
    const clock = await os.open("time:/monotonic", { timeoutMs: 100 });
    await expect(clock.call({ afterMs: 60_000 })).rejects.toMatchObject({ code: "ETIMEDOUT" });
    await clock.close();
  });

  it("a machine that was stopped for longer than the deadline finds it unspent", async () => {
    const path = fileURLToPath(new URL("../fixtures/suspended.js", import.meta.url));
    const machine = spawn(process.execPath, [path], { stdio: ["ignore", "pipe", "inherit"] });
    const lines = createInterface({ input: machine.stdout })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("waiting");
    machine.kill("SIGSTOP");
    // It stands for longer than the deadline: this is the time that must not count.
    const clock = await os.open("time:/monotonic");
    await clock.call({ afterMs: 2000 });
    machine.kill("SIGCONT");
    expect((await lines.next()).value).toBe("answered");
    await once(machine, "exit");
  });
});
