/*
 * The Dual-Timer Module SP804 (ARM DDI 0271): two down-counters behind one interrupt. Nothing runs
 * while they count: a count is computed from the moment at which it will be zero, and a timer of
 * the clock is armed only while an interrupt is not raised yet.
 *
 * `quirks` chooses between the manual and what QEMU 7.2 does. QEMU: a write of TimerControl with
 * TimerEn starts over from TimerLoad, a write of TimerLoad in free-running mode starts over from
 * the maximum, and TimerValue is 0 at power-on. The manual: control leaves the count alone,
 * TimerLoad always sets it, and it is all ones at power-on. Both do the same at a system reset.
 */
import type { Clock, Timer } from "../clock.js";
import { type AccessSize, type Device, type Quirks, UNCONNECTED, type Wire } from "../device.js";
import { SP804, SP804_ID, SP804_TIMER2, SP804_TIMERS_END, TimerControl } from "../regs/sp804.js";

/** Options of an `Sp804`. */
export interface Sp804Options {
  quirks: Quirks;
  clock: Clock;
  /** Frequency of TIMCLK. */
  clockHz: number;
  /** TIMINTC, the combined interrupt. */
  interrupt?: Wire;
}

const COUNT_MAX_32 = 0xffff_ffff;
const COUNT_MAX_16 = 0xffff;
const CONTROL_MASK = 0xff;
/** TimerPre's codes; the last one is undefined in the manual. */
const PRESCALE = [1n, 16n, 256n, 256n] as const;
/** Time is kept in parts of a TIMCLK cycle, so that no frequency is rounded. */
const PARTS_PER_CYCLE = 1_000_000_000n;

/** An SP804. */
export class Sp804 implements Device {
  readonly #counters: readonly [Counter, Counter];

  constructor(options: Sp804Options) {
    const interrupt = options.interrupt ?? UNCONNECTED;
    const changed = (): void => interrupt(this.#counters.some(({ mis }) => mis === 1) ? 1 : 0);
    this.#counters = [new Counter(options, changed), new Counter(options, changed)];
  }

  read(offset: number, _size: AccessSize): number {
    if (offset < SP804_TIMERS_END) {
      return this.#at(offset).read(offset % SP804_TIMER2);
    }
    return SP804_ID[(offset - SP804.TimerPeriphID0) / 4] ?? 0;
  }

  write(offset: number, _size: AccessSize, value: number): void {
    if (offset >= SP804_TIMERS_END) return;
    this.#at(offset).write(offset % SP804_TIMER2, value);
  }

  reset(): void {
    for (const counter of this.#counters) counter.reset();
  }

  #at(offset: number): Counter {
    return this.#counters[offset < SP804_TIMER2 ? 0 : 1];
  }
}

/** One of the two timers. */
class Counter {
  readonly #trm: boolean;
  readonly #clock: Clock;
  readonly #clockHz: bigint;
  readonly #changed: () => void;
  readonly #timer: Timer;

  #load = 0;
  #control: number = TimerControl.IntEnable;
  #ris: 0 | 1 = 0;
  /** The count while it stands still. */
  #count: number;
  /** When the count becomes zero, in parts; undefined while it stands still. */
  #zeroAt: bigint | undefined;

  constructor(options: Sp804Options, changed: () => void) {
    this.#trm = options.quirks === "trm";
    this.#clock = options.clock;
    this.#clockHz = BigInt(options.clockHz);
    this.#changed = changed;
    this.#timer = options.clock.timer(() => this.#sync());
    this.#count = this.#initialCount();
  }

