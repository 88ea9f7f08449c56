/*
 * The virtio devices of recorded traces, as they stood when the recording began: one slot with a
 * device in it, and the outside that the recording tells of.
 */
import { Bus } from "../../hw/bus.js";
import type { Device, Wire } from "../../hw/device.js";
import { VirtioBlk } from "../../hw/devices/virtio-blk.js";
import { VirtioConsole } from "../../hw/devices/virtio-console.js";
import type { VirtioFunction } from "../../hw/devices/virtio-function.js";
import { EMPTY_SLOT, VirtioMmio } from "../../hw/devices/virtio-mmio.js";
import { VirtioNet } from "../../hw/devices/virtio-net.js";
import { VirtioRng } from "../../hw/devices/virtio-rng.js";
import { memoryDisk } from "../../hw/disk.js";
import type { GuestMemory } from "../../hw/memory.js";
import { FrameQueue, newNetworkCounters } from "../../hw/network.js";

/** A disk as a trace's header describes it. */
export interface ReplayDisk {
  sectors: number;
  serial: string;
  readonly: boolean;
}

interface Outside {
  receive?: (bytes: Uint8Array) => void;
  frames?: Uint8Array[];
  disk?: Uint8Array;
}

const MAC = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);

/** Puts the device of a virtio trace behind a bus. */
export function virtioRig<Rig extends { memory: GuestMemory; sent: number[] }>(
  rig: Rig,
  header: { device: string; slot?: number; disk?: ReplayDisk },
  wire: (spi: number) => Wire,
): Rig & Outside & { bus: Bus } {
  const slot = header.slot ?? 0;
  const window = { name: "virtio", base: 0x0a00_0000 + 0x200 * slot, size: 0x200 };
  const mounted = (device: Device): Bus => new Bus([{ ...window, device }]);
  if (header.device === "virtio-none") return { ...rig, bus: mounted(EMPTY_SLOT) };
  const { model, ...outside } = deviceOf(header, rig.sent);
  return { ...rig, ...outside, bus: mounted(new VirtioMmio(model, rig.memory, wire(16 + slot))) };
}

function deviceOf(
  header: { device: string; disk?: ReplayDisk },
  sent: number[],
): Outside & { model: VirtioFunction } {
  switch (header.device) {
    case "virtio-net":
      return network();
    case "virtio-rng":
      return { model: new VirtioRng(recordedEntropy()) };
    case "virtio-console":
      return console(sent);
    default:
      return blockDevice(header.disk ?? { sectors: 2048, serial: "board0", readonly: false });
  }
}

function blockDevice({
  sectors,
  serial,
  readonly,
}: ReplayDisk): Outside & { model: VirtioFunction } {
  const disk = new Uint8Array(sectors * 512).map((_, i) => (i >> 9) ^ (i & 0xff));
  const model = new VirtioBlk({ disk: memoryDisk(disk, { readOnly: readonly }), serial });
  return { model, disk };
}

function network(): Outside & { model: VirtioFunction } {
  const frames: Uint8Array[] = [];
  const counters = newNetworkCounters();
  const queue = new FrameQueue(counters);
  const model = new VirtioNet({
    mac: MAC,
    network: {
      counters,
      connect: (receiver) => queue.connect(receiver),
      transmit: (frame) => void frames.push(frame),
      resume: () => queue.resume(),
      close: async () => {},
    },
  });
  return { model, frames, receive: (bytes) => queue.arrive(bytes) };
}

/** Input that the device has no buffers for waits outside, as with a socket. */
function console(sent: number[]): Outside & { model: VirtioFunction } {
  let waiting = new Uint8Array(0);
  const offer = (): void => {
    waiting = waiting.subarray(model.receive(waiting));
  };
  const model = new VirtioConsole({
    transmit: (bytes) => {
      sent.push(...bytes);
      return bytes.length;
    },
    room: offer,
  });
  const receive = (bytes: Uint8Array): void => {
    waiting = Uint8Array.from([...waiting, ...bytes]);
    offer();
  };
  return { model, receive };
}

/** The bytes that the recorded device had: a 64 KiB file, read from its start. */
function recordedEntropy(): (bytes: Uint8Array) => void {
  let position = 0;
  return (bytes) => {
    for (let i = 0; i < bytes.length; i++, position++) {
      bytes[i] = (position * 7 + (position >> 8)) & 0xff;
    }
  };
}
