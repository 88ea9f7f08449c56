/*
 * Registers of a virtio device on the MMIO transport, version 2 (virtio 1.2 §4.2.2), and what all
 * virtio devices share: status, feature bits, device IDs. Pure constants.
 */

/** Register offsets. All are 32 bits wide and accept only 32-bit accesses, except Config. */
export const VIRTIO_MMIO = {
  MagicValue: 0x000, //          R   "virt"
  Version: 0x004, //             R   2
  DeviceID: 0x008, //            R   0: nothing in this slot
  VendorID: 0x00c, //            R
  DeviceFeatures: 0x010, //      R   the word that DeviceFeaturesSel selects
  DeviceFeaturesSel: 0x014, //   W
  DriverFeatures: 0x020, //      W   the word that DriverFeaturesSel selects
  DriverFeaturesSel: 0x024, //   W
  QueueSel: 0x030, //            W   the queue that the Queue registers speak of
  QueueNumMax: 0x034, //         R   0: no such queue
  QueueNum: 0x038, //            W   entries, a power of two
  QueueReady: 0x044, //          RW
  QueueNotify: 0x050, //         W   index of the queue that has new buffers
  InterruptStatus: 0x060, //     R
  InterruptACK: 0x064, //        W   write 1 to clear
  Status: 0x070, //              RW  0 resets; reads 0 only when the reset is complete
  QueueDescLow: 0x080, //        W
  QueueDescHigh: 0x084, //       W
  QueueDriverLow: 0x090, //      W   available ring
  QueueDriverHigh: 0x094, //     W
  QueueDeviceLow: 0x0a0, //      W   used ring
  QueueDeviceHigh: 0x0a4, //     W
  SHMSel: 0x0ac, //              W
  SHMLenLow: 0x0b0, //           R   all ones: no such region
  SHMLenHigh: 0x0b4, //          R
  SHMBaseLow: 0x0b8, //          R
  SHMBaseHigh: 0x0bc, //         R
  QueueReset: 0x0c0, //          RW  with VIRTIO_F_RING_RESET: 1 resets, reads 1 until complete
  ConfigGeneration: 0x0fc, //    R
  Config: 0x100, //              RW  device-specific, any access size
} as const;

/** MagicValue: "virt" in little-endian order. */
export const VIRTIO_MMIO_MAGIC = 0x74726976;
/** Version of the transport that this project speaks; 1 would be the legacy one. */
export const VIRTIO_MMIO_VERSION = 2;
/** Bytes of one slot's register window. */
export const VIRTIO_MMIO_SIZE = 0x200;
/** `compatible` string of the device tree node. */
export const VIRTIO_MMIO_COMPATIBLE = "virtio,mmio";

/** Bits of Status (virtio 1.2 §2.1). */
export const STATUS = {
  ACKNOWLEDGE: 1,
  DRIVER: 2,
  DRIVER_OK: 4,
  FEATURES_OK: 8,
  DEVICE_NEEDS_RESET: 64,
  FAILED: 128,
} as const;

/** Bits of InterruptStatus and InterruptACK. */
export const INTERRUPT = { USED_BUFFER: 1, CONFIGURATION_CHANGE: 2 } as const;

/** Device IDs (virtio 1.2 §5). */
export const DEVICE_ID = { NONE: 0, NET: 1, BLOCK: 2, CONSOLE: 3, ENTROPY: 4 } as const;

/** Feature bits that belong to no device type, as bit numbers (virtio 1.2 §6). */
export const VIRTIO_F = {
  INDIRECT_DESC: 28,
  EVENT_IDX: 29,
  VERSION_1: 32,
  RING_RESET: 40,
} as const;
