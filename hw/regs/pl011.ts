/*
 * Registers of the PrimeCell UART PL011 (ARM DDI 0183, chapter 3): byte offsets and bits, named as
 * in the manual. Pure constants, shared by the model and the driver.
 */

/** Register offsets. */
export const PL011 = {
  UARTDR: 0x000, //        RW  data: read pops the receive FIFO, write pushes the transmit FIFO
  UARTRSR: 0x004, //       RW  receive status of the last character read; a write clears it
  UARTFR: 0x018, //        RO  flags
  UARTILPR: 0x020, //      RW  IrDA low-power counter
  UARTIBRD: 0x024, //      RW  integer baud rate divisor
  UARTFBRD: 0x028, //      RW  fractional baud rate divisor
  UARTLCR_H: 0x02c, //     RW  line control
  UARTCR: 0x030, //        RW  control
  UARTIFLS: 0x034, //      RW  interrupt FIFO level select
  UARTIMSC: 0x038, //      RW  interrupt mask: 1 lets the interrupt through
  UARTRIS: 0x03c, //       RO  raw interrupt status
  UARTMIS: 0x040, //       RO  masked interrupt status
  UARTICR: 0x044, //       WO  interrupt clear: write 1 to clear
  UARTDMACR: 0x048, //     RW  DMA control
  UARTPeriphID0: 0xfe0, // RO  four peripheral and four PrimeCell identification bytes, 4 apart
} as const;

/** Values of the eight identification registers from `UARTPeriphID0` on. */
export const PL011_ID = [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1] as const;

/** `compatible` string of the device tree node. */
export const PL011_COMPATIBLE = "arm,pl011";

/** Depth of both FIFOs while LCR_H.FEN is set; 1 otherwise. */
export const PL011_FIFO_DEPTH = 16;

/** Bits of UARTDR above the character, and of UARTRSR shifted right by 8. */
export const DR = { FE: 1 << 8, PE: 1 << 9, BE: 1 << 10, OE: 1 << 11 } as const;

/** Bits of UARTFR. */
export const FR = {
  BUSY: 1 << 3,
  RXFE: 1 << 4, // receive FIFO empty
  TXFF: 1 << 5, // transmit FIFO full
  RXFF: 1 << 6, // receive FIFO full
  TXFE: 1 << 7, // transmit FIFO empty
} as const;

/** Bits of UARTLCR_H. */
export const LCR_H = {
  BRK: 1 << 0,
  PEN: 1 << 1,
  EPS: 1 << 2,
  STP2: 1 << 3,
  FEN: 1 << 4, // FIFOs enabled
  WLEN_8: 3 << 5,
  SPS: 1 << 7,
} as const;

/** Bits of UARTCR. */
export const CR = { UARTEN: 1 << 0, LBE: 1 << 7, TXE: 1 << 8, RXE: 1 << 9 } as const;

/** Bits of UARTIMSC, UARTRIS, UARTMIS and UARTICR. */
export const INT = {
  RX: 1 << 4, // receive FIFO reached its trigger level
  TX: 1 << 5, // transmit FIFO fell to its trigger level
  RT: 1 << 6, // characters wait in the receive FIFO and none came for 32 bit periods
  FE: 1 << 7,
  PE: 1 << 8,
  BE: 1 << 9,
  OE: 1 << 10,
  ALL: 0x7ff,
} as const;
