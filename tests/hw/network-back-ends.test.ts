/* The networks of a board: each carries frames both ways, in bounds, and says why if it can't. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeFrame, FrameDecoder } from "../../hw/backends/frame-stream.js";
import { noNetwork, openNetwork, parseNetwork } from "../../hw/backends/network.js";
import { hubNetwork, NetworkHub } from "../../hw/backends/network-hub.js";
import { captureNetwork } from "../../hw/backends/network-pcap.js";
import { openUdpNetwork } from "../../hw/backends/network-udp.js";
import { FrameQueue, type NetworkBackend, newNetworkCounters } from "../../hw/network.js";
import { seededRandom } from "../../ipc/clock.js";

let folder: string;
let closing: (() => Promise<void> | void)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "anode-net-"));
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  closing = [];
  rmSync(folder, { recursive: true });
});

const MACS = [
  [2, 0, 0, 0, 0, 1],
  [2, 0, 0, 0, 0, 2],
  [2, 0, 0, 0, 0, 3],
] as const;
const BROADCAST = [255, 255, 255, 255, 255, 255];

function frameTo(to: readonly number[], from: readonly number[], text: string): Uint8Array {
  return Buffer.concat([Buffer.from([...to, ...from, 0x88, 0xb5]), Buffer.from(text)]);
}

type Seen = ReturnType<typeof deviceAt>;

/** A device at a network: collects frames, as long as it has room. */
function deviceAt(network: NetworkBackend) {
  const device = { frames: [] as Uint8Array[], links: [] as boolean[], room: Infinity };
  network.connect({
    linkChanged: (up) => device.links.push(up),
    receive(frame) {
      if (device.room === 0) return false;
      device.room--;
      device.frames.push(Uint8Array.from(frame));
      return true;
    },
  });
  closing.push(() => network.close());
  return Object.assign(device, {
    texts: () => device.frames.map((frame) => Buffer.from(frame.subarray(14)).toString()),
  });
}

describe("frame queue", () => {
  test("keeps what the device has no room for, and drops and counts what is too much", () => {
    const counters = newNetworkCounters();
    const queue = new FrameQueue(counters);
    const device = deviceAt({ ...noNetwork(), connect: (receiver) => queue.connect(receiver) });
    device.room = 0;
    for (let i = 0; i < 300; i++) queue.arrive(frameTo(BROADCAST, MACS[0], `${i}`));
    expect(counters).toMatchObject({ received: 300, receivedDropped: 300 - 256 });
    device.room = 2;
    queue.resume();
    expect(device.texts()).toEqual(["0", "1"]);
    device.room = Infinity;
    queue.resume();
    expect(device.texts().at(-1)).toBe("255");
  });

  test("is bounded in bytes, too, and takes nothing that is no frame", () => {
    const counters = newNetworkCounters();
    const queue = new FrameQueue(counters);
    for (let i = 0; i < 40; i++) queue.arrive(new Uint8Array(60_000));
    expect(counters.receivedDropped).toBe(40 - Math.floor(2 ** 20 / 60_000));
    queue.arrive(new Uint8Array(13));
    queue.arrive(new Uint8Array(65_551));
    expect(counters.receivedDropped).toBe(42 - Math.floor(2 ** 20 / 60_000));
  });
});

