/* Which slots the virtio devices of a board stand in. */
import { describe, expect, test } from "vitest";
import { noNetwork } from "../../hw/backends/network.js";
import { Board, type BoardOptions } from "../../hw/board.js";
import type { BoardMap, DeviceEntry } from "../../hw/board-map.js";
import { VIRT } from "../../hw/boards/virt.js";
import { memoryDisk } from "../../hw/disk.js";
import { DEVICE_ID, VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import { planSlots } from "../../hw/virtio-slots.js";

const { NET, BLOCK, CONSOLE, ENTROPY } = DEVICE_ID;
type Use = DeviceEntry["holds"];

/** A disk, two networks, a console, and entropy. */
const ONE_OF_ALL: BoardOptions = {
  disks: [{ backend: memoryDisk(new Uint8Array(512)) }],
  networks: [{ backend: noNetwork() }, { backend: noNetwork() }],
  consoles: [{ transmit: (bytes) => bytes.length }],
  entropy: () => {},
};

/** `virt` with slots for these uses, and no others. */
function mapWith(uses: readonly Use[]): BoardMap {
  const slots = VIRT.devices.filter(({ kind }) => kind === "virtio-mmio");
  const devices = uses.map((holds, slot): DeviceEntry => {
    const { holds: _, ...entry } = slots[slot] as DeviceEntry;
    return holds === undefined ? entry : { ...entry, holds };
  });
  return { ...VIRT, devices };
}

/** The virtio device ID of each slot. */
function idsOf(map: BoardMap, options: BoardOptions): number[] {
  const { bus } = new Board(map, options);
  return map.devices.map(({ window }) => bus.read(window.base + VIRTIO_MMIO.DeviceID, 4));
}

describe("virtio slots", () => {
  test("unless told: disks, networks, consoles, entropy, from slot 0 on", () => {
    const map = mapWith(new Array<Use>(6).fill(undefined));
    expect(idsOf(map, ONE_OF_ALL)).toEqual([BLOCK, NET, NET, CONSOLE, ENTROPY, 0]);
  });

  test("what is kept for a kind is taken first; nothing else goes where disks belong", () => {
    const map = mapWith(["disk", "disk", "other", "other", "other", "nothing", "nic"]);
    expect(idsOf(map, ONE_OF_ALL)).toEqual([BLOCK, 0, NET, CONSOLE, ENTROPY, 0, NET]);
  });

  test("without a slot to spare there is no source of entropy", () => {
    const map = mapWith(["disk", "nic", "nic", "other"]);
    expect(idsOf(map, ONE_OF_ALL)).toEqual([BLOCK, NET, NET, CONSOLE]);
  });

  test("what has no slot is refused, by kind and count", () => {
    const map = mapWith(["disk", "nic", "nothing"]);
    const none = { disks: 0, networks: 0, consoles: 0 };
    expect(() => planSlots(map, { ...none, disks: 2 })).toThrow("slots for 1 disks, not for 2");
    expect(() => planSlots(map, { ...none, networks: 2 })).toThrow("for 1 networks, not for 2");
    expect(() => planSlots(map, { ...none, consoles: 1 })).toThrow("for 0 consoles, not for 1");
  });
});
