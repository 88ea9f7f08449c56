/*
 * The address map of QEMU's `virt` machine, as far as there are models of it, and an SP804 at an
 * address that is free there: the generic timer has no registers on the bus.
 */
import type { BoardMap, DeviceEntry } from "../board-map.js";
import { FW_CFG_COMPATIBLE, FW_CFG_SIZE } from "../regs/fw-cfg.js";
import { GIC_COMPATIBLE } from "../regs/gicv2.js";
import { PL011_COMPATIBLE } from "../regs/pl011.js";
import { PL031_COMPATIBLE } from "../regs/pl031.js";
import { PL061_COMPATIBLE } from "../regs/pl061.js";
import { SP804_COMPATIBLE } from "../regs/sp804.js";
import { VIRTIO_MMIO_COMPATIBLE, VIRTIO_MMIO_SIZE } from "../regs/virtio-mmio.js";

const VIRTIO_SLOTS = 32;

/** One virtio transport slot: SPI 16 + n. */
function virtioSlot(index: number): DeviceEntry {
  return {
    kind: "virtio-mmio",
    name: "virtio_mmio",
    compatible: [VIRTIO_MMIO_COMPATIBLE],
    window: { base: 0x0a00_0000 + VIRTIO_MMIO_SIZE * index, size: VIRTIO_MMIO_SIZE },
    spi: 16 + index,
    trigger: "edge",
  };
}

/** The `virt` board. */
export const VIRT: BoardMap = {
  name: "virt",
  compatible: "linux,dummy-virt",
  cpuCompatible: "arm,cortex-a53",
  ram: { base: 0x4000_0000, size: 0x0800_0000 },
  gic: {
    kind: "gicv2",
    name: "intc",
    compatible: [GIC_COMPATIBLE],
    distributor: { base: 0x0800_0000, size: 0x1_0000 },
    cpuInterface: { base: 0x0801_0000, size: 0x1_0000 },
    spiCount: 256,
  },
  timer: { compatible: ["arm,armv8-timer", "arm,armv7-timer"], ppis: [13, 14, 11, 10] },
  clockHz: 24_000_000,
  timerClockHz: 1_000_000,
  powerKeyPin: 3,
  devices: [
    {
      kind: "pl011",
      name: "pl011",
      compatible: [PL011_COMPATIBLE, "arm,primecell"],
      window: { base: 0x0900_0000, size: 0x1000 },
      spi: 1,
      trigger: "level",
    },
    {
      kind: "pl031",
      name: "pl031",
      compatible: [PL031_COMPATIBLE, "arm,primecell"],
      window: { base: 0x0901_0000, size: 0x1000 },
      spi: 2,
      trigger: "level",
    },
    {
      kind: "fw-cfg",
      name: "fw-cfg",
      compatible: [FW_CFG_COMPATIBLE],
      window: { base: 0x0902_0000, size: FW_CFG_SIZE },
    },
    {
      kind: "pl061",
      name: "pl061",
      compatible: [PL061_COMPATIBLE, "arm,primecell"],
      window: { base: 0x0903_0000, size: 0x1000 },
      spi: 7,
      trigger: "level",
    },
    {
      kind: "sp804",
      name: "timer",
      compatible: [SP804_COMPATIBLE, "arm,primecell"],
      window: { base: 0x090d_0000, size: 0x1000 },
      spi: 10,
      trigger: "level",
    },
    ...Array.from({ length: VIRTIO_SLOTS }, (_, index) => virtioSlot(index)),
  ],
};
