/**
 * The PL011 driver proper: bytes in and out by interrupt, with a line discipline in between. It
 * knows no scheme. Registers as in ARM DDI 0183. The receive interrupt is cleared *before* the FIFO
 * is drained: QEMU raises it only when the level leaves zero, so clearing it afterwards could lose
 * the last one for ever.
 */

import { CR, FR, INT, LCR_H, PL011, PL011_FIFO_DEPTH } from "../../hw/regs/pl011.js";
import { assert } from "../../ipc/assert.js";
import type { Device, InterruptLine, Window } from "../../user/driver.js";
import { LineDiscipline, type LineMode } from "./line-discipline.js";

/** Bytes of input that wait for a reader; beyond that they wait in the UART. */
const INPUT_MAX = 65536;
/** Bytes of echo that wait to be sent; more is not shown. */
const ECHO_MAX = 4096;
const BYTE_MASK = 0xff;

/** One UART. */
export class Uart {
  readonly #registers: Window;
  readonly #line: InterruptLine;
  readonly #discipline = new LineDiscipline();
  #readable: (() => void)[] = [];
  #writable: (() => void)[] = [];
  #interrupts: (() => void)[] = [];
  /** A Ctrl-C for which nobody waited yet. */
  #interrupted = false;
  #masked = false;
  /** Everything that is to be sent, one after the other. */
  #sending: Promise<void> = Promise.resolve();
  #echoing = 0;

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
    let echo = "";
    while ((this.#read(PL011.UARTFR) & FR.RXFE) === 0) {
      if (this.#discipline.held >= INPUT_MAX) {
        this.#masked = true;
        this.#write(PL011.UARTIMSC, 0);
        break;
      }
      const fed = this.#discipline.feed(this.#read(PL011.UARTDR) & BYTE_MASK);
      echo += fed.echo;
      if (fed.interrupt) this.#interrupt();
    }
    if (echo !== "") this.#echo(echo);
    if (this.#discipline.ready) for (const wake of this.#readable.splice(0)) wake();
  }

  /** The latest to wait is interrupted: an inner shell before the one that waits for it. */
  #interrupt(): void {
    const wake = this.#interrupts.pop();
    if (wake === undefined) this.#interrupted = true;
    else wake();
  }

  #echo(text: string): void {
    if (this.#echoing >= ECHO_MAX) return;
    this.#echoing += text.length;
    void this.send(Buffer.from(text, "latin1")).then(() => {
      this.#echoing -= text.length;
    });
  }

  #wakeWriters(): void {
    for (const wake of this.#writable.splice(0)) wake();
  }

  get mode(): LineMode {
    return this.#discipline.mode;
  }

  /** Treats input another way from now on, also what was not read yet. */
  setMode(mode: LineMode): void {
    if (this.#discipline.setMode(mode)) this.#interrupt();
    if (mode === "raw" && this.#interrupted) {
      this.#interrupted = false;
      this.#discipline.unreadInterrupt();
    }
    if (this.#discipline.ready) for (const wake of this.#readable.splice(0)) wake();
  }

  /** True when a read need not wait. */
  get ready(): boolean {
    return this.#discipline.ready;
  }

  /** Takes up to `bytes.length` bytes of input; 0 is an end of file. */
  take(bytes: Uint8Array): number {
    const count = this.#discipline.take(bytes);
    if (this.#masked && this.#discipline.held < INPUT_MAX / 2) {
      this.#masked = false;
      this.#write(PL011.UARTIMSC, INT.RX | INT.RT);
      this.#drain();
    }
    return count;
  }

  /** Calls `then` when input has come. Returns how to take that back. */
  whenReadable(then: () => void): () => void {
    this.#readable.push(then);
    return () => {
      this.#readable = this.#readable.filter((other) => other !== then);
    };
  }

  /** Calls `then` at the next Ctrl-C typed in cooked mode. Returns how to take that back. */
  whenInterrupted(then: () => void): () => void {
    this.#interrupts.push(then);
    if (this.#interrupted) {
      this.#interrupted = false;
      this.#interrupt();
    }
    return () => {
      this.#interrupts = this.#interrupts.filter((other) => other !== then);
    };
  }

  /** Sends bytes, after those of earlier calls; resolves when the UART has them. */
  send(bytes: Uint8Array): Promise<void> {
    this.#sending = this.#sending.then(() => this.#transmit(bytes));
    return this.#sending;
  }

  /** Resolves when everything has been sent. */
  sent(): Promise<void> {
    return this.#sending;
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
