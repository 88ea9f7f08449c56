/* Names the register at an address of a traced board, for messages about mismatches. */
import type { DeviceEntry, Range } from "../../hw/board-map.js";
import { VIRT } from "../../hw/boards/virt.js";
import { FW_CFG } from "../../hw/regs/fw-cfg.js";
import { GICC, GICD } from "../../hw/regs/gicv2.js";
import { PL011 } from "../../hw/regs/pl011.js";
import { PL031 } from "../../hw/regs/pl031.js";
import { PL061 } from "../../hw/regs/pl061.js";
import { SP804, SP804_TIMER2, SP804_TIMERS_END } from "../../hw/regs/sp804.js";
import { BLK_CONFIG } from "../../hw/regs/virtio-blk.js";
import { VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";
import type { Header } from "./trace.js";

/** How each kind of device names an offset in its window. */
const NAMES: Readonly<Record<DeviceEntry["kind"], (offset: number) => string>> = {
  "fw-cfg": (offset) => nearest(FW_CFG, offset),
  pl011: (offset) => nearest(PL011, offset),
  pl031: (offset) => nearest(PL031, offset),
  pl061: (offset) => nearest(PL061, offset),
  sp804(offset) {
    if (offset >= SP804_TIMERS_END) return nearest(SP804, offset);
    const timer = offset < SP804_TIMER2 ? 1 : 2;
    return nearest(SP804, offset % SP804_TIMER2).replace("Timer", `Timer${timer}`);
  },
  "virtio-mmio": (offset) =>
    offset < VIRTIO_MMIO.Config
      ? nearest(VIRTIO_MMIO, offset)
      : `config ${nearest(BLK_CONFIG, offset - VIRTIO_MMIO.Config)}`,
};

/** `UARTFR`, `GICD_ISPENDR+0x4` … or the address itself where no device is. */
export function registerName(header: Header, address: number): string {
  const { distributor, cpuInterface } = VIRT.gic;
  if (header.device === "sp804") return NAMES.sp804(address - Number(header.base));
  if (holds(distributor, address)) return `GICD_${nearest(GICD, address - distributor.base)}`;
  if (holds(cpuInterface, address)) return `GICC_${nearest(GICC, address - cpuInterface.base)}`;
  const entry = VIRT.devices.find(({ window }) => holds(window, address));
  if (entry === undefined) return `0x${address.toString(16)}`;
  return NAMES[entry.kind](address - entry.window.base);
}

function holds({ base, size }: Range, address: number): boolean {
  return address >= base && address < base + size;
}

/** The last register at or before `offset`, and the distance from it. */
function nearest(registers: Readonly<Record<string, number>>, offset: number): string {
  let name = "";
  let start = 0;
  for (const [candidate, at] of Object.entries(registers)) {
    if (at > offset || at < start) continue;
    name = candidate;
    start = at;
  }
  return offset === start ? name : `${name}+0x${(offset - start).toString(16)}`;
}