describe("hub", () => {
  test("frames reach every port until it knows who is where, then that one only", async () => {
    const hub = new NetworkHub();
    closing.push(() => hub.close());
    const networks = MACS.map(() => hubNetwork(hub.plug().port));
    const devices = networks.map(deviceAt);
    const [first, second, third] = devices as [Seen, Seen, Seen];
    networks[0]?.transmit(frameTo(BROADCAST, MACS[0], "who?"));
    await expect.poll(() => [second.texts(), third.texts()]).toEqual([["who?"], ["who?"]]);
    networks[1]?.transmit(frameTo(MACS[0], MACS[1], "me"));
    await expect.poll(() => first.texts()).toEqual(["me"]);
    networks[0]?.transmit(frameTo(MACS[1], MACS[0], "hello"));
    await expect.poll(() => second.texts()).toEqual(["who?", "hello"]);
    expect([first.texts(), third.texts()]).toEqual([["me"], ["who?"]]);
  });

  test("a pulled port is forgotten, and its link goes down", async () => {
    const hub = new NetworkHub();
    closing.push(() => hub.close());
    const [one, two] = [hubNetwork(hub.plug().port), hubNetwork(hub.plug().port)];
    const [first, second] = [deviceAt(one), deviceAt(two)];
    two.transmit(frameTo(BROADCAST, MACS[1], "here"));
    await expect.poll(() => first.texts()).toEqual(["here"]);
    await two.close();
    await expect.poll(() => second.links).toEqual([false]);
    one.transmit(frameTo(MACS[1], MACS[0], "gone?"));
    const late = hubNetwork(hub.plug().port);
    const third = deviceAt(late);
    one.transmit(frameTo(BROADCAST, MACS[0], "anybody?"));
    await expect.poll(() => third.texts().at(-1)).toBe("anybody?");
  });

  test("frames under way are bounded: what nobody has taken is dropped and counted", () => {
    const hub = new NetworkHub();
    closing.push(() => hub.close());
    const network = hubNetwork(hub.plug().port);
    deviceAt(network);
    for (let i = 0; i < 300; i++) network.transmit(frameTo(BROADCAST, MACS[0], "flood"));
    expect(network.counters).toMatchObject({ sent: 300, sentDropped: 300 - 256 });
  });

  test("no two ports are given the same address", () => {
    const hub = new NetworkHub();
    closing.push(() => hub.close());
    const macs = Array.from({ length: 300 }, () => Buffer.from(hub.plug().mac).toString("hex"));
    expect(new Set(macs).size).toBe(300);
  });
});

describe("frame stream", () => {
  const seed = Date.now() % 2 ** 31;

  test(`takes a stream apart, wherever it is cut (seed ${seed})`, () => {
    const random = seededRandom(seed);
    const frames = Array.from({ length: 200 }, (_, i) =>
      new Uint8Array(1 + random.below(2000)).fill(i),
    );
    const stream = Buffer.concat(frames.map(encodeFrame));
    const decoder = new FrameDecoder();
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; ) {
      const length = 1 + random.below(random.below(2) === 0 ? 5 : 4000);
      expect(decoder.feed(stream.subarray(at, at + length), (frame) => found.push(frame))).toBe(
        true,
      );
      at += length;
    }
    expect(found.length).toBe(frames.length);
    expect(Buffer.concat(found).equals(Buffer.concat(frames))).toBe(true);
  });

  test("refuses a length beyond any frame's before it makes room for it", () => {
    expect(new FrameDecoder().feed(Uint8Array.of(0xff, 0xff, 0xff, 0xff), () => {})).toBe(false);
  });
});

