/** The console driver: output in pieces, input with flow control, a terminal that does not take. */

import { describe, expect, it } from "vitest";
import { VirtioTerminal } from "../../drivers/consoled/virtio-terminal.js";
import type { BoardFaults } from "../../hw/faults.js";
import { DriverStand } from "./driver-stand.js";

const LIMIT_MS = 30_000;

async function stand(faults?: Omit<BoardFaults, "seed">) {
  const far = { shown: "", room: Number.POSITIVE_INFINITY, waiting: Buffer.alloc(0) };
  const offer = (): void => {
    const taken = driverStand.board.consoles[0]?.receive(far.waiting) ?? 0;
    far.waiting = far.waiting.subarray(taken);
  };
  const driverStand: DriverStand = new DriverStand({
    consoles: [
      {
        transmit: (bytes) => {
          const taken = bytes.subarray(0, far.room);
          far.room -= taken.length;
          far.shown += Buffer.from(taken).toString("latin1");
          return taken.length;
        },
        room: offer,
      },
    ],
    ...(faults === undefined ? {} : { faults: { ...faults, seed: 3 } }),
  });
  const type = (bytes: Uint8Array): void => {
    far.waiting = Buffer.concat([far.waiting, bytes]);
    offer();
  };
  const { terminal } = await driverStand.until(
    VirtioTerminal.open(await driverStand.device(0)),
    LIMIT_MS,
  );
  await driverStand.settle();
  return { far, type, terminal, stand: driverStand };
}

describe("virtio-terminal", () => {
  it("output longer than a slot goes out whole and in order", async () => {
    const { far, terminal, stand: board } = await stand();
    const text = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join("");
    await board.until(terminal.send(Buffer.from(text)), LIMIT_MS);
    expect(far.shown).toBe(text);
  });

  it("output waits for a terminal that does not take it, for as long as that takes", async () => {
    const { far, terminal, stand: board } = await stand();
    far.room = 10;
    let over = false;
    const sending = terminal.send(Buffer.from("0123456789abcdef")).then(() => {
      over = true;
    });
    await board.advance(3_600_000);
    expect([far.shown, over]).toEqual(["0123456789", false]);
    far.room = 100;
    board.board.consoles[0]?.drain();
    await board.until(sending, LIMIT_MS);
    expect(far.shown).toBe("0123456789abcdef");
  });

  it("input that nobody reads waits outside, and is whole when somebody does", async () => {
    const { far, type, terminal, stand: board } = await stand();
    const typed = Buffer.alloc(200_000, "0123456789");
    type(typed);
    await board.settle();
    expect(far.waiting.length).toBeGreaterThan(100_000);
    const parts: Uint8Array[] = [];
    while (terminal.ready) {
      const bytes = Buffer.alloc(5000);
      parts.push(bytes.subarray(0, terminal.take(bytes)));
      await board.settle();
    }
    expect(Buffer.concat(parts).equals(typed)).toBe(true);
  });

  it("input is not lost with its interrupt", async () => {
    const { type, terminal, stand: board } = await stand({ interrupts: { lost: 1 } });
    type(Buffer.from("hello"));
    await board.advance(2000);
    const bytes = Buffer.alloc(5);
    expect([terminal.take(bytes), bytes.toString()]).toEqual([5, "hello"]);
  });
});