  get mis(): 0 | 1 {
    return (this.#control & TimerControl.IntEnable) !== 0 ? this.#ris : 0;
  }

  read(register: number): number {
    this.#sync();
    switch (register) {
      case SP804.TimerLoad:
      case SP804.TimerBGLoad:
        return this.#load;
      case SP804.TimerValue:
        return this.#now();
      case SP804.TimerControl:
        return this.#control;
      case SP804.TimerRIS:
        return this.#ris;
      case SP804.TimerMIS:
        return this.mis;
      default:
        return 0;
    }
  }

  write(register: number, value: number): void {
    this.#sync();
    switch (register) {
      case SP804.TimerLoad:
        this.#load = value;
        this.#writeLoad();
        break;
      case SP804.TimerControl:
        this.#writeControl(value & CONTROL_MASK);
        break;
      case SP804.TimerIntClr:
        this.#ris = 0;
        break;
      case SP804.TimerBGLoad:
        this.#load = value;
        break;
      default:
        return;
    }
    this.#sync();
  }

  reset(): void {
    this.#load = 0;
    this.#control = TimerControl.IntEnable;
    this.#ris = 0;
    this.#count = this.#initialCount();
    this.#zeroAt = undefined;
    this.#sync();
  }

  #initialCount(): number {
    return this.#trm ? COUNT_MAX_32 : 0;
  }

  get #isOneShot(): boolean {
    return (this.#control & TimerControl.OneShot) !== 0;
  }

  get #isFreeRunning(): boolean {
    return (this.#control & (TimerControl.OneShot | TimerControl.TimerMode)) === 0;
  }

  get #max(): number {
    return (this.#control & TimerControl.TimerSize) !== 0 ? COUNT_MAX_32 : COUNT_MAX_16;
  }

  /** Where the count starts over when it has come to its end. */
  get #limit(): number {
    return this.#isFreeRunning ? this.#max : this.#loaded;
  }

  /** A 16-bit counter uses the lower half of TimerLoad. */
  get #loaded(): number {
    return (this.#load & this.#max) >>> 0;
  }

  #writeLoad(): void {
    const isRunning = this.#zeroAt !== undefined;
    this.#count = this.#trm ? this.#loaded : this.#limit;
    // §3.2.1: a load of 0 interrupts at once. It does so once: the count then stands at 0.
    if (isRunning || (this.#control & TimerControl.TimerEn) !== 0) this.#run();
  }

  #writeControl(value: number): void {
    this.#count = this.#now();
    const wasHalted = this.#zeroAt === undefined && (this.#control & TimerControl.TimerEn) !== 0;
    this.#zeroAt = undefined;
    this.#control = value;
    if ((value & TimerControl.TimerEn) === 0) return;
    if (!this.#trm) this.#count = this.#limit;
    // A one-shot count that has ended waits for TimerLoad; any other goes on.
    else if (wasHalted && this.#isOneShot) return;
    this.#run();
  }

  #run(): void {
    this.#zeroAt = this.#parts() + BigInt(this.#count) * this.#tick();
  }

  #parts(): bigint {
    return this.#clock.now() * this.#clockHz;
  }

  /** Parts of one step of the count. */
  #tick(): bigint {
    const code = (this.#control & TimerControl.TimerPre) >> 2;
    return (PRESCALE[code] ?? 1n) * PARTS_PER_CYCLE;
  }

  #now(): number {
    if (this.#zeroAt === undefined) return this.#count;
    return Number((this.#zeroAt - this.#parts()) / this.#tick());
  }

  /** Brings the state up to the present: raises the interrupt, starts over, sets the clock. */
  #sync(): void {
    const parts = this.#parts();
    if (this.#zeroAt !== undefined && parts >= this.#zeroAt) {
      this.#ris = 1;
      const period = BigInt(this.#limit) * this.#tick();
      if (this.#isOneShot || period === 0n) {
        this.#zeroAt = undefined;
        this.#count = 0;
      } else {
        this.#zeroAt += ((parts - this.#zeroAt) / period + 1n) * period;
      }
    }
    if (this.#zeroAt === undefined || this.#ris === 1) this.#timer.disarm();
    else this.#timer.arm((this.#zeroAt + this.#clockHz - 1n) / this.#clockHz);
    this.#changed();
  }
}
