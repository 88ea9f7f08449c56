/*
 * What stands in the virtio slots of a board: disks first, then networks, entropy, consoles, from
 * slot 0 on.
 */
import { VirtioBlk } from "./devices/virtio-blk.js";
import { VirtioConsole } from "./devices/virtio-console.js";
import type { VirtioFunction } from "./devices/virtio-function.js";
import { VirtioNet } from "./devices/virtio-net.js";
import { type EntropySource, VirtioRng } from "./devices/virtio-rng.js";
import type { DiskBackend } from "./disk.js";
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
}

/** The devices, in the order of their slots, and the consoles among them once more. */
export interface VirtioDevices {
  functions: VirtioFunction[];
  consoles: VirtioConsole[];
}

/** Makes the devices. */
export function virtioDevices(options: VirtioOptions): VirtioDevices {
  const { disks = [], networks = [], entropy, consoles: terminals = [] } = options;
  const consoles = terminals.map((terminal) => new VirtioConsole(terminal));
  const functions: VirtioFunction[] = [
    ...disks.map(({ backend, serial }, i) => {
      return new VirtioBlk({ disk: backend, serial: serial ?? `disk${i}` });
    }),
    ...networks.map(({ backend, mac }, i) => {
      return new VirtioNet({ network: backend, mac: mac ?? macOf(i) });
    }),
    ...(entropy === undefined ? [] : [new VirtioRng(entropy)]),
    ...consoles,
  ];
  return { functions, consoles };
}

/** The address that QEMU gives its first interface, and those after it. */
function macOf(index: number): Uint8Array {
  return Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, (0x56 + index) & 0xff);
}
