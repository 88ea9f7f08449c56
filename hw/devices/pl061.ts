/*
 * The PrimeCell GPIO PL061 (ARM DDI 0190): eight pins, each input or output, each with an interrupt
 * by edge or level. Pins that nobody drives are pulled low.
 *
 * `quirks` chooses between the manual and what QEMU 7.2 does. QEMU: GPIODATA is what inputs are
 * compared with, so what comes in on an output pin is lost, and a pin that turns from output to
 * input gives an edge if its output differed from the last input; a level interrupt stays latched
 * in GPIORIS until it is cleared, also when the level has gone; a system reset leaves the interrupt
 * line where it is. The manual: pins keep their levels whatever their direction, level interrupts
 * follow the pin, and a reset lowers the line.
 */
import { type AccessSize, type Device, type Quirks, UNCONNECTED, type Wire } from "../device.js";
import { PL061, PL061_DATA_END, PL061_ID, PL061_PINS } from "../regs/pl061.js";

/** Options of a `Pl061`. */
export interface Pl061Options {
  quirks: Quirks;
  /** GPIOINTR. */
  interrupt?: Wire;
  /** The level of an output pin has changed. A pin that turns into an input goes low. */
  output?: (pin: number, level: 0 | 1) => void;
}

const PINS_MASK = 0xff;

/** A PL061. */
export class Pl061 implements Device {
  readonly #trm: boolean;
  readonly #interrupt: Wire;
  readonly #output: (pin: number, level: 0 | 1) => void;

  /** What the pins carry from outside; only the manual's device looks at it. */
  #outside = 0;
  #gpiodata = 0;
  #gpiodir = 0;
  #gpiois = 0;
  #gpioibe = 0;
  #gpioiev = 0;
  #gpioie = 0;
  #gpioris = 0;
  #gpioafsel = 0;
  /** Input levels at the last look, and output levels as they were last told. */
  #inputs = 0;
  #outputs = 0;

  constructor(options: Pl061Options) {
    this.#trm = options.quirks === "trm";
    this.#interrupt = options.interrupt ?? UNCONNECTED;
    this.#output = options.output ?? (() => {});
  }

  read(offset: number, _size: AccessSize): number {
    if (offset < PL061_DATA_END) return this.#gpiodata & (offset >> 2);
    switch (offset) {
      case PL061.GPIODIR:
        return this.#gpiodir;
      case PL061.GPIOIS:
        return this.#gpiois;
      case PL061.GPIOIBE:
        return this.#gpioibe;
      case PL061.GPIOIEV:
        return this.#gpioiev;
      case PL061.GPIOIE:
        return this.#gpioie;
      case PL061.GPIORIS:
        return this.#gpioris;
      case PL061.GPIOMIS:
        return this.#gpioris & this.#gpioie;
      case PL061.GPIOAFSEL:
        return this.#gpioafsel;
      default:
        return PL061_ID[(offset - PL061.GPIOPeriphID4) / 4] ?? 0;
    }
  }

  write(offset: number, _size: AccessSize, value: number): void {
    const byte = value & PINS_MASK;
    if (offset < PL061_DATA_END) {
      const pins = (offset >> 2) & this.#gpiodir;
      this.#gpiodata = (this.#gpiodata & ~pins) | (byte & pins);
    } else {
      this.#writeControl(offset, byte);
    }
    this.#update();
  }

  reset(): void {
    this.#gpiodata = 0;
    this.#gpiodir = 0;
    this.#gpiois = 0;
    this.#gpioibe = 0;
    this.#gpioiev = 0;
    this.#gpioie = 0;
    this.#gpioris = 0;
    this.#gpioafsel = 0;
    this.#inputs = 0;
    if (!this.#trm) {
      this.#outputs = 0;
      return;
    }
    this.#gpiodata = this.#outside;
    this.#inputs = this.#outside;
    this.#update();
  }

  /** The level that the outside puts on a pin. */
  input(pin: number, level: 0 | 1): void {
    if (!Number.isInteger(pin) || pin < 0 || pin >= PL061_PINS) return;
    const bit = 1 << pin;
    this.#outside = level === 1 ? this.#outside | bit : this.#outside & ~bit;
    if ((this.#gpiodir & bit) !== 0) return;
    this.#gpiodata = level === 1 ? this.#gpiodata | bit : this.#gpiodata & ~bit;
    this.#update();
  }

  #writeControl(offset: number, byte: number): void {
    switch (offset) {
      case PL061.GPIODIR:
        this.#gpiodir = byte;
        if (this.#trm) this.#gpiodata = (this.#gpiodata & byte) | (this.#outside & ~byte);
        break;
      case PL061.GPIOIS:
        this.#gpiois = byte;
        break;
      case PL061.GPIOIBE:
        this.#gpioibe = byte;
        break;
      case PL061.GPIOIEV:
        this.#gpioiev = byte;
        break;
      case PL061.GPIOIE:
        this.#gpioie = byte;
        break;
      case PL061.GPIOIC:
        this.#gpioris &= ~byte;
        break;
      case PL061.GPIOAFSEL:
        this.#gpioafsel = byte;
        break;
      default:
        break;
    }
  }

  #update(): void {
    this.#drive();
    const changed = (this.#inputs ^ this.#gpiodata) & ~this.#gpiodir & PINS_MASK;
    // A look at the inputs that finds a change remembers the outputs with them (QEMU 7.2).
    if (!this.#trm) this.#inputs = changed === 0 ? this.#inputs : this.#gpiodata;
    else this.#inputs ^= changed;
    const wanted = this.#gpioibe | ~(this.#gpiodata ^ this.#gpioiev);
    this.#gpioris |= changed & wanted & ~this.#gpiois;
    const levels = ~(this.#gpiodata ^ this.#gpioiev) & this.#gpiois & PINS_MASK;
    if (this.#trm) this.#gpioris &= ~this.#gpiois;
    this.#gpioris |= levels;
    this.#interrupt((this.#gpioris & this.#gpioie) !== 0 ? 1 : 0);
  }

  /** Tells of outputs that have moved, the lowest pin first. */
  #drive(): void {
    const levels = this.#gpiodata & this.#gpiodir;
    const moved = levels ^ this.#outputs;
    this.#outputs = levels;
    for (let pin = 0; pin < PL061_PINS; pin++) {
      if ((moved & (1 << pin)) !== 0) this.#output(pin, (levels & (1 << pin)) !== 0 ? 1 : 0);
    }
  }
}
