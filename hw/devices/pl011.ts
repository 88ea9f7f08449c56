/*
 * The PrimeCell UART PL011 (ARM DDI 0183). Characters move in no time: the model has no bit clock,
 * so baud rates and line format are storage. A byte that the host cannot take yet waits in the
 * transmit FIFO; bytes from the host that do not fit the receive FIFO wait in a bounded backlog.
 *
 * `quirks` chooses between the manual and what QEMU 7.2 does. QEMU: UARTEN, TXE and RXE are
 * ignored; the receive interrupt is raised only when the FIFO leaves empty, whatever UARTIFLS says,
 * and is not raised again after UARTICR; there is no receive timeout; a change of FEN empties the
 * FIFO but leaves UARTFR alone; a system reset does not touch the device.
 */
import { type AccessSize, type Device, UNCONNECTED, type Wire } from "../device.js";
import { CR, FR, INT, LCR_H, PL011, PL011_FIFO_DEPTH, PL011_ID } from "../regs/pl011.js";

/** Takes one byte to the host; `false` means not now: the UART tries again on `drain()`. */
export type TransmitSink = (byte: number) => boolean;

/** Options of a `Pl011`. */
export interface Pl011Options {
  quirks: "qemu-7.2" | "trm";
  transmit: TransmitSink;
  /** UARTINTR, the combined interrupt. */
  interrupt?: Wire;
  /** Called when the backlog is empty after `receive` had to refuse bytes. */
  room?: () => void;
  /** Bytes from the host that may wait outside the FIFO. */
  backlogSize?: number;
}

/** Fill level of a 16-deep FIFO at which UARTIFLS's 3-bit codes trigger: 1/8 1/4 1/2 3/4 7/8. */
const TRIGGER_LEVEL = [2, 4, 8, 12, 14] as const;

/** A PL011 with its two FIFOs. */
export class Pl011 implements Device {
  readonly #trm: boolean;
  readonly #transmit: TransmitSink;
  readonly #interrupt: Wire;
  readonly #room: () => void;
  readonly #backlog: ByteRing;
  #refused = false;

  // The receive FIFO keeps stale characters in its slots: reading it empty shows them.
  readonly #rxSlots = new Uint8Array(PL011_FIFO_DEPTH);
  #rxIndex = 0;
  #rxCount = 0;
  readonly #txFifo = new ByteRing(PL011_FIFO_DEPTH);

  #uartrsr = 0;
  #rxFlags: number = FR.RXFE;
  #uartilpr = 0;
  #uartibrd = 0;
  #uartfbrd = 0;
  #uartlcrH = 0;
  #uartcr: number = CR.TXE | CR.RXE;
  #uartifls = 0x12;
  #uartimsc = 0;
  #uartris = 0;
  #uartdmacr = 0;

  constructor(options: Pl011Options) {
    this.#trm = options.quirks === "trm";
    this.#transmit = options.transmit;
    this.#interrupt = options.interrupt ?? UNCONNECTED;
    this.#room = options.room ?? (() => {});
    this.#backlog = new ByteRing(options.backlogSize ?? 4096);
  }

  read(offset: number, _size: AccessSize): number {
    switch (offset) {
      case PL011.UARTDR:
        return this.#readData();
      case PL011.UARTRSR:
        return this.#uartrsr;
      case PL011.UARTFR:
        return this.#flags();
      case PL011.UARTILPR:
        return this.#uartilpr;
      case PL011.UARTIBRD:
        return this.#uartibrd;
      case PL011.UARTFBRD:
        return this.#uartfbrd;
      case PL011.UARTLCR_H:
        return this.#uartlcrH;
      case PL011.UARTCR:
        return this.#uartcr;
      case PL011.UARTIFLS:
        return this.#uartifls;
      case PL011.UARTIMSC:
        return this.#uartimsc;
      case PL011.UARTRIS:
        return this.#uartris;
      case PL011.UARTMIS:
        return this.#uartris & this.#uartimsc;
      case PL011.UARTDMACR:
        return this.#uartdmacr;
      default:
        return this.#identification(offset);
    }
  }

  write(offset: number, _size: AccessSize, value: number): void {
    switch (offset) {
      case PL011.UARTDR:
        this.#writeData(value & 0xff);
        break;
      case PL011.UARTRSR:
        this.#uartrsr = 0;
        break;
      case PL011.UARTILPR:
        this.#uartilpr = value;
        break;
      case PL011.UARTIBRD:
        this.#uartibrd = value;
        break;
      case PL011.UARTFBRD:
        this.#uartfbrd = value;
        break;
      case PL011.UARTLCR_H:
        this.#writeLineControl(value);
        break;
      case PL011.UARTCR:
        this.#writeControl(value);
        break;
      case PL011.UARTIFLS:
        this.#uartifls = value;
        this.#update();
        break;
      case PL011.UARTIMSC:
        this.#uartimsc = value;
        this.#update();
        break;
      case PL011.UARTICR:
        this.#uartris &= ~value;
        this.#update();
        break;
      case PL011.UARTDMACR:
        this.#uartdmacr = value;
        break;
      default:
        break;
    }
  }

