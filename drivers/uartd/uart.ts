/**
 * The PL011 driver proper: bytes in and out by interrupt. It knows no scheme. Registers as in ARM DDI
 * 0183. The receive interrupt is cleared *before* the FIFO is drained: QEMU raises it only when the
 * level leaves zero, so clearing it afterwards could lose the last one for ever.
 */

import { assert } from "../../ipc/assert.js";
import { CR, FR, INT, LCR_H, PL011, PL011_FIFO_DEPTH } from "../../hw/regs/pl011.js";
import type { Device, InterruptLine, Window } from "../../user/driver.js";

/** Bytes of input that wait for a reader; beyond that they wait in the UART. */
const INPUT_MAX = 65536;
/** What Ctrl-C sends. */
const INTERRUPT_CHARACTER = 3;
const BYTE_MASK = 0xff;

/** One UART. */
export class Uart {
  readonly #registers: Window;
  readonly #line: InterruptLine;
  #input: number[] = [];
  #readable: (() => void)[] = [];
  #writable: (() => void)[] = [];
  #interrupts: (() => void)[] = [];
  #masked = false;

  constructor(device: Device | undefined) {
    assert(device !== undefined, "the board has no PL011");
    this.#registers = device.registers;
    const [line] = device.interrupts;
    assert(line !== undefined, "the PL011 has no interrupt");
    this.#line = line;
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
    while ((this.#read(PL011.UARTFR) & FR.RXFE) === 0) {
      if (this.#input.length >= INPUT_MAX) {
        this.#masked = true;
        this.#write(PL011.UARTIMSC, 0);
        break;
      }
      const byte = this.#read(PL011.UARTDR) & BYTE_MASK;
      const waiting = byte === INTERRUPT_CHARACTER ? this.#interrupts.splice(0) : [];
      if (waiting.length === 0) this.#input.push(byte);
      for (const wake of waiting) wake();
    }
    if (this.#input.length > 0) for (const wake of this.#readable.splice(0)) wake();
  }

  #wakeWriters(): void {
    for (const wake of this.#writable.splice(0)) wake();
  }

  /** Bytes that wait. */
  get available(): number {
    return this.#input.length;
  }

  /** Takes up to `bytes.length` bytes of input. */
  take(bytes: Uint8Array): number {
    const taken = this.#input.splice(0, bytes.length);
    bytes.set(taken);
    if (this.#masked && this.#input.length < INPUT_MAX / 2) {
      this.#masked = false;
      this.#write(PL011.UARTIMSC, INT.RX | INT.RT);
      this.#drain();
    }
    return taken.length;
  }

  /** Calls `then` when input has come. Returns how to take that back. */
  whenReadable(then: () => void): () => void {
    this.#readable.push(then);
    return () => {
      this.#readable = this.#readable.filter((other) => other !== then);
    };
  }

  /** Calls `then` at the next Ctrl-C, which then is no input. Returns how to take that back. */
  whenInterrupted(then: () => void): () => void {
    this.#interrupts.push(then);
    return () => {
      this.#interrupts = this.#interrupts.filter((other) => other !== then);
    };
  }

  /** Sends bytes; resolves when the UART has them. */
  async send(bytes: Uint8Array): Promise<void> {
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
