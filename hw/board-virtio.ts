/*
 * What stands in the virtio slots of a board: disks first, then networks, entropy, consoles, from
 * slot 0 on.
 */

import { diskFaultRule, faultyDisk } from "./backends/faulty.js";
import { faultyNetwork } from "./backends/faulty-network.js";
import { volatileDisk } from "./backends/volatile-disk.js";
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

/** The virtio devices of a board. */
export interface VirtioOptions {
  /** Disks for the virtio slots, from slot 0 on. */
  disks?: readonly { backend: DiskBackend; serial?: string }[];
  /** Networks. Without a `mac` an interface gets one by its number: 52:54:00:12:34:56 and on. */
  networks?: readonly { backend: NetworkBackend; mac?: Uint8Array }[];
  /** A source of entropy. */
  entropy?: EntropySource;
  /** Consoles: takers of output, as for `VirtioConsole`. */
  consoles?: readonly { transmit: (bytes: Uint8Array) => number; room?: () => void }[];
  /** What shall go wrong. */
  faults?: BoardFaults;
}

/** The devices, in the order of their slots, and the consoles among them once more. */
export interface VirtioDevices {
  functions: VirtioFunction[];
  consoles: VirtioConsole[];
}

/** Makes the devices. */
export function virtioDevices(options: VirtioOptions): VirtioDevices {
  const { entropy, faults } = options;
  const { consoles: terminals = [], networks = [] } = options;
  const disks = (options.disks ?? []).map(({ backend, serial }, i) => {
    return { backend: withFaults(backend, faults?.disks?.[i], (faults?.seed ?? 0) + i), serial };
  });
  const consoles = terminals.map((terminal) => new VirtioConsole(terminal));
  const functions: VirtioFunction[] = [
    ...disks.map(({ backend, serial }, i) => {
      return new VirtioBlk({ disk: backend, serial: serial ?? `disk${i}` });
    }),
    ...networks.map(({ backend, mac }, i) => {
      const seed = (faults?.seed ?? 0) + 2 * i;
      const network =
        faults?.network === undefined ? backend : faultyNetwork(backend, faults.network, seed);
      return new VirtioNet({ network, mac: mac ?? macOf(i) });
    }),
    ...(entropy === undefined ? [] : [new VirtioRng(entropy)]),
    ...consoles,
  ];
  if (faults?.devices === undefined) return { functions, consoles };
  const { devices, seed } = faults;
  const faulty = functions.map((device, i) => faultyFunction(device, devices, seed + i));
  return { functions: faulty, consoles };
}

/** The interrupt line of a slot, with the faults that it shall have. */
export function virtioWire(wire: Wire, faults: BoardFaults | undefined, slot: number): Wire {
  if (faults?.interrupts === undefined) return wire;
  return faultyWire(wire, faults.interrupts, faults.seed + slot);
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
