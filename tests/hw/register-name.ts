/* Names the register at an address of a traced device, for messages about mismatches. */
import { GICC, GICD } from "../../hw/regs/gicv2.js";
import { PL011 } from "../../hw/regs/pl011.js";
import { BLK_CONFIG } from "../../hw/regs/virtio-blk.js";
import { VIRTIO_MMIO } from "../../hw/regs/virtio-mmio.js";

/** `UARTFR`, `GICD_ISPENDR+0x4` … or the address itself where no device is. */
export function registerName(device: string, address: number): string {
  if (address >= 0x0800_0000 && address < 0x0801_0000 && device === "gicv2") {
    return `GICD_${nearest(GICD, address - 0x0800_0000)}`;
  }
  if (address >= 0x0801_0000 && address < 0x0801_2000) {
    return `GICC_${nearest(GICC, address - 0x0801_0000)}`;
  }
  if (address >= 0x0900_0000 && address < 0x0900_1000) return nearest(PL011, address & 0xfff);
  if (address >= 0x0a00_0000 && address < 0x0a00_4000) {
    const offset = address & 0x1ff;
    if (offset < VIRTIO_MMIO.Config) return nearest(VIRTIO_MMIO, offset);
    return `config ${nearest(BLK_CONFIG, offset - VIRTIO_MMIO.Config)}`;
  }
  return `0x${address.toString(16)}`;
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
