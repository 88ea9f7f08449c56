/*
 * QEMU's firmware configuration device, memory-mapped (QEMU's docs/specs/fw_cfg.rst): registers,
 * keys of the items that are always there, and the form of the directory and of a DMA request.
 * Numbers in all of them are big-endian, also in the selector and the DMA address register.
 */

/** Register offsets. */
export const FW_CFG = {
  Data: 0x00, //        RO  8 bytes wide: the next bytes of the chosen item, the first one lowest
  Selector: 0x08, //    WO  16 bits: chooses an item and goes to its beginning
  DmaHigh: 0x10, //     RW  address of a DMA request, upper half; reads "QEMU"
  DmaLow: 0x14, //      RW  lower half: a write starts the request; reads " CFG" backwards
} as const;

/** Bytes of the window. */
export const FW_CFG_SIZE = 0x18;
/** What the DMA address register reads, "QEMU CFG", as two little-endian words. */
export const FW_CFG_DMA_SIGNATURE = { high: 0x554d_4551, low: 0x4746_4320 } as const;

/** Keys of items. */
export const FW_CFG_KEY = {
  SIGNATURE: 0x0000, // "QEMU"
  ID: 0x0001, //        32 bits little-endian: what the device can do
  NB_CPUS: 0x0005, //   16 bits little-endian
  FILE_DIR: 0x0019, //  the directory
  FILE_FIRST: 0x0020, // the files, in the order of the directory
} as const;

/** Bits of the ID item. */
export const FW_CFG_ID = { TRADITIONAL: 1 << 0, DMA: 1 << 1 } as const;

/** The directory: a 32-bit count, then entries of this form. */
export const FW_CFG_DIR = { count: 0, entries: 4 } as const;
export const FW_CFG_FILE = { size: 0, select: 4, reserved: 6, name: 8, SIZE: 64 } as const;
/** Bytes of a file's name, with the zero that ends it. */
export const FW_CFG_NAME_MAX = 56;

/** A DMA request in memory. */
export const FW_CFG_DMA = { control: 0, length: 4, address: 8, SIZE: 16 } as const;
/** Bits of its control word; the upper half is the key for SELECT. */
export const FW_CFG_DMA_CTL = {
  ERROR: 1 << 0,
  READ: 1 << 1,
  SKIP: 1 << 2,
  SELECT: 1 << 3,
  WRITE: 1 << 4,
} as const;

/** `compatible` string of the device tree node. */
export const FW_CFG_COMPATIBLE = "qemu,fw-cfg-mmio";
