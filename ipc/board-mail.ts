/** What the kernel and the board thread tell each other, by message port. The board never dies. */

import type { ChannelMemory } from "./ring-block.js";

/** A range of addresses on the bus that a driver can be given. Its place is its number. */
export interface BusWindow {
  base: number;
  size: number;
  /** DeviceID of a virtio slot, which no device tree tells; undefined elsewhere. */
  virtioDevice?: number;
}

/** A device of the device tree with its window: the kernel matches drivers by `compatible`. */
export interface DeviceInfo {
  /** Number of its window on the bus. */
  window: number;
  /** Node name in the device tree, `virtio_mmio@a000000`. */
  name: string;
  compatible: string[];
  size: number;
  /** Interrupt ids. */
  lines: number[];
  /** DeviceID of a virtio slot; undefined elsewhere. */
  virtioDevice?: number;
}

/** Kernel to board. */
export type ToBoard =
  | { kind: "vector"; memory: SharedArrayBuffer }
  /** A driver incarnation gets these windows and lines, over this channel. */
  | {
      kind: "driver";
      domain: number;
      memory: ChannelMemory;
      bell: SharedArrayBuffer;
      windows: number[];
      lines: number[];
    }
  | { kind: "dma"; domain: number; address: number; memory: SharedArrayBuffer }
  /** Take everything from a driver; answer `fenced` when its devices are reset and silent. */
  | { kind: "fence"; domain: number }
  /** Flush and stop. */
  | { kind: "halt" };

/** Board to kernel. */
export type FromBoard =
  | { kind: "ready"; tree: Uint8Array; windows: BusWindow[] }
  | { kind: "fenced"; domain: number }
  | { kind: "halted" };
