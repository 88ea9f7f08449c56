/*
 * The Power State Coordination Interface (ARM DEN 0022): function identifiers and answers of the
 * calls that an operating system makes to its firmware, by HVC on QEMU's `virt`. Pure constants.
 */

/** Function identifiers. Those with bit 30 take 64-bit arguments. */
export const PSCI = {
  PSCI_VERSION: 0x8400_0000,
  CPU_SUSPEND: 0xc400_0001,
  CPU_OFF: 0x8400_0002,
  CPU_ON: 0xc400_0003,
  AFFINITY_INFO: 0xc400_0004,
  MIGRATE_INFO_TYPE: 0x8400_0006,
  SYSTEM_OFF: 0x8400_0008,
  SYSTEM_RESET: 0x8400_0009,
  PSCI_FEATURES: 0x8400_000a,
} as const;

/** Answers. */
export const PSCI_RETURN = {
  SUCCESS: 0,
  NOT_SUPPORTED: -1,
  INVALID_PARAMETERS: -2,
  DENIED: -3,
  ALREADY_ON: -4,
} as const;

/** The version that `PSCI_VERSION` tells: major in the upper half, minor in the lower. */
export const PSCI_VERSION_1_0 = 0x1_0000;
/** `MIGRATE_INFO_TYPE`: there is no trusted system that would have to move. */
export const PSCI_NO_MIGRATION = 2;

/** `compatible` strings of the device tree node. */
export const PSCI_COMPATIBLE = ["arm,psci-1.0", "arm,psci-0.2", "arm,psci"] as const;
