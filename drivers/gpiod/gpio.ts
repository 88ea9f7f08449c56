/**
 * The PL061 driver proper: levels, outputs, and changes of pins by interrupt. It knows no scheme.
 * Registers as in ARM DDI 0190. All interrupts are by both edges, and the level is read after the
 * interrupt was cleared: so an edge after that read comes again, and a pin that changed twice
 * before it is seen to have done so.
 */

import { PL061, PL061_DATA_ALL, PL061_PINS } from "../../hw/regs/pl061.js";
import { assert } from "../../ipc/assert.js";
import type { Device, InterruptLine, Window } from "../../user/driver.js";

/** What happened to a pin: its level now, and which edges there were since the last change. */
export interface PinChange {
  level: 0 | 1;
  rising: boolean;
  falling: boolean;
}

/** Hears of the changes of one pin. */
export type PinListener = (change: PinChange) => void;

const ALL_PINS = (1 << PL061_PINS) - 1;

/** One GPIO controller. */
export class Gpio {
  readonly pinCount = PL061_PINS;
  readonly #registers: Window;
  readonly #line: InterruptLine;
  /** Listeners by pin; a pin interrupts while it has some. */
  readonly #listeners: Set<PinListener>[] = Array.from({ length: PL061_PINS }, () => new Set());
  /** How many want a pin to be an output. */
  readonly #outputs: number[] = new Array<number>(PL061_PINS).fill(0);
  /** Levels at the last look. */
  #levels: number;
  #enabled = 0;

  constructor(device: Device | undefined) {
    assert(device !== undefined, "the board has no PL061");
    this.#registers = device.registers;
    const [line] = device.interrupts;
    assert(line !== undefined, "the PL061 has no interrupt");
    this.#line = line;
    this.#write(PL061.GPIOIE, 0);
    this.#write(PL061.GPIODIR, 0);
    this.#write(PL061.GPIOIS, 0);
    this.#write(PL061.GPIOIBE, ALL_PINS);
    this.#write(PL061.GPIOIC, ALL_PINS);
    this.#levels = this.#read(PL061_DATA_ALL);
  }

  /** Serves interrupts for ever. */
  async run(): Promise<never> {
    for (;;) {
      await this.#line.next();
      this.#look(this.#read(PL061.GPIOMIS));
      this.#line.acknowledge();
    }
  }

  /** The level of a pin, input or output. */
  level(pin: number): 0 | 1 {
    return this.#read(pinData(pin)) === 0 ? 0 : 1;
  }

  /** Drives a pin that is an output. */
  setLevel(pin: number, level: 0 | 1): void {
    this.#write(pinData(pin), level === 1 ? ALL_PINS : 0);
  }

  /** Makes a pin an output, with the level that it has, until the answer was called. */
  drive(pin: number): () => void {
    this.#outputs[pin] = (this.#outputs[pin] ?? 0) + 1;
    this.#writeDirections();
    let driven = true;
    return () => {
      if (!driven) return;
      driven = false;
      this.#outputs[pin] = (this.#outputs[pin] ?? 0) - 1;
      this.#writeDirections();
    };
  }

  /** Tells of changes of an input pin, from now on; returns how to take that back. */
  listen(pin: number, listener: PinListener): () => void {
    const listeners = this.#listeners[pin];
    assert(listeners !== undefined, "there is no such pin");
    const bit = 1 << pin;
    if (listeners.size === 0) {
      // Edges from before are nobody's; those after the look are not lost.
      this.#write(PL061.GPIOIC, bit);
      this.#levels = (this.#levels & ~bit) | (this.#read(PL061_DATA_ALL) & bit);
      this.#enable(this.#enabled | bit);
    }
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#enable(this.#enabled & ~bit);
    };
  }

  #look(raised: number): void {
    this.#write(PL061.GPIOIC, raised);
    const levels = this.#read(PL061_DATA_ALL);
    const changed = (levels ^ this.#levels) & this.#enabled;
    const twice = raised & ~changed;
    this.#levels = (this.#levels & ~this.#enabled) | (levels & this.#enabled);
    for (let pin = 0; pin < PL061_PINS; pin++) {
      const bit = 1 << pin;
      if (((changed | twice) & bit) === 0) continue;
      const level = (levels & bit) === 0 ? 0 : 1;
      const both = (twice & bit) !== 0;
      const change = { level, rising: both || level === 1, falling: both || level === 0 } as const;
      for (const listener of [...(this.#listeners[pin] ?? [])]) listener(change);
    }
  }

  #writeDirections(): void {
    const bits = this.#outputs.map((count, pin) => (count > 0 ? 1 << pin : 0));
    this.#write(
      PL061.GPIODIR,
      bits.reduce((sum, bit) => sum | bit, 0),
    );
  }

  #enable(pins: number): void {
    this.#enabled = pins;
    this.#write(PL061.GPIOIE, pins);
  }

  #read(register: number): number {
    return this.#registers.read(register, 4);
  }

  #write(register: number, value: number): void {
    this.#registers.write(register, 4, value);
  }
}

/** GPIODATA of one pin: address bits 9:2 choose it. */
function pinData(pin: number): number {
  return PL061.GPIODATA + ((1 << pin) << 2);
}
