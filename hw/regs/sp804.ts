/*
 * Registers of the Dual-Timer Module SP804 (ARM DDI 0271, chapter 3): byte offsets, named as in
 * the manual. There are two timers; the second one's registers begin at `SP804_TIMER2`.
 */

/** Register offsets of one timer. */
export const SP804 = {
  TimerLoad: 0x00, //         RW  counts down from here; a write starts over at once
  TimerValue: 0x04, //        RO  the count
  TimerControl: 0x08, //      RW  control
  TimerIntClr: 0x0c, //       WO  interrupt clear: any value
  TimerRIS: 0x10, //          RO  raw interrupt status
  TimerMIS: 0x14, //          RO  masked interrupt status
  TimerBGLoad: 0x18, //       RW  as TimerLoad, but used only when the count has come to its end
  TimerPeriphID0: 0xfe0, //   RO  eight identification bytes, 4 apart; once for both timers
} as const;

/** Where the second timer's registers begin. */
export const SP804_TIMER2 = 0x20;
/** Where the registers of the two timers end. */
export const SP804_TIMERS_END = 0x40;

/** Bits of TimerControl. */
export const TimerControl = {
  OneShot: 1 << 0,
  TimerSize: 1 << 1, //     1 is 32 bits, 0 is 16
  TimerPre: 3 << 2, //      prescaler: the clock divided by 1, 16 or 256
  IntEnable: 1 << 5,
  TimerMode: 1 << 6, //     1 is periodic, 0 free-running
  TimerEn: 1 << 7,
} as const;

/** Values of the eight identification registers from `TimerPeriphID0` on. */
export const SP804_ID = [0x04, 0x18, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1] as const;

/** `compatible` string of the device tree node. */
export const SP804_COMPATIBLE = "arm,sp804";
