/**
 * The PL011 driver proper: bytes in and out by interrupt, for a terminal. It knows no scheme.
 * Registers as in ARM DDI 0183. The receive interrupt is cleared *before* the FIFO is drained: QEMU
 * raises it only when the level leaves zero, so clearing it afterwards could lose the last one for
 * ever.
 */

import { CR, FR, INT, LCR_H, PL011, PL011_FIFO_DEPTH } from "../../hw/regs/pl011.js";
import { assert } from "../../ipc/assert.js";
import type { Device, InterruptLine, Window } from "../../user/driver.js";
import { Terminal } from "../character/terminal.js";

const BYTE_MASK = 0xff;

/** One UART. */
export class Uart {
  readonly terminal: Terminal;
  readonly #registers: Window;
  readonly #line: InterruptLine;
  #writable: (() => void)[] = [];

  constructor(device: Device | undefined) {
    assert(device !== undefined, "the board has no PL011");
    this.#registers = device.registers;
    const [line] = device.interrupts;
    assert(line !== undefined, "the PL011 has no interrupt");
    this.#line = line;
    this.terminal = new Terminal({
      transmit: (bytes) => this.#transmit(bytes),
      room: () => {
        this.#write(PL011.UARTIMSC, INT.RX | INT.RT);
        this.#drain();
      },
    });
    this.#write(PL011.UARTCR, 0);
    this.#write(PL011.UARTICR, INT.ALL);
    this.#write(PL011.UARTLCR_H, LCR_H.FEN | LCR_H.WLEN_8);
    this.#write(PL011.UARTCR, CR.UARTEN | CR.TXE | CR.RXE);
    this.#drain();
    this.#write(PL011.UARTIMSC, INT.RX | INT.RT);
  }

  #read(register: number): number {
    return this.#registers.read(register, 4);
  }

  #write(register: number, value: number): void {
    this.#registers.write(register, 4, value);
  }

  /** Serves interrupts for ever. */
  async run(): Promise<never> {
    for (;;) {
      await this.#line.next();
      this.#write(PL011.UARTICR, INT.ALL);
      this.#drain();
      this.#wakeWriters();
      this.#line.acknowledge();
    }
  }

  /** Takes what the UART has, as far as there is room. */
  #drain(): void {
    const bytes: number[] = [];
    while ((this.#read(PL011.UARTFR) & FR.RXFE) === 0) {
      if (!this.terminal.accepts(bytes.length + 1)) {
        this.#write(PL011.UARTIMSC, 0);
        break;
      }
      bytes.push(this.#read(PL011.UARTDR) & BYTE_MASK);
    }
    this.terminal.feed(bytes);
  }

  #wakeWriters(): void {
    for (const wake of this.#writable.splice(0)) wake();
  }

  async #transmit(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      const flags = this.#read(PL011.UARTFR);
      if ((flags & FR.TXFF) !== 0) {
        await this.#room();
        continue;
      }
      // An empty FIFO takes a whole burst without another look.
      const burst = (flags & FR.TXFE) === 0 ? 1 : PL011_FIFO_DEPTH;
      for (const end = Math.min(bytes.length, at + burst); at < end; at++) {
        this.#write(PL011.UARTDR, bytes[at] as number);
      }
    }
  }

  async #room(): Promise<void> {
    const room = new Promise<void>((resolve) => {
      this.#writable.push(resolve);
    });
    this.#write(PL011.UARTIMSC, INT.RX | INT.RT | INT.TX);
    // It may have drained before the interrupt was let through.
    if ((this.#read(PL011.UARTFR) & FR.TXFF) === 0) this.#wakeWriters();
    await room;
    this.#write(PL011.UARTIMSC, INT.RX | INT.RT);
  }
}
