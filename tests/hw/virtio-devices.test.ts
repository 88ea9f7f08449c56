/*
 * The virtio transport with several queues, and the network, entropy and console models, as far as
 * the recorded traces do not tell.
 */
import { describe, expect, test } from "vitest";
import { VirtioConsole } from "../../hw/devices/virtio-console.js";
import { VirtioNet } from "../../hw/devices/virtio-net.js";
import { ENTROPY_BYTES_MAX, VirtioRng } from "../../hw/devices/virtio-rng.js";
import { FrameQueue, newNetworkCounters } from "../../hw/network.js";
import { INTERRUPT, STATUS, VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import { NET_CTRL_CLASS, NET_CTRL_MAC, NET_CTRL_RX, NET_QUEUE } from "../../hw/regs/virtio-net.js";
import { RAM, RAM_BYTES, VirtioStand } from "./virtio-stand.js";

const { RECEIVE, TRANSMIT, CONTROL } = NET_QUEUE;
const MAC = Uint8Array.of(0x52, 0x54, 0, 0, 0, 1);
const HEADER = 12;

/** Feature words: VERSION_1, and the given bits of the low word. */
function features(...bits: number[]): (word: number) => number {
  const low = bits.filter((bit) => bit < 32).reduce((sum, bit) => sum + 2 ** bit, 0);
  const high = bits.filter((bit) => bit >= 32).reduce((sum, bit) => sum + 2 ** (bit - 32), 1);
  return (word) => (word === 0 ? low : high);
}

function network(...bits: number[]) {
  const counters = newNetworkCounters();
  const queue = new FrameQueue(counters);
  const sent: Uint8Array[] = [];
  const model = new VirtioNet({
    mac: MAC,
    network: {
      counters,
      connect: queue.connect.bind(queue),
      resume: () => queue.resume(),
      transmit: (frame) => void sent.push(frame),
      close: async () => {},
    },
  });
  const stand = new VirtioStand(model);
  stand.start(features(...bits));
  return { stand, queue, sent, model };
}

function frameTo(destination: readonly number[], length = 60, tag?: number): Uint8Array {
  const frame = new Uint8Array(length).fill(0x77);
  frame.set(destination);
  if (tag !== undefined) frame.set([0x81, 0x00, tag >> 8, tag & 0xff], 12);
  return frame;
}

describe("virtio-mmio: several queues", () => {
  test("a reset of one queue leaves the others at work", () => {
    const { stand, queue } = network(40);
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    stand.write(VIRTIO_MMIO.QueueSel, TRANSMIT);
    stand.write(VIRTIO_MMIO.QueueReset, 1);
    expect([stand.read(VIRTIO_MMIO.QueueReset), stand.read(VIRTIO_MMIO.QueueReady)]).toEqual([
      0, 0,
    ]);
    queue.arrive(frameTo(MAC as unknown as number[]));
    expect(stand.usedIndex(RECEIVE)).toBe(1);
    stand.setUp(TRANSMIT);
    stand.data(2000, HEADER).fill(0);
    expect(stand.request(TRANSMIT, [stand.segment(2000, 100, false)])).toBe(0);
  });

  test("a receive queue that was reset gets nothing until it is set up and rung again", () => {
    const { stand, queue } = network(40);
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    stand.write(VIRTIO_MMIO.QueueSel, RECEIVE);
    stand.write(VIRTIO_MMIO.QueueReset, 1);
    queue.arrive(frameTo([1]));
    expect(stand.usedIndex(RECEIVE)).toBe(0);
    stand.setUp(RECEIVE);
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    expect(stand.usedIndex(RECEIVE)).toBe(1);
  });

  test("without RING_RESET the register does nothing", () => {
    const { stand } = network();
    stand.write(VIRTIO_MMIO.QueueSel, TRANSMIT);
    stand.write(VIRTIO_MMIO.QueueReset, 1);
    expect(stand.read(VIRTIO_MMIO.QueueReady)).toBe(1);
  });

  test("features that were never offered have no effect", () => {
    const { stand, queue } = network(0, 1, 7, 22, 50);
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    queue.arrive(frameTo([1]));
    expect([...stand.data(0, HEADER)]).toEqual(Array(HEADER).fill(0));
  });

  test("a notification before DRIVER_OK does nothing, and does no harm", () => {
    const { stand, queue } = network();
    stand.write(VIRTIO_MMIO.Status, 0);
    stand.setUp(RECEIVE);
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    queue.arrive(frameTo([1]));
    expect(stand.usedIndex(RECEIVE)).toBe(0);
    stand.start(features());
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    expect(stand.usedIndex(RECEIVE)).toBe(1);
  });

  test("a link that changes counts the configuration's generation and interrupts", () => {
    const { stand, queue } = network(16);
    const before = stand.read(VIRTIO_MMIO.ConfigGeneration);
    queue.setLink(false);
    expect(stand.read(VIRTIO_MMIO.ConfigGeneration)).toBe(before + 1);
    expect(stand.read(VIRTIO_MMIO.InterruptStatus)).toBe(INTERRUPT.CONFIGURATION_CHANGE);
    expect(stand.read(VIRTIO_MMIO.Config + 6, 2)).toBe(0);
    stand.write(VIRTIO_MMIO.InterruptACK, INTERRUPT.CONFIGURATION_CHANGE);
    expect(stand.line).toEqual([1, 0]);
  });
});

describe("virtio-net: receiving", () => {
  test("with MRG_RXBUF a frame is spread over buffers, and their count stands in the first", () => {
    const { stand, queue } = network(15);
    for (let i = 0; i < 3; i++) stand.chain(RECEIVE, i, [stand.segment(100 * i, 40, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    queue.arrive(frameTo([1], 60));
    expect([stand.usedLength(RECEIVE, 0), stand.usedLength(RECEIVE, 1)]).toEqual([40, 32]);
    expect(stand.usedIndex(RECEIVE)).toBe(2);
    expect(stand.data(10, 1)[0]).toBe(2);
  });

  test("a frame waits until there are buffers for all of it", () => {
    const { stand, queue } = network(15);
    stand.chain(RECEIVE, 0, [stand.segment(0, 40, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    queue.arrive(frameTo([1], 60));
    expect(stand.usedIndex(RECEIVE)).toBe(0);
    stand.chain(RECEIVE, 1, [stand.segment(100, 40, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    expect(stand.usedIndex(RECEIVE)).toBe(2);
  });

  test("without it a frame too long for its buffer is dropped, and the buffer stays", () => {
    const { stand, queue } = network();
    stand.chain(RECEIVE, 0, [stand.segment(0, 100, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    queue.arrive(frameTo([1], 200));
    expect(stand.usedIndex(RECEIVE)).toBe(0);
    queue.arrive(frameTo([3], 64));
    expect([stand.usedIndex(RECEIVE), stand.usedLength(RECEIVE, 0)]).toEqual([1, 76]);
    expect(stand.data(HEADER, 1)[0]).toBe(3);
  });

  test("a buffer that can't even hold the header breaks the device", () => {
    const { stand, queue } = network();
    stand.chain(RECEIVE, 0, [stand.segment(0, 11, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    queue.arrive(frameTo([1]));
    expect(stand.read(VIRTIO_MMIO.Status) & STATUS.DEVICE_NEEDS_RESET).not.toBe(0);
  });
});

describe("virtio-net: sending", () => {
  test.each([
    [11, true],
    [12, false],
    [25, false],
    [RAM_BYTES / 4, false],
  ])("a packet of %i bytes with its header: nothing is sent, broken is %s", (length, broken) => {
    const { stand, sent } = network();
    const segments = Array.from({ length: length > 8192 ? 4 : 1 }, () =>
      stand.segment(0, length, false),
    );
    stand.chain(TRANSMIT, 0, segments);
    stand.write(VIRTIO_MMIO.QueueNotify, TRANSMIT);
    expect(sent).toEqual([]);
    expect((stand.read(VIRTIO_MMIO.Status) & STATUS.DEVICE_NEEDS_RESET) !== 0).toBe(broken);
  });

  test("a packet that lies outside of the driver's memory is a fault, and is swallowed", () => {
    const { stand, sent } = network();
    stand.chain(TRANSMIT, 0, [{ address: RAM + RAM_BYTES - 50, length: 100, flags: 0 }]);
    stand.write(VIRTIO_MMIO.QueueNotify, TRANSMIT);
    expect([sent.length, stand.usedIndex(TRANSMIT), stand.memory.faultCount]).toEqual([0, 1, 1]);
  });
});

describe("virtio-net: control", () => {
  const BITS = [17, 18, 19, 20, 23];

  /** Gives one command; the device's answer. */
  function command(stand: VirtioStand, ...bytes: number[]): number {
    const index = stand.usedIndex(CONTROL);
    stand.data(4000, bytes.length).set(bytes);
    stand.data(6000, 1).fill(0xff);
    stand.chain(CONTROL, (2 * index) % 16, [
      stand.segment(4000, bytes.length, false),
      stand.segment(6000, 1, true),
    ]);
    stand.write(VIRTIO_MMIO.QueueNotify, CONTROL);
    expect(stand.usedIndex(CONTROL)).toBe(index + 1);
    return stand.data(6000, 1)[0] as number;
  }

  /** Whether the driver gets a frame to this address. */
  function passes(net: ReturnType<typeof network>, frame: Uint8Array): boolean {
    const { stand, queue } = net;
    stand.setUp(RECEIVE);
    stand.chain(RECEIVE, 0, [stand.segment(0, 1526, true)]);
    stand.write(VIRTIO_MMIO.QueueSel, RECEIVE);
    stand.write(VIRTIO_MMIO.QueueNotify, RECEIVE);
    const before = stand.usedIndex(RECEIVE);
    queue.arrive(frame);
    return stand.usedIndex(RECEIVE) !== before;
  }

  const OWN = [...MAC];
  const ALL = [255, 255, 255, 255, 255, 255];
  const GROUP = [1, 0, 0x5e, 0, 0, 1];
  const STRANGER = [2, 9, 9, 9, 9, 9];

  /** What passes: own address, everybody's, a group's, a stranger's. */
  function filter(...commands: number[][]): boolean[] {
    return [OWN, ALL, GROUP, STRANGER].map((destination) => {
      const net = network(...BITS, 40);
      for (const bytes of commands) expect(command(net.stand, ...bytes)).toBe(0);
      net.stand.write(VIRTIO_MMIO.QueueSel, RECEIVE);
      net.stand.write(VIRTIO_MMIO.QueueReset, 1);
      return passes(net, frameTo(destination));
    });
  }

  const { RX } = NET_CTRL_CLASS;
  const QUIET = [RX, NET_CTRL_RX.PROMISC, 0];

  test("what passes is what the switches and tables say (§5.1.6.5)", () => {
    expect(filter()).toEqual([true, true, true, true]);
    expect(filter(QUIET)).toEqual([true, true, false, false]);
    expect(filter(QUIET, [RX, NET_CTRL_RX.ALLMULTI, 1])).toEqual([true, true, true, false]);
    expect(filter(QUIET, [RX, NET_CTRL_RX.ALLUNI, 1])).toEqual([true, true, false, true]);
    expect(filter(QUIET, [RX, NET_CTRL_RX.NOBCAST, 1])).toEqual([true, false, false, false]);
    expect(filter(QUIET, [RX, NET_CTRL_RX.NOUNI, 1])).toEqual([false, true, false, false]);
    const tables = [NET_CTRL_CLASS.MAC, NET_CTRL_MAC.TABLE_SET, 1, 0, 0, 0, ...STRANGER];
    expect(filter(QUIET, [...tables, 1, 0, 0, 0, ...GROUP])).toEqual([true, true, true, true]);
    const many = Array.from({ length: 65 }, (_, i) => [2, 0, 0, 0, 0, i]).flat();
    const overflow = [NET_CTRL_CLASS.MAC, NET_CTRL_MAC.TABLE_SET, 65, 0, 0, 0, ...many, 0, 0, 0, 0];
    expect(filter(QUIET, overflow)).toEqual([true, true, false, true]);
    const other = [NET_CTRL_CLASS.MAC, NET_CTRL_MAC.ADDR_SET, ...STRANGER];
    expect(filter(QUIET, other)).toEqual([false, true, false, true]);
  });

  test("frames of a VLAN pass after it was added, and not after it was removed", () => {
    const tagged = frameTo(OWN, 64, 5);
    const vlan = [NET_CTRL_CLASS.VLAN, 0, 5, 0];
    const attempt = (...commands: number[][]): boolean => {
      const net = network(...BITS);
      for (const bytes of commands) command(net.stand, ...bytes);
      net.stand.write(VIRTIO_MMIO.QueueSel, RECEIVE);
      return passes(net, tagged);
    };
    expect(attempt(QUIET)).toBe(false);
    expect(attempt(QUIET, vlan)).toBe(true);
    expect(attempt(QUIET, vlan, [NET_CTRL_CLASS.VLAN, 1, 5, 0])).toBe(false);
  });

  test("the address that was set stands in the configuration, until the reset", () => {
    const { stand } = network(...BITS);
    expect(command(stand, NET_CTRL_CLASS.MAC, NET_CTRL_MAC.ADDR_SET, ...STRANGER)).toBe(0);
    expect(stand.read(VIRTIO_MMIO.Config + 5, 1)).toBe(9);
    stand.write(VIRTIO_MMIO.Status, 0);
    expect(stand.read(VIRTIO_MMIO.Config + 5, 1)).toBe(MAC[5]);
  });

  test.each([
    ["an unknown class", [99, 0, 1]],
    ["an unknown switch", [0, 9, 1]],
    ["a switch without its value", [0, 0]],
    ["an address too short", [1, 1, 2, 2, 2]],
    ["a table longer than its data", [1, 0, 9, 0, 0, 0, 1, 2, 3]],
    ["a table with something behind it", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ["a VLAN that is none", [2, 0, 0xff, 0xff]],
    ["an offload that was not offered", [5, 0, 1, 0, 0, 0, 0, 0, 0, 0]],
    ["an announcement that was not asked for", [3, 0]],
  ])("%s is refused", (_name, bytes) => {
    const { stand } = network(2, ...BITS, 21);
    expect(command(stand, ...bytes)).toBe(1);
    expect(stand.read(VIRTIO_MMIO.Status) & STATUS.DEVICE_NEEDS_RESET).toBe(0);
  });

  test("all offloads off is what they are anyway", () => {
    const { stand } = network(2, ...BITS);
    expect(command(stand, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0)).toBe(0);
  });
});

describe("virtio queues that no driver should make", () => {
  const isBroken = (stand: VirtioStand): boolean =>
    (stand.read(VIRTIO_MMIO.Status) & STATUS.DEVICE_NEEDS_RESET) !== 0;

  /** An entropy device with a queue of another size, somewhere. */
  function oddQueue(size: number, desc = RAM): VirtioStand {
    const stand = new VirtioStand(new VirtioRng((bytes) => bytes.fill(1)));
    stand.write(VIRTIO_MMIO.Status, STATUS.ACKNOWLEDGE | STATUS.DRIVER | STATUS.FEATURES_OK);
    stand.write(VIRTIO_MMIO.QueueSel, 0);
    stand.write(VIRTIO_MMIO.QueueNum, size);
    stand.write(VIRTIO_MMIO.QueueDescLow, desc);
    stand.write(VIRTIO_MMIO.QueueDriverLow, RAM + 0x4000);
    stand.write(VIRTIO_MMIO.QueueDeviceLow, RAM + 0x6000);
    stand.write(VIRTIO_MMIO.QueueReady, 1);
    stand.write(VIRTIO_MMIO.Status, 15);
    stand.bytes[0x4002] = 1; // avail.idx
    stand.write(VIRTIO_MMIO.QueueNotify, 0);
    return stand;
  }

  test("of no entries at all are none: nothing happens", () => {
    expect(isBroken(oddQueue(0))).toBe(false);
  });

  test.each([3, 1000, 1025, 2048, 0xffff_ffff])("of %i entries break the device", (size) => {
    expect(isBroken(oddQueue(size))).toBe(true);
  });

  test("of 1024 entries are the largest that do not", () => {
    expect(isBroken(oddQueue(1024))).toBe(false);
  });

  test("in nobody's memory break the device, and are recorded", () => {
    const stand = oddQueue(16, 0x9000_0000);
    expect(isBroken(stand)).toBe(true);
    expect(stand.memory.faultCount).toBeGreaterThan(0);
  });

  test("a broken device takes nothing, and works after a reset", () => {
    const stand = oddQueue(3);
    stand.write(VIRTIO_MMIO.QueueNotify, 0);
    stand.start(features());
    expect(stand.request(0, [stand.segment(0, 8, true)])).toBe(8);
  });

  test("buffers without a byte are no buffers, and do no harm", () => {
    const stand = new VirtioStand(new VirtioRng((bytes) => bytes.fill(1)));
    stand.start(features());
    expect(stand.request(0, [stand.segment(0, 0, true), stand.segment(8, 4, true)])).toBe(4);
    stand.start(features());
    expect(stand.request(0, [stand.segment(0, 0, true)])).toBe(0);
  });
});

describe("virtio-rng", () => {
  test("a request for more than can be had at once is filled in part", () => {
    const stand = new VirtioStand(new VirtioRng((bytes) => bytes.fill(1)));
    stand.start(features());
    const pieces = Array.from({ length: 4 }, () => ({ address: RAM, length: RAM_BYTES, flags: 2 }));
    stand.chain(0, 0, [stand.segment(0, 10, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, 0);
    expect(stand.usedLength(0, 0)).toBe(10);
    pieces.forEach((piece, i) => {
      pieces[i] = { ...piece, address: RAM + 0x8000, length: 0x6000 };
    });
    stand.chain(0, 1, pieces);
    stand.write(VIRTIO_MMIO.QueueNotify, 0);
    expect(stand.usedLength(0, 1)).toBe(ENTROPY_BYTES_MAX);
  });
});

describe("virtio-console", () => {
  /** A console whose terminal takes `room` more bytes. */
  function consoleWith(room: number) {
    const far = { shown: "", room };
    const model = new VirtioConsole({
      transmit: (bytes) => {
        const taken = bytes.subarray(0, far.room);
        far.room -= taken.length;
        far.shown += Buffer.from(taken).toString();
        return taken.length;
      },
    });
    const stand = new VirtioStand(model);
    stand.start(features());
    return { far, model, stand };
  }

  test("a request is finished when its last byte was taken, and not before", () => {
    const { far, model, stand } = consoleWith(3);
    stand.data(0, 8).set(Buffer.from("abcdefgh"));
    stand.chain(1, 0, [stand.segment(0, 5, false), stand.segment(5, 3, false)]);
    stand.write(VIRTIO_MMIO.QueueNotify, 1);
    expect([far.shown, stand.usedIndex(1)]).toEqual(["abc", 0]);
    far.room = 4;
    model.drain();
    expect([far.shown, stand.usedIndex(1)]).toEqual(["abcdefg", 0]);
    far.room = 100;
    model.drain();
    expect([far.shown, stand.usedIndex(1)]).toEqual(["abcdefgh", 1]);
  });

  test("a reset forgets what was not sent yet", () => {
    const { far, model, stand } = consoleWith(1);
    stand.data(0, 4).set(Buffer.from("abcd"));
    stand.chain(1, 0, [stand.segment(0, 4, false)]);
    stand.write(VIRTIO_MMIO.QueueNotify, 1);
    stand.start(features());
    far.room = 100;
    model.drain();
    expect([far.shown, stand.usedIndex(1)]).toEqual(["a", 0]);
  });

  test("an emergency character goes out without a driver", () => {
    const { far, stand } = consoleWith(100);
    stand.write(VIRTIO_MMIO.Status, 0);
    stand.write(VIRTIO_MMIO.Config + 8, 0x21);
    expect(far.shown).toBe("!");
  });

  test("input fills the buffers that there are, and the rest waits", () => {
    const { model, stand } = consoleWith(0);
    expect(model.receive(Buffer.from("abcdef"))).toBe(0);
    stand.chain(0, 0, [stand.segment(0, 4, true)]);
    stand.write(VIRTIO_MMIO.QueueNotify, 0);
    expect(model.receive(Buffer.from("abcdef"))).toBe(4);
    expect(stand.usedLength(0, 0)).toBe(4);
    expect(stand.text(0, 4)).toBe("abcd");
  });
});
