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

/** A device with one register window and one shared interrupt. */
export interface DeviceEntry extends Placed {
  kind: "pl011" | "virtio-mmio";
  window: Range;
  spi: number;
  /** How the line is described to drivers. Models drive levels in both cases. */
  trigger: "edge" | "level";
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
  /** Clock of the UARTs. */
  clockHz: number;
  devices: readonly DeviceEntry[];
}

/** The name by which a device is known everywhere: that of its device tree node. */
export function deviceName(entry: DeviceEntry): string {
  return `${entry.name}@${entry.window.base.toString(16)}`;
}
