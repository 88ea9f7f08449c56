/*
 * The virtio console device (virtio 1.2 §5.3): feature bits, queues, configuration space. Pure
 * constants, shared by the model and the driver.
 */

/** Feature bits, as bit numbers (§5.3.3). */
export const VIRTIO_CONSOLE_F = { SIZE: 0, MULTIPORT: 1, EMERG_WRITE: 2 } as const;

/** Queues (§5.3.2). Those for control are there, and used only with MULTIPORT. */
export const CONSOLE_QUEUE = {
  RECEIVE: 0,
  TRANSMIT: 1,
  CONTROL_RECEIVE: 2,
  CONTROL_TRANSMIT: 3,
  COUNT: 4,
} as const;

/** Offsets in the configuration space (§5.3.4). */
export const CONSOLE_CONFIG = {
  cols: 0, //         u16  with SIZE
  rows: 2, //         u16  with SIZE
  max_nr_ports: 4, // u32  with MULTIPORT
  emerg_wr: 8, //     u32  W: one character at once, with EMERG_WRITE
} as const;

/** Bytes of the configuration space. */
export const CONSOLE_CONFIG_SIZE = 12;
