/*
 * What stands in the virtio slots of a board: disks, networks, consoles and a source of entropy.
 */

import { diskFaultRule, faultyDisk } from "./backends/faulty.js";
import { faultyNetwork } from "./backends/faulty-network.js";
import { volatileDisk } from "./backends/volatile-disk.js";
import type { BoardMap, DeviceEntry } from "./board-map.js";
import type { Wire } from "./device.js";
import { faultyFunction } from "./devices/faulty-function.js";
import { VirtioBlk } from "./devices/virtio-blk.js";
import { VirtioConsole } from "./devices/virtio-console.js";
import type { VirtioFunction } from "./devices/virtio-function.js";
import { VirtioNet } from "./devices/virtio-net.js";
import { type EntropySource, VirtioRng } from "./devices/virtio-rng.js";
import type { DiskBackend } from "./disk.js";
import type { BoardFaults, DiskFaults } from "./faults.js";
import { faultyWire } from "./faulty-wire.js";
import type { NetworkBackend } from "./network.js";
import { planSlots } from "./virtio-slots.js";

interface DiskLink {
  backend: DiskBackend;
  serial?: string;
}

interface NetworkLink {
  backend: NetworkBackend;
  mac?: Uint8Array;
}

/** The virtio devices of a board. */
export interface VirtioOptions {
  /** Disks, in the order of their slots. */
  disks?: readonly DiskLink[];
  /** Networks. Without a `mac` an interface gets one by its number: 52:54:00:12:34:56 and on. */
  networks?: readonly NetworkLink[];
  /** A source of entropy. Left out if everything else leaves it no slot. */
  entropy?: EntropySource;
  /** Consoles: takers of output, as for `VirtioConsole`. */
  consoles?: readonly { transmit: (bytes: Uint8Array) => number; room?: () => void }[];
  /** What shall go wrong. */
  faults?: BoardFaults;
}

/** The devices by the slots that they stand in, and the consoles among them once more. */
export interface VirtioDevices {
  functions: ReadonlyMap<DeviceEntry, VirtioFunction>;
  consoles: VirtioConsole[];
}

/** Makes the devices. @throws BoardError if there are too few slots for them */
export function virtioDevices(map: BoardMap, options: VirtioOptions): VirtioDevices {
  const { disks = [], networks = [], consoles: terminals = [], entropy, faults } = options;
  const slots = planSlots(map, {
    disks: disks.length,
    networks: networks.length,
    consoles: terminals.length,
  });
  const consoles = terminals.map((terminal) => new VirtioConsole(terminal));
  const functions = new Map<DeviceEntry, VirtioFunction>();
  slots.disks.forEach((slot, i) => {
    functions.set(slot, blockDevice(disks[i] as DiskLink, i, faults));
  });
  slots.networks.forEach((slot, i) => {
    functions.set(slot, networkDevice(networks[i] as NetworkLink, i, faults));
  });
  if (entropy !== undefined && slots.entropy !== undefined) {
    functions.set(slots.entropy, new VirtioRng(entropy));
  }
  slots.consoles.forEach((slot, i) => {
    functions.set(slot, consoles[i] as VirtioConsole);
  });
  if (faults?.devices === undefined) return { functions, consoles };
  const { devices, seed } = faults;
  const faulty = [...functions].map(([slot, device], i): [DeviceEntry, VirtioFunction] => {
    return [slot, faultyFunction(device, devices, seed + i)];
  });
  return { functions: new Map(faulty), consoles };
}

/** The interrupt line of a slot, with the faults that it shall have. */
export function virtioWire(wire: Wire, faults: BoardFaults | undefined, slot: number): Wire {
  if (faults?.interrupts === undefined) return wire;
  return faultyWire(wire, faults.interrupts, faults.seed + slot);
}

function blockDevice(
  { backend, serial }: DiskLink,
  index: number,
  faults: BoardFaults | undefined,
): VirtioFunction {
  const disk = withFaults(backend, faults?.disks?.[index], (faults?.seed ?? 0) + index);
  return new VirtioBlk({ disk, serial: serial ?? `disk${index}` });
}

function networkDevice(
  { backend, mac }: NetworkLink,
  index: number,
  faults: BoardFaults | undefined,
): VirtioFunction {
  const seed = (faults?.seed ?? 0) + 2 * index;
  const network =
    faults?.network === undefined ? backend : faultyNetwork(backend, faults.network, seed);
  return new VirtioNet({ network, mac: mac ?? macOf(index) });
}

function withFaults(disk: DiskBackend, faults: DiskFaults | undefined, seed: number): DiskBackend {
  if (faults === undefined) return disk;
  const { powerCutAfterWrites: cutAfterWrites } = faults;
  const medium = cutAfterWrites === undefined ? disk : volatileDisk(disk, { seed, cutAfterWrites });
  return faultyDisk(medium, { rule: diskFaultRule(faults, seed) });
}

/** The address that QEMU gives its first interface, and those after it. */
function macOf(index: number): Uint8Array {
  return Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, (0x56 + index) & 0xff);
}
