/**
 * The driver's side of a virtqueue against the device's model: chains arrive as they were
 * described, descriptors all come back, indices wrap, and a device that makes things up ends the
 * driver.
 */

import { describe, expect, it } from "vitest";
import { DriverQueue, type Segment } from "../../drivers/virtio/queue.js";
import { type Chain, VirtQueue } from "../../hw/devices/virtqueue.js";
import { GuestMemory, PhysicalMemory } from "../../hw/memory.js";
import { seededRandom } from "../../ipc/clock.js";

const SEED = 1041;
const SIZE = 16;
const ADDRESS = 0x4000_0000;
const DOMAIN = 1;

function newQueue() {
  const physical = new PhysicalMemory();
  const buffer = new SharedArrayBuffer(DriverQueue.bytes(SIZE));
  physical.attach({ domain: DOMAIN, address: ADDRESS, buffer });
  const guest = new GuestMemory(physical, DOMAIN);
  const driver = new DriverQueue({ address: ADDRESS, memory: buffer }, SIZE);
  const device = new VirtQueue(0, guest);
  device.size = SIZE;
  device.ready = true;
  device.desc = driver.descAddress;
  device.avail = driver.availAddress;
  device.used = driver.usedAddress;
  return { driver, device };
}

function segment(n: number, deviceWrites: boolean): Segment {
  return { address: 0x1000 * (n + 1), length: 10 + n, deviceWrites };
}

function popped(device: VirtQueue): Chain {
  const chain = device.pop();
  if (chain === undefined || chain === "broken") expect.fail(`the device found ${chain}`);
  return chain;
}

describe("driver queue", () => {
  it("queue: a chain arrives as it was described", () => {
    const { driver, device } = newQueue();
    expect(device.pop()).toBeUndefined();
    const segments = [segment(0, false), segment(1, false), segment(2, true), segment(3, true)];
    const head = driver.add(segments);
    const plain = segments.map(({ address, length }) => ({ address, length }));
    expect(device.pop()).toEqual({
      head,
      readable: plain.slice(0, 2),
      writable: plain.slice(2),
    });
    expect(device.pop()).toBeUndefined();
  });

  it("queue: a finished chain comes back once, with what the device wrote", () => {
    const { driver, device } = newQueue();
    const head = driver.add([segment(0, true)]);
    expect(driver.take()).toBeUndefined();
    device.push(popped(device).head, 123);
    expect(driver.take()).toEqual({ head, length: 123 });
    expect(driver.take()).toBeUndefined();
  });

  it("queue: a full table answers -1 and changes nothing", () => {
    const { driver, device } = newQueue();
    const three = [0, 1, 2].map((n) => segment(n, false));
    for (let i = 0; i < 5; i++) expect(driver.add(three)).toBeGreaterThanOrEqual(0);
    expect(driver.add(three)).toBe(-1);
    expect(driver.add([segment(0, false)])).toBeGreaterThanOrEqual(0);
    expect(driver.add([segment(0, false)])).toBe(-1);
    for (let i = 0; i < 6; i++) popped(device);
    expect(device.pop()).toBeUndefined();
  });

  it(`queue: chains finish in any order, through every wrap of the indices (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const { driver, device } = newQueue();
    const given = new Map<number, number>();
    const atDevice: number[] = [];
    let [added, taken] = [0, 0];
    while (taken < 70_000) {
      const count = 1 + random.below(4);
      const head = driver.add(Array.from({ length: count }, () => segment(added % 7, false)));
      if (head >= 0) {
        if (given.has(head)) expect.fail(`seed ${SEED}: head ${head} was given out twice`);
        given.set(head, added++);
      }
      if (random.below(2) === 0) {
        const chain = device.pop();
        if (chain === "broken") expect.fail(`seed ${SEED}: broken after ${added}`);
        if (chain !== undefined) atDevice.push(chain.head);
      }
      if (atDevice.length > 0 && random.below(2) === 0) {
        const [one] = atDevice.splice(random.below(atDevice.length), 1);
        device.push(one as number, given.get(one as number) as number);
      }
      for (let done = driver.take(); done !== undefined; done = driver.take()) {
        if (done.length !== given.get(done.head)) expect.fail(`seed ${SEED}: chain ${done.head}`);
        given.delete(done.head);
        taken++;
      }
    }
  });

  it("queue: a device that finishes what it was not given ends the driver", () => {
    const { driver, device } = newQueue();
    const head = driver.add([segment(0, false)]);
    device.push(head ^ 1, 0);
    expect(() => driver.take()).toThrow("which it was not given");
  });

  it("queue: a device that finishes a chain twice ends the driver", () => {
    const { driver, device } = newQueue();
    driver.add([segment(0, false)]);
    const { head } = popped(device);
    device.push(head, 0);
    device.push(head, 0);
    driver.take();
    expect(() => driver.take()).toThrow("which it was not given");
  });
});
