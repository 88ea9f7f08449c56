/*
 * Registers of the Generic Interrupt Controller, architecture version 2 (ARM IHI 0048B, chapter 4):
 * byte offsets and bits, named as in the manual. Offsets of the distributor (GICD) count from its
 * own base, those of the CPU interface (GICC) from its own. Pure constants.
 */

/** Distributor. Names without a count are arrays over INTIDs, packed as the comment says. */
export const GICD = {
  CTLR: 0x000, //       RW  bit 0 EnableGrp0, bit 1 EnableGrp1
  TYPER: 0x004, //      RO  ITLinesNumber, CPUNumber
  IIDR: 0x008, //       RO  implementer
  IGROUPR: 0x080, //    RW  1 bit per INTID
  ISENABLER: 0x100, //  RW  1 bit per INTID, write 1 to set
  ICENABLER: 0x180, //  RW  1 bit per INTID, write 1 to clear
  ISPENDR: 0x200, //    RW  1 bit per INTID, write 1 to set
  ICPENDR: 0x280, //    RW  1 bit per INTID, write 1 to clear
  ISACTIVER: 0x300, //  RW  1 bit per INTID, write 1 to set
  ICACTIVER: 0x380, //  RW  1 bit per INTID, write 1 to clear
  IPRIORITYR: 0x400, // RW  1 byte per INTID, lower is more urgent
  ITARGETSR: 0x800, //  RW  1 byte per INTID, a mask of CPUs
  ICFGR: 0xc00, //      RW  2 bits per INTID, the upper one: 1 edge, 0 level
  SGIR: 0xf00, //       WO  software-generated interrupt
  CPENDSGIR: 0xf10, //  RW  1 byte per SGI, a mask of source CPUs, write 1 to clear
  SPENDSGIR: 0xf20, //  RW  1 byte per SGI, a mask of source CPUs, write 1 to set
  PIDR4: 0xfd0, //      RO  twelve identification bytes, 4 apart
} as const;

/** CPU interface. */
export const GICC = {
  CTLR: 0x000, //  RW
  PMR: 0x004, //   RW  priority mask: only more urgent ones are signalled
  BPR: 0x008, //   RW  binary point of group 0
  IAR: 0x00c, //   RO  acknowledge: the read makes the interrupt active
  EOIR: 0x010, //  WO  end of interrupt: priority drop, and deactivation unless EOImode
  RPR: 0x014, //   RO  running priority
  HPPIR: 0x018, // RO  highest priority pending interrupt
  ABPR: 0x01c, //  RW  binary point of group 1
  APR: 0x0d0, //   RW  active priorities, 4 words
  NSAPR: 0x0e0, // RW  active priorities of group 1, 4 words
  IIDR: 0x0fc, //  RO  implementer
  DIR: 0x1000, //  WO  deactivation, when EOImode is set
} as const;

/** Bits of GICD_CTLR. */
export const GICD_CTLR = { EnableGrp0: 1 << 0, EnableGrp1: 1 << 1 } as const;

/** Bits of GICC_CTLR as a GIC without the security extensions has them. */
export const GICC_CTLR = {
  EnableGrp0: 1 << 0,
  EnableGrp1: 1 << 1,
  AckCtl: 1 << 2,
  FIQEn: 1 << 3,
  CBPR: 1 << 4,
  EOImode: 1 << 9,
} as const;

/** Fields of GICD_SGIR. */
export const GICD_SGIR = {
  INTID_MASK: 0xf,
  CPUTargetList_SHIFT: 16,
  TargetListFilter_SHIFT: 24, // 0 the list, 1 all others, 2 the writer itself
} as const;

/** Values of the identification registers from GICD_PIDR4 on. */
export const GICD_ID = [
  0x04, 0x00, 0x00, 0x00, 0x90, 0xb4, 0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1,
] as const;

/** `compatible` string of the device tree node. */
export const GIC_COMPATIBLE = "arm,cortex-a15-gic";

/** INTIDs 0–15 are software-generated, 16–31 private to a CPU, 32 and up shared. */
export const PPI_BASE = 16;
export const SPI_BASE = 32;

/** IAR answers these when there is nothing to acknowledge, or only group 1 without AckCtl. */
export const INTID_SPURIOUS = 1023;
export const INTID_GROUP1 = 1022;
