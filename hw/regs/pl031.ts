/*
 * Registers of the PrimeCell Real Time Clock PL031 (ARM DDI 0224, chapter 3): byte offsets, named
 * as in the manual. All are 32 bits wide. Pure constants, shared by the model and the driver.
 */

/** Register offsets. */
export const PL031 = {
  RTCDR: 0x000, //        RO  data: seconds
  RTCMR: 0x004, //        RW  match: the alarm comes when RTCDR equals it
  RTCLR: 0x008, //        RW  load: sets the time
  RTCCR: 0x00c, //        RW  control: bit 0 starts the counter
  RTCIMSC: 0x010, //      RW  interrupt mask: 1 lets the interrupt through
  RTCRIS: 0x014, //       RO  raw interrupt status
  RTCMIS: 0x018, //       RO  masked interrupt status
  RTCICR: 0x01c, //       WO  interrupt clear: write 1 to clear
  RTCPeriphID0: 0xfe0, // RO  four peripheral and four PrimeCell identification bytes, 4 apart
} as const;

/** Values of the eight identification registers from `RTCPeriphID0` on. */
export const PL031_ID = [0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1] as const;

/** `compatible` string of the device tree node. */
export const PL031_COMPATIBLE = "arm,pl031";

/** The one bit of RTCIMSC, RTCRIS, RTCMIS and RTCICR. */
export const RTC_INT = 1;

/** Bits of RTCCR. */
export const RTCCR_START = 1;