  reset(): void {
    if (!this.#trm) return;
    this.#txFifo.clear();
    this.#emptyReceiveFifo();
    this.#uartrsr = 0;
    this.#uartilpr = 0;
    this.#uartibrd = 0;
    this.#uartfbrd = 0;
    this.#uartlcrH = 0;
    this.#uartcr = CR.TXE | CR.RXE;
    this.#uartifls = 0x12;
    this.#uartimsc = 0;
    this.#uartris = 0;
    this.#uartdmacr = 0;
    this.#update();
  }

  /**
   * Bytes arrive from the host. Returns how many were taken; the host keeps the others and offers
   * them again when `room` is called.
   */
  receive(bytes: Uint8Array): number {
    let taken = 0;
    while (taken < bytes.length && this.#backlog.push(bytes[taken] as number)) taken++;
    this.#refill();
    while (taken < bytes.length && this.#backlog.push(bytes[taken] as number)) taken++;
    this.#refused = taken < bytes.length;
    return taken;
  }

  /** The host can take bytes again: sends what waits in the transmit FIFO. */
  drain(): void {
    while (this.#transmitting() && this.#txFifo.count > 0) {
      if (!this.#transmit(this.#txFifo.peek())) break;
      this.#txFifo.shift();
      if (this.#txFifo.count <= this.#transmitTrigger()) this.#uartris |= INT.TX;
    }
    this.#update();
  }

  #readData(): number {
    const byte = this.#rxSlots[this.#rxIndex] as number;
    this.#uartrsr = 0;
    this.#rxFlags &= ~FR.RXFF;
    if (this.#rxCount > 0) {
      this.#rxIndex = (this.#rxIndex + 1) % PL011_FIFO_DEPTH;
      this.#rxCount--;
    }
    if (this.#rxCount === 0) {
      this.#rxFlags |= FR.RXFE;
      this.#uartris &= ~INT.RX;
    }
    this.#update();
    this.#refill();
    return byte;
  }

  #writeData(byte: number): void {
    if (this.#txFifo.count >= this.#depth()) return; // Overrun: the driver did not look at TXFF.
    if (this.#txFifo.count === 0 && this.#transmitting() && this.#transmit(byte)) {
      this.#uartris |= INT.TX;
    } else {
      this.#txFifo.push(byte);
      if (this.#txFifo.count > this.#transmitTrigger()) this.#uartris &= ~INT.TX;
    }
    this.#update();
  }

  #writeLineControl(value: number): void {
    const changed = this.#uartlcrH ^ value;
    this.#uartlcrH = value;
    if ((changed & LCR_H.FEN) === 0) return;
    this.#emptyReceiveFifo();
    this.#update();
  }

  #writeControl(value: number): void {
    this.#uartcr = value;
    this.drain();
    if (this.#trm) this.#refill();
  }

  #emptyReceiveFifo(): void {
    this.#rxIndex = 0;
    this.#rxCount = 0;
    if (this.#trm) this.#rxFlags = FR.RXFE;
  }

  /** Moves characters from the backlog into the receive FIFO while there is room. */
  #refill(): void {
    const receiving = !this.#trm || (this.#uartcr & CR.UARTEN && this.#uartcr & CR.RXE) !== 0;
    while (receiving && this.#rxCount < this.#depth() && this.#backlog.count > 0) {
      const slot = (this.#rxIndex + this.#rxCount) % PL011_FIFO_DEPTH;
      this.#rxSlots[slot] = this.#backlog.shift();
      this.#rxCount++;
      this.#rxFlags &= ~FR.RXFE;
      if (this.#rxCount === this.#depth()) this.#rxFlags |= FR.RXFF;
      if (this.#rxCount === 1) this.#uartris |= INT.RX;
    }
    this.#update();
    if (this.#refused && this.#backlog.count === 0) {
      this.#refused = false;
      this.#room();
    }
  }

  #flags(): number {
    let flags = this.#rxFlags;
    if (this.#txFifo.count === 0) flags |= FR.TXFE;
    else flags |= FR.BUSY;
    if (this.#txFifo.count >= this.#depth()) flags |= FR.TXFF;
    return flags;
  }

  #update(): void {
    if (this.#trm) {
      // Receive interrupts are levels here; the timeout of 32 bit periods takes no time.
      this.#uartris &= ~(INT.RX | INT.RT);
      if (this.#rxCount >= this.#receiveTrigger()) this.#uartris |= INT.RX;
      if (this.#rxCount > 0 && this.#backlog.count === 0) this.#uartris |= INT.RT;
    }
    this.#interrupt((this.#uartris & this.#uartimsc) !== 0 ? 1 : 0);
  }

  #depth(): number {
    return (this.#uartlcrH & LCR_H.FEN) !== 0 ? PL011_FIFO_DEPTH : 1;
  }

  #transmitting(): boolean {
    return !this.#trm || ((this.#uartcr & CR.UARTEN) !== 0 && (this.#uartcr & CR.TXE) !== 0);
  }

  #receiveTrigger(): number {
    if ((this.#uartlcrH & LCR_H.FEN) === 0) return 1;
    return TRIGGER_LEVEL[(this.#uartifls >> 3) & 7] ?? 8;
  }

  #transmitTrigger(): number {
    if ((this.#uartlcrH & LCR_H.FEN) === 0) return 0;
    return TRIGGER_LEVEL[this.#uartifls & 7] ?? 8;
  }

  #identification(offset: number): number {
    const index = (offset - PL011.UARTPeriphID0) / 4;
    return PL011_ID[index] ?? 0;
  }
}

/** A bounded queue of bytes. */
class ByteRing {
  readonly #bytes: Uint8Array;
  #first = 0;
  count = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  /** Appends a byte; `false` if there is no room. */
  push(byte: number): boolean {
    if (this.count === this.#bytes.length) return false;
    this.#bytes[(this.#first + this.count) % this.#bytes.length] = byte;
    this.count++;
    return true;
  }

  /** The oldest byte; the ring must not be empty. */
  peek(): number {
    return this.#bytes[this.#first] as number;
  }

  /** Removes the oldest byte; the ring must not be empty. */
  shift(): number {
    const byte = this.peek();
    this.#first = (this.#first + 1) % this.#bytes.length;
    this.count--;
    return byte;
  }

  clear(): void {
    this.#first = 0;
    this.count = 0;
  }
}
