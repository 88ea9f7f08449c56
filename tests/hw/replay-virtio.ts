/*
 * The virtio devices of recorded traces, as they stood when the recording began: one slot with a
 * device in it, and the outside that the recording tells of.
 */
import { Bus } from "../../hw/bus.js";
import type { Wire } from "../../hw/device.js";
import { VirtioBlk } from "../../hw/devices/virtio-blk.js";
import { EMPTY_SLOT, VirtioMmio } from "../../hw/devices/virtio-mmio.js";
import { memoryDisk } from "../../hw/disk.js";
import type { GuestMemory } from "../../hw/memory.js";

/** A disk as a trace's header describes it. */
export interface ReplayDisk {
  sectors: number;
  serial: string;
  readonly: boolean;
}

/** Puts the device of a virtio trace behind a bus. */
export function virtioRig<Rig extends { memory: GuestMemory; sent: number[] }>(
  rig: Rig,
  header: { device: string; slot?: number; disk?: ReplayDisk },
  wire: (spi: number) => Wire,
): Rig & { bus: Bus; disk?: Uint8Array } {
  const slot = header.slot ?? 0;
  const window = { name: "virtio", base: 0x0a00_0000 + 0x200 * slot, size: 0x200 };
  if (header.device === "virtio-none") {
    return { ...rig, bus: new Bus([{ ...window, device: EMPTY_SLOT }]) };
  }
  const options = header.disk ?? { sectors: 2048, serial: "board0", readonly: false };
  const disk = new Uint8Array(options.sectors * 512).map((_, i) => (i >> 9) ^ (i & 0xff));
  const blk = new VirtioBlk({
    disk: memoryDisk(disk, { readOnly: options.readonly }),
    serial: options.serial,
  });
  const device = new VirtioMmio(blk, rig.memory, wire(16 + slot));
  return { ...rig, disk, bus: new Bus([{ ...window, device }]) };
}