describe("socket", () => {
  test("two machines, one listening: frames go both ways, links come up and go down", async () => {
    const path = join(folder, "link");
    const dialing = await openNetwork(parseNetwork(`socket:${path}`));
    const first = deviceAt(dialing);
    const listening = await openNetwork(parseNetwork(`socket:${path},listen`));
    const second = deviceAt(listening);
    await expect.poll(() => [first.links.at(-1), second.links.at(-1)]).toEqual([true, true]);
    dialing.transmit(frameTo(MACS[1], MACS[0], "to the listener"));
    listening.transmit(frameTo(MACS[0], MACS[1], "to the caller"));
    await expect.poll(() => second.texts()).toEqual(["to the listener"]);
    await expect.poll(() => first.texts()).toEqual(["to the caller"]);
    await listening.close();
    await expect.poll(() => first.links.at(-1)).toBe(false);
    dialing.transmit(frameTo(MACS[1], MACS[0], "nobody"));
    expect(dialing.counters.sentDropped).toBe(1);
    const again = await openNetwork(parseNetwork(`socket:${path},listen`));
    deviceAt(again);
    await expect.poll(() => first.links.at(-1), { timeout: 5000 }).toBe(true);
  });

  test("speaks the format of QEMU's -netdev stream: four bytes of length, big-endian", async () => {
    const path = join(folder, "qemu");
    const peers: Socket[] = [];
    const server = createServer((socket) => peers.push(socket)).listen(path);
    closing.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const network = await openNetwork(parseNetwork(`socket:${path}`));
    const device = deviceAt(network);
    await expect.poll(() => device.links.at(-1)).toBe(true);
    const [peer] = peers as [Socket];
    const got: Buffer[] = [];
    peer.on("data", (bytes: Buffer) => got.push(bytes));
    network.transmit(frameTo(MACS[0], MACS[1], "out"));
    peer.write(Buffer.concat([Buffer.from([0, 0, 0, 16]), frameTo(MACS[1], MACS[0], "in")]));
    await expect.poll(() => device.texts()).toEqual(["in"]);
    await expect
      .poll(() => Buffer.concat(got).toString("hex"))
      .toBe(`00000011${Buffer.from(frameTo(MACS[0], MACS[1], "out")).toString("hex")}`);
    // What makes no sense ends the connection; another try follows.
    peer.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    await expect.poll(() => device.links).toContain(false);
    peer.destroy();
  });

  test("a second peer is turned away; a socket that is in use says so", async () => {
    const path = join(folder, "busy");
    const network = await openNetwork(parseNetwork(`socket:${path},listen`));
    const device = deviceAt(network);
    const first = connect(path);
    await expect.poll(() => device.links.at(-1)).toBe(true);
    const second = connect(path);
    await new Promise((resolve) => second.once("close", resolve));
    const opening = openNetwork(parseNetwork(`socket:${path},listen`));
    await expect(opening).rejects.toThrow("somebody listens there already");
    first.destroy();
  });

  test("a peer that does not read costs frames, not memory", async () => {
    const path = join(folder, "slow");
    const network = await openNetwork(parseNetwork(`socket:${path},listen`));
    const device = deviceAt(network);
    const peer = connect(path).pause();
    await expect.poll(() => device.links.at(-1)).toBe(true);
    for (let i = 0; i < 3000; i++) network.transmit(new Uint8Array(1500));
    expect(network.counters.sentDropped).toBeGreaterThan(1000);
    peer.destroy();
  });
});

/** A UDP port that nobody uses. */
async function freePort(): Promise<number> {
  const ephemeral = { host: "127.0.0.1", port: 0, family: "udp4" } as const;
  const network = await openUdpNetwork({ local: ephemeral, remote: ephemeral });
  await network.close();
  return network.port;
}

