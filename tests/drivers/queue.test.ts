/**
 * The driver's side of a virtqueue against the device's model: chains arrive as they were
 * described, descriptors all come back, indices wrap, and a device that makes things up is broken.
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
    device.push(popped(device).head, 7);
    expect(driver.take()).toEqual({ head, length: 7 });
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
        device.push(one as number, 0);
      }
      for (let done = driver.take(); done !== undefined; done = driver.take()) {
        if (done === "broken") expect.fail(`seed ${SEED}: broken after ${taken}`);
        if (!given.delete(done.head)) expect.fail(`seed ${SEED}: chain ${done.head} twice`);
        taken++;
      }
    }
  });

  it("queue: a device that finishes what it was not given is broken", () => {
    const { driver, device } = newQueue();
    const head = driver.add([segment(0, false)]);
    device.push(head ^ 1, 0);
    expect(driver.take()).toBe("broken");
  });

  it("queue: a device that finishes a chain twice is broken", () => {
    const { driver, device } = newQueue();
    driver.add([segment(0, false)]);
    driver.add([segment(1, false)]);
    const { head } = popped(device);
    device.push(head, 0);
    device.push(head, 0);
    expect(driver.take()).toEqual({ head, length: 0 });
    expect(driver.take()).toBe("broken");
  });

  it("queue: a device that claims more than it could write is broken", () => {
    const { driver, device } = newQueue();
    driver.add([segment(0, false), segment(1, true)]);
    device.push(popped(device).head, segment(1, true).length + 1);
    expect(driver.take()).toBe("broken");
  });

  it("queue: a device that jumps ahead is broken", () => {
    const { driver, device } = newQueue();
    driver.add([segment(0, false)]);
    const { head } = popped(device);
    for (let i = 0; i < 3; i++) device.push(head, 0);
    expect(driver.take()).toBe("broken");
  });

  it("queue: after it was cleared all descriptors are there again, and the rings are empty", () => {
    const { driver } = newQueue();
    while (driver.add([segment(0, true)]) >= 0);
    driver.clear(false);
    expect(driver.take()).toBeUndefined();
    let count = 0;
    while (driver.add([segment(0, true)]) >= 0) count++;
    expect(count).toBe(SIZE);
  });

  it("queue: with event indices only the events that were asked for are told", () => {
    const { driver, device } = newQueue();
    driver.clear(true);
    device.negotiate({ indirect: false, eventIndex: true });
    expect(device.pop()).toBeUndefined();
    driver.add([segment(0, true)]);
    expect(driver.wantsNotification()).toBe(true);
    driver.add([segment(0, true)]);
    expect(driver.wantsNotification()).toBe(false);
    const heads = [popped(device).head, popped(device).head];
    expect(device.pop()).toBeUndefined();
    driver.add([segment(0, true)]);
    expect(driver.wantsNotification()).toBe(true);
    driver.rearm();
    device.push(heads[0] as number, 1);
    expect(device.wantsInterrupt()).toBe(true);
    device.push(heads[1] as number, 1);
    expect(device.wantsInterrupt()).toBe(false);
    driver.take();
    driver.take();
    driver.rearm();
    device.push(popped(device).head, 1);
    expect(device.wantsInterrupt()).toBe(true);
  });
});
