/*
 * The form of a board's address map: what there is, where it answers, which line it drives. A board
 * is one literal of this type (boards/virt.ts); the bus, the interrupt wiring and the device tree
 * are all made from it.
 */

import { FW_CFG_SIZE } from "./regs/fw-cfg.js";
import { VIRTIO_MMIO_SIZE } from "./regs/virtio-mmio.js";

/** Bytes of a PrimeCell's window: its identification registers end it. */
const PRIMECELL_SIZE = 0x1000;
/** Windows begin at multiples of this, so that 64-bit registers are aligned. */
const WINDOW_ALIGN = 8;

/** A range of physical addresses. */
export interface Range {
  base: number;
  size: number;
}

/** What every device of a map has. */
interface Placed {
  /** Device tree name without the unit address. */
  name: string;
  compatible: readonly string[];
}

/** The interrupt controller: distributor and CPU interface. */
export interface GicEntry extends Placed {
  kind: "gicv2";
  distributor: Range;
  cpuInterface: Range;
  spiCount: number;
}

/** The kinds of devices that there are models of, behind one window each. */
export const DEVICE_KINDS = ["pl011", "pl031", "pl061", "sp804", "fw-cfg", "virtio-mmio"] as const;

/** What a virtio slot can be kept for. */
export const SLOT_USES = ["disk", "nic", "other", "nothing"] as const;

/** A device with one register window and at most one shared interrupt. */
export interface DeviceEntry extends Placed {
  kind: (typeof DEVICE_KINDS)[number];
  window: Range;
  /** Its interrupt: INTID 32 + `spi`. Left out for a device that never interrupts. */
  spi?: number;
  /** How the line is described to drivers. Models drive levels in both cases. */
  trigger?: "edge" | "level";
  /** What a virtio slot is kept for; "other": all but disks; left out: whatever comes. */
  holds?: (typeof SLOT_USES)[number];
}

/** A whole board. */
export interface BoardMap {
  name: string;
  compatible: string;
  cpuCompatible: string;
  ram: Range;
  gic: GicEntry;
  /** Private interrupts of the generic timer: secure, non-secure, virtual, hypervisor. */
  timer: { compatible: readonly string[]; ppis: readonly number[] };
  /** Clock of the UARTs, and of all other devices on the peripheral bus. */
  clockHz: number;
  /** Clock that an SP804 counts, if there is one. */
  timerClockHz: number;
  /** The pin of the first PL061 that the power key drives. */
  powerKeyPin: number;
  devices: readonly DeviceEntry[];
}

/** The name by which a device is known everywhere: that of its device tree node. */
export function deviceName(entry: DeviceEntry): string {
  return `${entry.name}@${entry.window.base.toString(16)}`;
}

/** A map that no board can be made from; the message names the field. */
export class BoardError extends RangeError {}

/** Bytes that a register window of each kind has at least. */
const WINDOW_MIN: Readonly<Record<DeviceEntry["kind"], number>> = {
  pl011: PRIMECELL_SIZE,
  pl031: PRIMECELL_SIZE,
  pl061: PRIMECELL_SIZE,
  sp804: PRIMECELL_SIZE,
  "fw-cfg": FW_CFG_SIZE,
  "virtio-mmio": VIRTIO_MMIO_SIZE,
};

/** Checks what a map's types cannot say. @throws BoardError */
export function checkBoardMap(map: BoardMap): void {
  const ranges: { field: string; range: Range }[] = [
    { field: "ram", range: map.ram },
    { field: "gic.distributor", range: map.gic.distributor },
    { field: "gic.cpuInterface", range: map.gic.cpuInterface },
  ];
  const spis = new Map<number, string>();
  map.devices.forEach((entry, index) => {
    const field = `devices.${index}`;
    ranges.push({ field: `${field}.window`, range: entry.window });
    checkWindow(entry, field);
    const { spi } = entry;
    if (spi === undefined) {
      if (entry.kind !== "fw-cfg") throw new BoardError(`${field}.spi: ${entry.kind} needs one`);
      return;
    }
    if (spi >= map.gic.spiCount) {
      throw new BoardError(`${field}.spi: ${spi}, but gic.spiCount is ${map.gic.spiCount}`);
    }
    const other = spis.get(spi);
    if (other !== undefined) throw new BoardError(`${field}.spi: ${spi} is that of ${other}`);
    spis.set(spi, field);
  });
  ranges.sort((a, b) => a.range.base - b.range.base);
  ranges.forEach(({ field, range }, index) => {
    const next = ranges[index + 1];
    if (next !== undefined && range.base + range.size > next.range.base) {
      throw new BoardError(`${next.field}: overlaps ${field}`);
    }
  });
}

function checkWindow({ kind, window, holds }: DeviceEntry, field: string): void {
  const least = WINDOW_MIN[kind];
  if (window.base % WINDOW_ALIGN !== 0) {
    throw new BoardError(`${field}.window.base: is not a multiple of ${WINDOW_ALIGN}`);
  }
  if (window.size < least) {
    throw new BoardError(`${field}.window.size: ${kind} needs at least ${least} bytes`);
  }
  if (holds !== undefined && kind !== "virtio-mmio") {
    throw new BoardError(`${field}.holds: ${kind} is no slot`);
  }
}