describe("udp", () => {
  test("one frame in a datagram, from and to one peer only", async () => {
    const ephemeral = { host: "127.0.0.1", port: 0, family: "udp4" } as const;
    const silent = await openUdpNetwork({ local: ephemeral, remote: { ...ephemeral, port: 9 } });
    deviceAt(silent);
    const first = await openUdpNetwork({
      local: ephemeral,
      remote: { ...ephemeral, port: silent.port },
    });
    const device = deviceAt(first);
    const second = await openUdpNetwork({
      local: ephemeral,
      remote: { ...ephemeral, port: first.port },
    });
    const stranger = deviceAt(second);
    second.transmit(frameTo(MACS[0], MACS[1], "not for you"));
    await expect.poll(() => first.counters.receivedDropped).toBe(1);
    expect(device.frames).toEqual([]);
    first.transmit(frameTo(MACS[1], MACS[0], "out"));
    await expect.poll(() => silent.counters.receivedDropped).toBe(1);
    expect(stranger.frames).toEqual([]);
  });

  test("two machines talk", async () => {
    const [a, b] = [await freePort(), await freePort()];
    const one = await openNetwork(parseNetwork(`udp:127.0.0.1:${a},127.0.0.1:${b}`));
    const two = await openNetwork(parseNetwork(`udp:127.0.0.1:${b},127.0.0.1:${a}`));
    const [first, second] = [deviceAt(one), deviceAt(two)];
    one.transmit(frameTo(MACS[1], MACS[0], "ping"));
    await expect.poll(() => second.texts()).toEqual(["ping"]);
    two.transmit(frameTo(MACS[0], MACS[1], "pong"));
    await expect.poll(() => first.texts()).toEqual(["pong"]);
    expect(one.counters).toEqual({ sent: 1, sentDropped: 0, received: 1, receivedDropped: 0 });
  });

  test("an address that can't be used is said", async () => {
    const opening = openNetwork(parseNetwork("udp:192.0.2.1:7000,127.0.0.1:7001"));
    await expect(opening).rejects.toThrow(/udp from 192\.0\.2\.1:7000 .* can't be used: E/);
  });
});

describe("pcap", () => {
  test("both directions, as Wireshark reads them", async () => {
    const path = join(folder, "wire.pcap");
    const counters = newNetworkCounters();
    const queue = new FrameQueue(counters);
    const inner = {
      ...noNetwork(),
      connect: queue.connect.bind(queue),
      resume: () => queue.resume(),
    };
    const network = await captureNetwork(inner, path, () => 1_700_000_000_123.5);
    const device = deviceAt(network);
    device.room = 0;
    queue.arrive(frameTo(MACS[0], MACS[1], "in"));
    network.transmit(frameTo(MACS[1], MACS[0], "out"));
    device.room = 1;
    network.resume();
    await network.close();
    closing = [];
    const file = readFileSync(path);
    expect(file.subarray(0, 24).toString("hex")).toBe(
      "d4c3b2a10200040000000000000000000e00010001000000",
    );
    const record = (bytes: Uint8Array): string => {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(1_700_000_000, 0);
      head.writeUInt32LE(123_500, 4);
      head.writeUInt32LE(bytes.length, 8);
      head.writeUInt32LE(bytes.length, 12);
      return Buffer.concat([head, bytes]).toString("hex");
    };
    expect(file.subarray(24).toString("hex")).toBe(
      record(frameTo(MACS[1], MACS[0], "out")) + record(frameTo(MACS[0], MACS[1], "in")),
    );
  });

  test("a file that can't be written is said", async () => {
    const opening = openNetwork(parseNetwork(`none,pcap=${folder}/no/such/folder`));
    await expect(opening).rejects.toThrow("can't be written: ENOENT");
  });
});

describe("descriptions", () => {
  test("are read", () => {
    expect(parseNetwork("none,mac=52:54:00:00:00:07,pcap=a=b.pcap")).toEqual({
      kind: "none",
      mac: Uint8Array.of(0x52, 0x54, 0, 0, 0, 7),
      capture: "a=b.pcap",
    });
    expect(parseNetwork("socket:/tmp/a,listen")).toEqual({
      kind: "socket",
      path: "/tmp/a",
      listen: true,
    });
    expect(parseNetwork("udp:[::1]:1,localhost:2")).toEqual({
      kind: "udp",
      local: { host: "::1", port: 1, family: "udp6" },
      remote: { host: "localhost", port: 2, family: "udp4" },
    });
  });

  test.each([
    ["", "give none, socket"],
    ["tap0", "give none, socket"],
    ["socket:", "needs the path"],
    ["socket:/a,loud", 'unknown option "loud"'],
    ["udp:127.0.0.1:1", '"" is not HOST:PORT'],
    ["udp:127.0.0.1:70000,b:1", "is not HOST:PORT"],
    ["none,mac=01:00:00:00:00:00", "no address of one interface"],
    ["none,mac=52:54", "no address of one interface"],
    ["none,pcap=", 'unknown option "pcap="'],
  ])("that make no sense are refused: %s", (text, hint) => {
    expect(() => parseNetwork(text)).toThrow(hint);
  });
});
