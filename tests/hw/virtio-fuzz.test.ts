/*
 * Every virtio model against drivers that write anything anywhere: registers, rings, descriptors,
 * whole requests. A model must not throw, must come back (no step takes unbounded work), must reach
 * no memory but its driver's, and must be as good as new after a reset.
 */
import { describe, expect, test } from "vitest";
import { VirtioBlk } from "../../hw/devices/virtio-blk.js";
import { VirtioConsole } from "../../hw/devices/virtio-console.js";
import type { VirtioFunction } from "../../hw/devices/virtio-function.js";
import { VirtioNet } from "../../hw/devices/virtio-net.js";
import { VirtioRng } from "../../hw/devices/virtio-rng.js";
import { memoryDisk } from "../../hw/disk.js";
import { GuestMemory } from "../../hw/memory.js";
import { FrameQueue, newNetworkCounters } from "../../hw/network.js";
import { VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import { type Random, seededRandom } from "../../ipc/clock.js";
import { OTHER, RAM, RAM_BYTES, RINGS_BYTES, SIZE, VirtioStand } from "./virtio-stand.js";

/** A long run: `ANODE_FUZZ_ROUNDS=20000 ANODE_SEED=7 npx vitest run dist/tests/hw/virtio-fuzz`. */
const ROUNDS = Number(process.env["ANODE_FUZZ_ROUNDS"] ?? 400);
const SEED = Number(process.env["ANODE_SEED"] ?? Date.now() % 2 ** 31);
const FUZZ_MS_MAX = 30_000 + 20 * ROUNDS;

/** A model and what happens at its other side. */
interface Subject {
  model: VirtioFunction;
  /** Something comes from outside. */
  stimulate: (random: Random) => void;
  /** One request that a good driver would make, on `queue`; true when it came out right. */
  works: (stand: VirtioStand) => boolean;
}

const SUBJECTS: Record<string, () => Subject> = {
  "virtio-blk": () => ({
    model: new VirtioBlk({ disk: memoryDisk(new Uint8Array(64 * 512)), serial: "fuzz" }),
    stimulate: () => {},
    works(stand) {
      const header = stand.data(0, 16);
      header.fill(0);
      header[0] = 8; // GET_ID
      const segments = [stand.segment(0, 16, false), stand.segment(64, 21, true)];
      return stand.request(0, segments) === 21 && stand.text(64, 4) === "fuzz";
    },
  }),
  "virtio-net": () => {
    const counters = newNetworkCounters();
    const queue = new FrameQueue(counters);
    const sent: Uint8Array[] = [];
    const network = {
      counters,
      connect: queue.connect.bind(queue),
      resume: () => queue.resume(),
      transmit: (frame: Uint8Array) => void (sent[0] = frame),
      close: async () => {},
    };
    return {
      model: new VirtioNet({ network, mac: Uint8Array.of(2, 0, 0, 0, 0, 1) }),
      stimulate: (random) => queue.arrive(new Uint8Array(random.below(4000)).fill(7)),
      works(stand) {
        stand.data(0, 12).fill(0);
        stand.data(12, 60).fill(0x5a);
        const used = stand.request(1, [stand.segment(0, 72, false)]);
        return used === 0 && sent[0]?.length === 60 && sent[0].every((byte) => byte === 0x5a);
      },
    };
  },
  "virtio-rng": () => ({
    model: new VirtioRng((bytes) => bytes.fill(0x5a)),
    stimulate: () => {},
    works(stand) {
      stand.data(0, 32).fill(0);
      const used = stand.request(0, [stand.segment(0, 16, true), stand.segment(16, 4, true)]);
      return used === 20 && stand.text(0, 21) === `${"Z".repeat(20)}\0`;
    },
  }),
  "virtio-console": () => {
    let shown = "";
    const model = new VirtioConsole({
      transmit: (bytes) => {
        shown = Buffer.from(bytes).toString();
        return bytes.length;
      },
    });
    return {
      model,
      stimulate: (random) => {
        model.receive(new Uint8Array(random.below(9000)));
        model.drain();
      },
      works(stand) {
        stand.data(0, 5).set(Buffer.from("hello"));
        return stand.request(1, [stand.segment(0, 5, false)]) === 0 && shown === "hello";
      },
    };
  },
};

/** A number that is likely to matter. */
function anything(random: Random): number {
  const values = [
    0,
    1,
    2,
    15,
    16,
    17,
    0xffff,
    RAM,
    RAM + random.below(RAM_BYTES),
    OTHER,
    2 ** 32 - 1,
  ];
  return random.below(3) === 0
    ? random.below(2 ** 32)
    : (values[random.below(values.length)] as number);
}

function hostileDescriptor(random: Random): number[] {
  const addresses = [RAM + random.below(RAM_BYTES), OTHER, 2 ** 53, 0, RAM + RAM_BYTES - 8];
  const lengths = [0, 1, 12, 16, 512, 4096, RAM_BYTES, 2 ** 32 - 1, random.below(3000)];
  const address = addresses[random.below(random.below(2) === 0 ? 1 : addresses.length)] as number;
  const length = lengths[random.below(lengths.length)] as number;
  return [address, length, random.below(8), random.below(20)];
}

/** One thing that no driver should do, or one that it may. */
function misbehave(stand: VirtioStand, subject: Subject, random: Random): void {
  const queue = random.below(subject.model.queueCount + 1);
  switch (random.below(8)) {
    case 0:
      stand.write(4 * random.below(0x80), anything(random), [1, 2, 4][random.below(3)] as number);
      break;
    case 1:
      stand.read(random.below(0x200), [1, 2, 4][random.below(3)] as number);
      break;
    case 2:
      for (let i = 0; i < 40; i++) {
        stand.bytes[random.below(RINGS_BYTES * subject.model.queueCount)] = random.below(256);
      }
      break;
    case 3:
      stand.write(VIRTIO_MMIO.QueueSel, queue);
      stand.write(VIRTIO_MMIO.QueueReset, 1);
      if (random.below(2) === 0 && queue < subject.model.queueCount) stand.setUp(queue);
      break;
    case 4:
      subject.stimulate(random);
      break;
    default:
      if (queue >= subject.model.queueCount) break;
      for (let i = 0; i < SIZE; i++) stand.describe(queue, i, hostileDescriptor(random));
      for (let i = random.below(20); i > 0; i--) stand.offer(queue, random.below(18));
      stand.write(VIRTIO_MMIO.QueueNotify, queue);
  }
}

describe.each(Object.keys(SUBJECTS))("%s against hostile drivers", (name) => {
  const claim = "neither throws, hangs nor reaches foreign memory (seed %i)";
  test.each([1, SEED])(claim, { timeout: FUZZ_MS_MAX }, async (seed) => {
    const random = seededRandom(seed);
    const subject = (SUBJECTS[name] as () => Subject)();
    const stand = new VirtioStand(subject.model);
    for (let round = 0; round < ROUNDS; round++) {
      stand.start(() => (random.below(2) === 0 ? 2 ** 32 - 1 : random.below(2 ** 32)));
      for (let i = random.below(12); i >= 0; i--) misbehave(stand, subject, random);
      // What was put off to a later turn gets its turn.
      if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      // Reset, without anything optional: it must work as on its first day.
      stand.start((word) => (word === 1 ? 1 : 0));
      expect(stand.read(VIRTIO_MMIO.Status), `seed ${seed}, round ${round}`).toBe(15);
      expect(subject.works(stand), `seed ${seed}, round ${round}`).toBe(true);
    }
    expect(stand.other.every((byte) => byte === 0xee)).toBe(true);
    expect(stand.memory.faultCount).toBeGreaterThan(0);
  });
});

describe("fuzz: canary", () => {
  test("a model that reaches foreign memory is found", () => {
    const stand = new VirtioStand((SUBJECTS["virtio-rng"] as () => Subject)().model);
    new GuestMemory(stand.memory, 2).writeU8(OTHER + 5, 1);
    expect(stand.other.every((byte) => byte === 0xee)).toBe(false);
  });
});
