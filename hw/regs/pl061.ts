/*
 * Registers of the PrimeCell GPIO PL061 (ARM DDI 0190, chapter 3): byte offsets, named as in the
 * manual. All are 8 bits wide, bit n for pin n. Pure constants, shared by the model and the driver.
 */

/** Register offsets. */
export const PL061 = {
  GPIODATA: 0x000, //      RW  data: 256 words; address bits 9:2 choose the pins of the access
  GPIODIR: 0x400, //       RW  direction: 1 is output
  GPIOIS: 0x404, //        RW  interrupt sense: 1 is level, 0 edge
  GPIOIBE: 0x408, //       RW  interrupt on both edges
  GPIOIEV: 0x40c, //       RW  interrupt event: 1 is rising edge or high level
  GPIOIE: 0x410, //        RW  interrupt mask: 1 lets the interrupt through
  GPIORIS: 0x414, //       RO  raw interrupt status
  GPIOMIS: 0x418, //       RO  masked interrupt status
  GPIOIC: 0x41c, //        WO  interrupt clear: write 1 to clear
  GPIOAFSEL: 0x420, //     RW  mode control: 1 is hardware control; storage here
  GPIOPeriphID4: 0xfd0, // RO  reserved identification bytes, then as everywhere; 4 apart
} as const;

/** Where the registers after GPIODATA begin. */
export const PL061_DATA_END = 0x400;
/** GPIODATA for all pins at once. */
export const PL061_DATA_ALL = 0x3fc;

/** Values of the twelve identification registers from `GPIOPeriphID4` on. */
export const PL061_ID = [0, 0, 0, 0, 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1] as const;

/** `compatible` string of the device tree node. */
export const PL061_COMPATIBLE = "arm,pl061";

/** Pins of one PL061. */
export const PL061_PINS = 8;
