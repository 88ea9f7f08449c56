/** The entropy driver: short answers, none, and a device that stops. */

import { describe, expect, it } from "vitest";
import { VirtioEntropy } from "../../drivers/rngd/virtio-entropy.js";
import type { BoardFaults } from "../../hw/faults.js";
import { DriverStand } from "./driver-stand.js";

const LIMIT_MS = 30_000;

async function stand(faults?: Omit<BoardFaults, "seed">) {
  let next = 0;
  const driverStand = new DriverStand({
    entropy: (bytes) => {
      for (let i = 0; i < bytes.length; i++) bytes[i] = next++ & 0xff;
    },
    ...(faults === undefined ? {} : { faults: { ...faults, seed: 3 } }),
  });
  const opening = VirtioEntropy.open(await driverStand.device(0), { timeoutMs: 500 });
  return { stand: driverStand, entropy: await driverStand.until(opening, LIMIT_MS) };
}

describe("virtio-entropy", () => {
  it("fills what is asked for, at most a page at a time, and repeats nothing", async () => {
    const { stand: board, entropy } = await stand();
    const bytes = new Uint8Array(5000);
    expect(await board.until(entropy.read(bytes), LIMIT_MS)).toBe(4096);
    expect(bytes[4095]).toBe(255);
    expect(await board.until(entropy.read(bytes.subarray(0, 3)), LIMIT_MS)).toBe(3);
    expect([...bytes.subarray(0, 4)]).toEqual([0, 1, 2, 3]);
  });

  it("many readers at once all get their own bytes", async () => {
    const { stand: board, entropy } = await stand();
    const reads = Array.from({ length: 40 }, async () => {
      const bytes = new Uint8Array(4);
      await entropy.read(bytes);
      return bytes.join();
    });
    expect(new Set(await board.until(Promise.all(reads), LIMIT_MS)).size).toBe(40);
  });

  it("a device that stops answering is reset; one that never answers is EIO", async () => {
    const { stand: board, entropy } = await stand({ devices: { deafAfter: 1 } });
    for (let i = 0; i < 3; i++) {
      expect(await board.until(entropy.read(new Uint8Array(8)), LIMIT_MS)).toBe(8);
    }
    expect(entropy.device.troubles.resets).toBe(1);
    const deaf = await stand({ devices: { deafAfter: 0, deafAgain: true } });
    const reading = deaf.stand.until(deaf.entropy.read(new Uint8Array(8)), LIMIT_MS);
    await expect(reading).rejects.toMatchObject({ code: "EIO" });
  });
});
