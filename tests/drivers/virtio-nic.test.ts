/** The network driver: buffers posted ahead, links that change, networks and devices that fail. */

import { describe, expect, it } from "vitest";
import { VirtioNic } from "../../drivers/virtio-netd/virtio-nic.js";
import type { BoardFaults } from "../../hw/faults.js";
import { FrameQueue, type NetworkBackend, newNetworkCounters } from "../../hw/network.js";
import { DriverStand } from "./driver-stand.js";

const LIMIT_MS = 30_000;

/** A network in the test's hands. */
function testNetwork() {
  const counters = newNetworkCounters();
  const queue = new FrameQueue(counters);
  const sent: Uint8Array[] = [];
  const backend: NetworkBackend = {
    counters,
    connect: (receiver) => queue.connect(receiver),
    transmit: (frame) => void sent.push(frame),
    resume: () => queue.resume(),
    close: async () => {},
  };
  return { backend, queue, sent, counters };
}

async function stand(faults?: Omit<BoardFaults, "seed">) {
  const network = testNetwork();
  const driverStand = new DriverStand({
    networks: [{ backend: network.backend }],
    ...(faults === undefined ? {} : { faults: { ...faults, seed: 3 } }),
  });
  const opening = VirtioNic.open(await driverStand.device(0), { timeoutMs: 500 });
  const nic = await driverStand.until(opening, LIMIT_MS);
  const received: Uint8Array[] = [];
  nic.onFrame((frame) => received.push(frame));
  await driverStand.settle();
  return { ...network, stand: driverStand, nic, received };
}

function frame(number: number, length = 60): Uint8Array {
  return new Uint8Array(length).fill(number & 0xff, 14);
}

describe("virtio-nic", () => {
  it("knows its address, and that the link is up", async () => {
    const { nic } = await stand();
    expect(Buffer.from(nic.mac).toString("hex")).toBe("525400123456");
    expect(nic.linkUp).toBe(true);
  });

  it("takes no offload, whatever is offered: frames are whole on both sides", async () => {
    const { nic } = await stand();
    expect([...nic.device.transport.features].sort((a, b) => a - b)).toEqual([5, 16, 29, 32]);
  });

  it("sends frames of every length, as they are", async () => {
    const { nic, sent, stand: board } = await stand();
    const frames = [14, 60, 1514, 1518].map((length) => frame(length, length));
    await board.until(Promise.all(frames.map((one) => nic.send(one))), LIMIT_MS);
    expect(sent).toEqual(frames);
  });

  it("many frames at once: those beyond the slots wait, all arrive in order", async () => {
    const { nic, sent, stand: board } = await stand();
    const sends = Array.from({ length: 200 }, (_, i) => nic.send(frame(i)));
    await board.until(Promise.all(sends), LIMIT_MS);
    expect(sent.map((one) => one[14])).toEqual(Array.from({ length: 200 }, (_, i) => i & 0xff));
    expect(nic.counts).toMatchObject({ sent: 200, sentBytes: 200 * 60 });
  });

  it("a burst that fills all buffers is received whole, for they are posted again", async () => {
    const { queue, received, stand: board } = await stand();
    for (let i = 0; i < 64; i++) queue.arrive(frame(i));
    await board.settle();
    for (let i = 64; i < 200; i++) queue.arrive(frame(i));
    await board.settle();
    expect(received.map((one) => one[14])).toEqual(Array.from({ length: 200 }, (_, i) => i & 0xff));
  });

  it("frames come in several rounds of the ring", async () => {
    const { queue, received, stand: board } = await stand();
    for (let i = 0; i < 1000; i++) {
      queue.arrive(frame(i));
      if (i % 32 === 0) await board.settle();
    }
    await board.settle();
    expect(received.length).toBe(1000);
  });

  it("short frames arrive padded, those longer than any buffer not at all", async () => {
    const { queue, received, stand: board } = await stand();
    queue.arrive(frame(1, 20));
    queue.arrive(frame(2, 3000));
    queue.arrive(frame(3, 1514));
    await board.settle();
    expect(received.map((one) => one.length)).toEqual([60, 1514]);
  });

  it("hears when the link goes down and comes back", async () => {
    const { nic, queue, stand: board } = await stand();
    queue.setLink(false);
    await board.settle();
    expect(nic.linkUp).toBe(false);
    queue.setLink(true);
    await board.settle();
    expect(nic.linkUp).toBe(true);
  });
});

describe("virtio-nic: faults", () => {
  it("a device that stops answering is reset, and receives again", async () => {
    const devices = { deafAfter: 3 };
    const { nic, sent, queue, received, stand: board } = await stand({ devices });
    await board.until(nic.send(frame(1)), LIMIT_MS);
    await board.until(Promise.all([nic.send(frame(2)), nic.send(frame(3))]), LIMIT_MS);
    await board.until(Promise.all([nic.send(frame(4)), nic.send(frame(5))]), LIMIT_MS);
    expect(nic.device.troubles.resets).toBe(1);
    // Sent at least once: what the device had done before it went deaf may come twice.
    expect(new Set(sent.map((one) => one[14]))).toEqual(new Set([1, 2, 3, 4, 5]));
    for (let i = 0; i < 100; i++) queue.arrive(frame(i));
    await board.settle();
    expect(received.length).toBe(100);
  });

  it("a device that never answers fails sends in bounded time", async () => {
    const { nic, stand: board } = await stand({ devices: { deafAfter: 0, deafAgain: true } });
    const sending = board.until(nic.send(frame(1)), LIMIT_MS);
    await expect(sending).rejects.toMatchObject({ code: "EIO" });
  });

  it("lost interrupts delay what is received, and no more", async () => {
    const { queue, received, stand: board } = await stand({ interrupts: { lost: 1 } });
    queue.arrive(frame(7));
    await board.advance(2000);
    expect(received.map((one) => one[14])).toEqual([7]);
  });

  it("a lossy, doubling, disordered network: no frame is made up", async () => {
    const network = { loss: 0.2, duplication: 0.2, reordering: 0.2 };
    const { nic, queue, received, stand: board } = await stand({ network });
    for (let i = 0; i < 200; i++) {
      queue.arrive(frame(i));
      if (i % 16 === 0) await board.settle();
    }
    await board.settle();
    const isWhole = (one: Uint8Array) => Buffer.compare(one, frame(one[14] as number)) === 0;
    expect(received.every(isWhole)).toBe(true);
    const numbers = received.map((one) => one[14] as number);
    expect(new Set(numbers).size).toBeLessThan(200);
    expect(numbers.length).toBeGreaterThan(new Set(numbers).size);
    expect(numbers).not.toEqual([...numbers].sort((a, b) => a - b));
    expect(nic.device.troubles.resets).toBe(0);
  });

  it("a corrupted frame differs in one bit", async () => {
    const { queue, received, stand: board } = await stand({ network: { corruption: 1 } });
    queue.arrive(frame(0));
    await board.settle();
    const [one = new Uint8Array()] = received;
    const wrong = one.reduce((bits, byte) => bits + byte.toString(2).replaceAll("0", "").length, 0);
    expect(wrong).toBe(1);
  });
});
