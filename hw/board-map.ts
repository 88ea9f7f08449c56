/*
 * The form of a board's address map: what there is, where it answers, which line it drives. A board
 * is one literal of this type (boards/virt.ts); the bus, the interrupt wiring and the device tree
 * are all made from it.
 */

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

/** A device with one register window and at most one shared interrupt. */
export interface DeviceEntry extends Placed {
  kind: (typeof DEVICE_KINDS)[number];
  window: Range;
  /** Its interrupt: INTID 32 + `spi`. Left out for a device that never interrupts. */
  spi?: number;
  /** How the line is described to drivers. Models drive levels in both cases. */
  trigger?: "edge" | "level";
  /** What a virtio slot is kept for; left out: for whatever comes. */
  holds?: "disk" | "nic";
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
