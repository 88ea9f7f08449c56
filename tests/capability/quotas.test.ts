/** Quotas: what one client uses up is its own, and its neighbours notice nothing. */

import type { MessagePort } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VIRT } from "../../hw/boards/virt.js";
import { boardDeviceTree } from "../../hw/device-tree.js";
import type { FromBoard } from "../../ipc/board-mail.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import { DMA_BYTES_PER_DRIVER_MAX, GRANTS_PER_PROCESS_MAX, RING_SLOTS } from "../../ipc/limits.js";
import { OP_CANCEL, OP_OPEN, OP_READ } from "../../ipc/opcode.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { Devices } from "../../kernel/devices.js";
import { Connection } from "../../kernel/gate/connection.js";
import { Request } from "../../kernel/gate/request.js";
import { Scene, say } from "./scene.js";

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.set();
});
afterEach(async () => {
  await scene.world.close();
});

describe("quotas", () => {
  it("a client whose ring is full waits alone: its neighbour is served in that turn", async () => {
    const [flooder, neighbour] = [await scene.user(), await scene.user()];
    const handle = scene.open(flooder);
    const theirs = scene.open(neighbour);
    const channel = flooder.channels.get(scene.low);
    let sent = 0;
    while (channel?.send({ opcode: OP_READ, handle, room: 16 }) !== undefined) sent++;
    expect(sent).toBe(RING_SLOTS);
    const answer = neighbour.channels.get(scene.low)?.send({
      ...{ opcode: OP_READ, handle: theirs, room: 16 },
    });
    // One pass of the provider over its clients, not as many as the flood would take.
    scene.world.actor("low").provider?.dispatch();
    neighbour.channels.get(scene.low)?.channel.poll();
    expect(answer?.results).toEqual([2]);
  });

  it("requests beyond the ring wait in the client, and beyond that get EAGAIN", () => {
    const connection = new Connection(9);
    const bell = allocateDoorbell();
    connection.connected(allocateChannel(4096), bell, 1);
    const make = () => new Request(OP_READ, { connection });
    const all = Array.from({ length: 5000 }, make);
    for (const request of all) {
      request.offset = 0;
      connection.submit(request);
    }
    const refused = all.filter(({ done }) => done);
    expect(new Set(refused.map(({ result }) => say(result)))).toEqual(new Set(["EAGAIN"]));
    // RESUME has a place of the ring, too.
    expect(all.length - refused.length).toBe(RING_SLOTS - 1 + 4096);
  });

  it("arena: payloads that do not fit wait for room, one client's for its own only", async () => {
    const [greedy, neighbour] = [await scene.user(), await scene.user()];
    const parked = greedy.channels.get(scene.low);
    const book = parked?.channel.book;
    expect(book?.allocate(8 * 1024 * 1024)).toBe(0);
    expect(parked?.send({ opcode: OP_READ, handle: 1, room: 16 })).toBeUndefined();
    expect(say(scene.open(neighbour))).toBe("ok");
  });

  it("gifts have a limit apart: who is flooded with them still derives its own", async () => {
    const [giver, victim] = [await scene.user(), await scene.world.program({ names: [] })];
    const own = await scene.user();
    for (let i = 0; i < GRANTS_PER_PROCESS_MAX; i++) scene.grant(giver, victim, "low:/a", "all");
    expect(() => scene.grant(giver, victim, "low:/a", "all")).toThrow("EMFILE");
    expect(scene.narrow(victim, "low:/a", "read").index).toBeGreaterThan(0);
    expect(scene.narrow(own, "low:/a", "read").index).toBeGreaterThan(0);
  });

  it("DMA: a driver has its share and no more; after its death others may have it", async () => {
    let tell: (message: FromBoard) => void = () => undefined;
    const port = {
      on: (_event: string, listener: (message: FromBoard) => void) => {
        tell = listener;
      },
      postMessage: () => undefined,
    };
    const devices = new Devices(port as unknown as MessagePort, allocateDoorbell());
    tell({ kind: "ready", tree: boardDeviceTree(VIRT), windows: [] });
    const drivers = ["low", "mid"].map((name) => scene.world.kernel.processes.find(name));
    const [one, two] = drivers;
    if (one === undefined || two === undefined) throw new RangeError("a driver is missing");
    const half = DMA_BYTES_PER_DRIVER_MAX / 2;
    const first = devices.allocate(one, half, 1);
    devices.allocate(one, half, 2);
    const codeOf = (what: () => unknown): string => {
      try {
        what();
        return "ok";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    expect(codeOf(() => devices.allocate(one, 1, 3))).toBe("ENOBUFS");
    expect(codeOf(() => devices.allocate(two, half, 4))).toBe("ok");
    const bytes = first.object === "dma" ? new Uint8Array(first.memory) : new Uint8Array(0);
    bytes.fill(7, 0, 100);
    devices.release(one);
    const again = devices.allocate(two, half, 5);
    expect(again.object === "dma" && new Uint8Array(again.memory)[0]).toBe(0);
  });

  it("waits that are taken back leave nothing: neither at a child nor at a pipe", async () => {
    const { host, world } = scene;
    const child = await world.program({ names: [] });
    const process = world.kernel.processes.get(child.pid);
    const { capability } = host.entry("pipe");
    const open = { opcode: OP_OPEN, body: "/n", room: 512, capability, arg1: 1 };
    for (let i = 0; i < 200; i++) {
      const waiting = [host.syscall("wait", { pid: child.pid }), host.kernel.send(open)];
      world.step();
      for (const answer of waiting) {
        host.kernel.tell({ opcode: OP_CANCEL, arg1: answer?.tag ?? 0 });
      }
      await world.settle();
      expect(waiting.map((answer) => say(answer?.results[0] ?? 0))).toEqual([
        ...["ECANCELED", "ECANCELED"],
      ]);
    }
    expect([process?.waiters.size, world.kernel.pipes.size]).toEqual([0, 0]);
  });

  it("a doorbell that is rung without need costs its owner a look, and no request", async () => {
    const user = await scene.user();
    const handle = scene.open(user);
    const low = scene.world.kernel.processes.find("low");
    const bell = low?.endpoint?.bell ?? new Doorbell(allocateDoorbell());
    for (let i = 0; i < 1000; i++) bell.ring();
    expect(scene.world.step()).toBe(false);
    expect(scene.read(user, handle)).toBe("/a");
  });
});
