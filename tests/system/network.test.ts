/** Machines on networks: frames between two of them, and networks that can't be had. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { boot } from "../../cli/boot.js";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import { NetworkHub } from "../../hw/backends/network-hub.js";

const folder = mkdtempSync(join(tmpdir(), "anode-network-"));
const path = join(folder, "link");
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Sends a broadcast from one machine; the other must read it. */
async function greet(from: TestMachine, to: TestMachine, text: string): Promise<void> {
  await using source = await from.open("network:/0", { mode: "write" });
  await using target = await to.open("network:/0");
  const greeting = Buffer.alloc(60, text);
  greeting.set([255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
  const bytes = Buffer.alloc(1518);
  const reading = target.read(bytes);
  await source.write(greeting);
  expect(bytes.subarray(0, await reading).equals(greeting)).toBe(true);
}

async function textOf(os: TestMachine, url: string): Promise<string> {
  await using file = await os.open(url);
  return (await file.readAll()).toString();
}

describe("machines on a network", () => {
  it("two on a hub have addresses of their own and reach each other", async () => {
    const hub = new NetworkHub();
    const machines = await Promise.all([
      bootForTest({ network: hub }),
      bootForTest({ network: hub }),
    ]);
    const [first, second] = machines;
    try {
      const [mac, other] = await Promise.all(machines.map((os) => textOf(os, "network:/0/mac")));
      expect(mac).not.toBe(other);
      await greet(first, second, "hello");
      await greet(second, first, "hello yourself");
    } finally {
      await Promise.all(machines.map((os) => os.close()));
      hub.close();
    }
  });

  it("two on a socket reach each other; the link goes down with one of them", async () => {
    const network = `socket:${path}`;
    const first = await bootForTest({ network: `${network},listen` });
    try {
      expect(await textOf(first, "network:/0/link")).toBe("down\n");
      const second = await bootForTest({ network: `${network},mac=52:54:00:00:00:07` });
      await expect.poll(() => textOf(first, "network:/0/link")).toBe("up\n");
      expect(await textOf(second, "network:/0/mac")).toBe("52:54:00:00:00:07\n");
      await greet(second, first, "hello");
      await second.close();
      await expect.poll(() => textOf(first, "network:/0/link")).toBe("down\n");
      await expect(boot({ network: `${network},listen` })).rejects.toThrow("listens there already");
    } finally {
      await first.close();
    }
  });

  it("a description that makes no sense is refused with what would", async () => {
    await expect(boot({ network: "tap0" })).rejects.toMatchObject({
      reason: "EINVAL",
      message: "network tap0: give none, socket:PATH[,listen] or udp:HOST:PORT,HOST:PORT",
    });
  });
});
