/* The virtio transport, ring and block device against drivers that are gone, hasty or hostile. */
import { beforeEach, describe, expect, test } from "vitest";
import { Board } from "../../hw/board.js";
import { VIRT } from "../../hw/boards/virt.js";
import { Bus } from "../../hw/bus.js";
import { VirtioBlk } from "../../hw/devices/virtio-blk.js";
import { VirtioMmio } from "../../hw/devices/virtio-mmio.js";
import { type DiskBackend, type DiskDone, memoryDisk } from "../../hw/disk.js";
import { GuestMemory, PhysicalMemory } from "../../hw/memory.js";
import { VIRTIO_BLK_F, VIRTIO_BLK_S, VIRTIO_BLK_T } from "../../hw/regs/virtio-blk.js";
import { INTERRUPT, STATUS, VIRTIO_F, VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import { VIRTQ_DESC_F } from "../../hw/regs/virtqueue.js";
import { TestDriver } from "./virtio-driver.js";

const SLOT = "virtio_mmio@a000000";
const WINDOW = 0x0a00_0000;
const INTID = 48;
const BASIC = [VIRTIO_F.VERSION_1, VIRTIO_BLK_F.FLUSH];

/** A disk whose operations wait until the test lets them go. */
function heldDisk(
  disk: DiskBackend,
): DiskBackend & { release(count?: number): void; count(): number } {
  const held: (() => void)[] = [];
  const hold = (start: (done: DiskDone) => void, done: DiskDone): void => {
    held.push(() => start(done));
  };
  return {
    ...disk,
    read: (position, bytes, done) => hold((end) => disk.read(position, bytes, end), done),
    write: (position, bytes, done) => hold((end) => disk.write(position, bytes, end), done),
    flush: (done) => hold((end) => disk.flush(end), done),
    count: () => held.length,
    release(count = held.length) {
      for (const operation of held.splice(0, count)) operation();
    },
  };
}

const image = new Uint8Array(64 * 512);
let interrupts: number[];
let held: ReturnType<typeof heldDisk>;
let board: Board;
let driver: TestDriver;

function newDriver(domain: number, base: number): TestDriver {
  return new TestDriver({ bus: board.bus, memory: board.memory, window: WINDOW, base, domain });
}

beforeEach(async () => {
  image.forEach((_, index) => {
    image[index] = (index >> 9) + 1;
  });
  interrupts = [];
  held = heldDisk(memoryDisk(image));
  board = new Board(VIRT, {
    disks: [{ backend: held }],
    vector: (intid) => interrupts.push(intid),
  });
  driver = newDriver(1, 0x4000_0000);
  await board.assign(SLOT, 1);
  board.enableInterrupt(INTID, "edge");
  driver.start(BASIC);
});

describe("virtio-blk: requests", () => {
  test("a read arrives in guest memory, completes and interrupts", () => {
    const data = driver.submit(0, { type: VIRTIO_BLK_T.IN, sector: 3 });
    expect(driver.usedIndex()).toBe(0);
    held.release();
    expect(driver.bytes[data]).toBe(4);
    expect(driver.status(0)).toBe(VIRTIO_BLK_S.OK);
    expect(driver.usedIndex()).toBe(1);
    expect(interrupts).toEqual([INTID]);
  });

  test("several are in flight and complete in any order", () => {
    for (const index of [0, 3, 6, 9])
      driver.submit(index, { type: VIRTIO_BLK_T.IN, sector: index });
    held.release();
    expect(driver.usedIndex()).toBe(4);
  });

  test("a write without FLUSH is flushed before it completes", () => {
    driver.start([VIRTIO_F.VERSION_1]);
    driver.submit(0, { type: VIRTIO_BLK_T.OUT, sector: 1 });
    held.release();
    expect(driver.usedIndex()).toBe(0);
    held.release();
    expect(driver.usedIndex()).toBe(1);
  });

  test("a failing disk gives IOERR", () => {
    const failing = { ...memoryDisk(image), read: (_p: number, _b: unknown, d: DiskDone) => d(5) };
    board = new Board(VIRT, { disks: [{ backend: failing }] });
    driver = newDriver(1, 0x4000_0000);
    void board.assign(SLOT, 1);
    driver.start(BASIC);
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    expect(driver.status(0)).toBe(VIRTIO_BLK_S.IOERR);
  });

  test("write-zeroes writes zeroes, and only within the disk", () => {
    const data = driver.prepare(0, { type: VIRTIO_BLK_T.WRITE_ZEROES, length: 16 });
    driver.describe(1, { addr: driver.base + data, len: 16, flags: VIRTQ_DESC_F.NEXT, next: 2 });
    const range = new DataView(driver.region, data, 16);
    range.setBigUint64(0, 2n, true);
    range.setUint32(8, 1, true);
    driver.offer(0);
    driver.notify();
    expect(driver.status(0)).toBe(VIRTIO_BLK_S.OK);
    expect([image[2 * 512 - 1], image[2 * 512], image[3 * 512]]).toEqual([2, 0, 4]);
    range.setBigUint64(0, 64n, true);
    driver.offer(0);
    driver.notify();
    expect(driver.status(0)).toBe(VIRTIO_BLK_S.IOERR);
  });

  test("with EVENT_IDX only the interrupt that was asked for comes", () => {
    driver.start([...BASIC, VIRTIO_F.EVENT_IDX]);
    driver.setUsedEvent(1);
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    held.release();
    expect(interrupts).toEqual([]);
    driver.submit(3, { type: VIRTIO_BLK_T.IN });
    held.release();
    expect(interrupts).toEqual([INTID]);
  });
});

describe("virtio-blk: reset", () => {
  test("in the middle of requests: no old I/O lands after it is complete", async () => {
    const data = driver.submit(0, { type: VIRTIO_BLK_T.IN, sector: 3 });
    driver.write(VIRTIO_MMIO.Status, 0);
    expect(driver.read(VIRTIO_MMIO.Status)).not.toBe(0);
    let quiesced = false;
    const complete = board.quiesced(SLOT).then(() => {
      quiesced = true;
    });
    await Promise.resolve();
    expect(quiesced).toBe(false);
    held.release();
    await complete;
    expect(driver.read(VIRTIO_MMIO.Status)).toBe(0);
    expect(driver.usedIndex()).toBe(0);
    expect(driver.status(0)).toBe(0xff);
    driver.bytes.fill(0, data, data + 512);
    held.release();
    expect(driver.bytes[data]).toBe(0);
    expect(interrupts).toEqual([]);
  });

  test("writes to registers are ignored until it is complete", async () => {
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    driver.write(VIRTIO_MMIO.Status, 0);
    driver.write(VIRTIO_MMIO.QueueReady, 1);
    held.release();
    await board.quiesced(SLOT);
    expect(driver.read(VIRTIO_MMIO.QueueReady)).toBe(0);
  });

  test("keeps the writes that the device has completed", async () => {
    const data = driver.prepare(0, { type: VIRTIO_BLK_T.OUT, sector: 5 });
    driver.bytes.fill(0xab, data, data + 512);
    driver.offer(0);
    driver.notify();
    held.release();
    await board.resetDevice(SLOT);
    expect(image[5 * 512]).toBe(0xab);
  });

  test("another driver's domain is not touched by completions of the last one", async () => {
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    const handedOver = board.assign(SLOT, 2);
    const next = newDriver(2, 0x4000_0000);
    held.release();
    await handedOver;
    expect([...next.bytes.subarray(0, 0x2000)].every((byte) => byte === 0)).toBe(true);
    next.start(BASIC);
    next.submit(0, { type: VIRTIO_BLK_T.IN });
    held.release();
    expect(next.usedIndex()).toBe(1);
  });

  test("or not: a request does not complete into a domain that it was not taken in", () => {
    const memory = new PhysicalMemory();
    const guest = new GuestMemory(memory, 1);
    const blk = new VirtioBlk({ disk: held, serial: "x" });
    const device = new VirtioMmio(blk, guest);
    const bus = new Bus([{ name: "virtio", base: WINDOW, size: 0x200, device }]);
    const [first, second] = [1, 2].map(
      (domain) => new TestDriver({ bus, memory, window: WINDOW, base: 0x4000_0000, domain }),
    ) as [TestDriver, TestDriver];
    first.start(BASIC);
    first.submit(0, { type: VIRTIO_BLK_T.IN });
    guest.assign(2);
    held.release();
    expect([first.usedIndex(), first.status(0)]).toEqual([0, 0xff]);
    expect(second.bytes.every((byte) => byte === 0)).toBe(true);
  });

  test("of one queue (RING_RESET) reads 1 until its requests have ended", async () => {
    driver.start([...BASIC, VIRTIO_F.RING_RESET]);
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    driver.write(VIRTIO_MMIO.QueueReset, 1);
    expect(driver.read(VIRTIO_MMIO.QueueReset)).toBe(1);
    held.release();
    await expect.poll(() => driver.read(VIRTIO_MMIO.QueueReset)).toBe(0);
    expect(driver.usedIndex()).toBe(0);
    driver.bytes.fill(0, 0, 0x1000);
    driver.setUpQueue();
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    held.release();
    expect(driver.usedIndex()).toBe(1);
  });
});

describe("virtio ring: hostile drivers", () => {
  const isBroken = (): boolean =>
    (driver.read(VIRTIO_MMIO.Status) & STATUS.DEVICE_NEEDS_RESET) !== 0;

  test("a descriptor loop breaks the device and nothing else", () => {
    driver.describe(0, { addr: driver.base, len: 16, flags: VIRTQ_DESC_F.NEXT, next: 1 });
    driver.describe(1, { addr: driver.base, len: 16, flags: VIRTQ_DESC_F.NEXT, next: 0 });
    driver.offer(0);
    driver.notify();
    expect(isBroken()).toBe(true);
    expect(driver.read(VIRTIO_MMIO.InterruptStatus)).toBe(INTERRUPT.CONFIGURATION_CHANGE);
    driver.start(BASIC);
    driver.submit(0, { type: VIRTIO_BLK_T.IN });
    held.release();
    expect(driver.status(0)).toBe(VIRTIO_BLK_S.OK);
  });

  test.each([
    ["a head outside the table", () => driver.offer(500)],
    ["a next outside the table", () => driver.describe(0, { addr: 0, len: 1, flags: 1, next: 99 })],
    [
      "an indirect table that was not negotiated",
      () => driver.describe(0, { addr: 0, len: 16, flags: 4 }),
    ],
    [
      "a request without a header",
      () => driver.describe(0, { addr: driver.base, len: 1, flags: 2 }),
    ],
    [
      "a readable buffer after a writable one",
      () => {
        driver.describe(0, { addr: driver.base, len: 16, flags: 3, next: 1 });
        driver.describe(1, { addr: driver.base, len: 16, flags: 0 });
      },
    ],
  ])("%s breaks the device", (_name, prepare) => {
    prepare();
    driver.offer(0);
    driver.notify();
    expect(isBroken()).toBe(true);
  });

  test("an indirect table that points to itself breaks the device", () => {
    driver.start([...BASIC, VIRTIO_F.INDIRECT_DESC]);
    const table = { addr: driver.base + 0x3000, len: 32, flags: VIRTQ_DESC_F.INDIRECT };
    driver.describe(0, table);
    driver.putDescriptor(0x3000, table);
    driver.offer(0);
    driver.notify();
    expect(isBroken()).toBe(true);
  });

  test("data outside the domain is a recorded fault, IOERR, and no disk access", () => {
    driver.prepare(0, { type: VIRTIO_BLK_T.IN });
    driver.describe(1, { addr: 0x5000_0000, len: 512, flags: 3, next: 2 });
    driver.offer(0);
    driver.notify();
    expect(driver.status(0)).toBe(VIRTIO_BLK_S.IOERR);
    expect(board.memory.takeFaults()).toEqual({
      faults: [{ domain: 1, address: 0x5000_0000, length: 512, write: true }],
      count: 1,
    });
  });

  test("the same request over and over: no more are in flight than the queue has entries", () => {
    driver.prepare(0, { type: VIRTIO_BLK_T.IN });
    for (let i = 0; i < 5 * driver.size; i++) {
      driver.offer(0);
      driver.notify();
    }
    expect(held.count()).toBe(driver.size);
    held.release();
    expect(held.count()).toBeLessThanOrEqual(driver.size);
  });

  test("random rings neither throw nor hang", () => {
    const seed = Number(process.env["ANODE_SEED"] ?? Date.now() % 2 ** 31);
    let state = seed;
    const random = (limit: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % limit;
    };
    for (let round = 0; round < 300; round++) {
      driver.start([...BASIC, VIRTIO_F.INDIRECT_DESC, VIRTIO_F.EVENT_IDX]);
      for (let i = 0; i < 0x400; i++) if (random(2) === 0) driver.bytes[i] = random(256);
      for (let i = 0; i < driver.size; i++) {
        const addr = random(4) === 0 ? random(2 ** 24) * 256 : driver.base + random(0x8000);
        driver.describe(i, { addr, len: random(2048), flags: random(8), next: random(20) });
      }
      for (let i = 0; i < 5; i++) driver.offer(random(18));
      expect(() => driver.notify(), `seed ${seed}`).not.toThrow();
      expect(() => held.release(), `seed ${seed}`).not.toThrow();
      driver.write(VIRTIO_MMIO.Status, 0);
      expect(driver.read(VIRTIO_MMIO.Status), `seed ${seed}`).toBe(0);
    }
  });
});
