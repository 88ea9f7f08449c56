/*
 * The PrimeCell Real Time Clock PL031 (ARM DDI 0224): a counter of seconds and one alarm.
 *
 * `quirks` chooses between the manual and what QEMU 7.2 does. QEMU: the counter always runs, and
 * RTCCR reads 1; an alarm comes a whole number of seconds after it was set, not when the second
 * begins; a system reset does not touch the device. The manual: the counter stands still until
 * RTCCR starts it; the alarm comes when RTCDR becomes RTCMR; a reset clears every register.
 */
import { type Clock, NS_PER_S, type Timer } from "../clock.js";
import { type AccessSize, type Device, type Quirks, UNCONNECTED, type Wire } from "../device.js";
import { PL031, PL031_ID, RTC_INT, RTCCR_START } from "../regs/pl031.js";

/** Options of a `Pl031`. */
export interface Pl031Options {
  quirks: Quirks;
  clock: Clock;
  /** Seconds since 1970 at power-on, from a calendar: the battery has kept the time. */
  epochSeconds: number;
  /** RTCINTR. */
  interrupt?: Wire;
}

/** A PL031. */
export class Pl031 implements Device {
  readonly #trm: boolean;
  readonly #clock: Clock;
  readonly #interrupt: Wire;
  readonly #alarm: Timer;

  /** RTCDR is this plus the seconds of the clock, modulo 2³². */
  #offset: number;
  /** RTCDR of a counter that stands still; undefined while it runs. */
  #stopped: number | undefined;
  #rtcmr = 0;
  #rtclr = 0;
  #rtcimsc = 0;
  #rtcris = 0;

  constructor(options: Pl031Options) {
    this.#trm = options.quirks === "trm";
    this.#clock = options.clock;
    this.#interrupt = options.interrupt ?? UNCONNECTED;
    this.#offset = options.epochSeconds >>> 0;
    this.#stopped = this.#trm ? this.#offset : undefined;
    this.#alarm = options.clock.timer(() => this.#ring());
  }

  read(offset: number, _size: AccessSize): number {
    switch (offset) {
      case PL031.RTCDR:
        return this.#rtcdr();
      case PL031.RTCMR:
        return this.#rtcmr;
      case PL031.RTCLR:
        return this.#rtclr;
      case PL031.RTCCR:
        return this.#stopped === undefined ? RTCCR_START : 0;
      case PL031.RTCIMSC:
        return this.#rtcimsc;
      case PL031.RTCRIS:
        return this.#rtcris;
      case PL031.RTCMIS:
        return this.#rtcris & this.#rtcimsc;
      default:
        return PL031_ID[(offset - PL031.RTCPeriphID0) / 4] ?? 0;
    }
  }

  write(offset: number, _size: AccessSize, value: number): void {
    switch (offset) {
      case PL031.RTCMR:
        this.#rtcmr = value;
        this.#setAlarm();
        break;
      case PL031.RTCLR:
        this.#rtclr = value;
        this.#setTime(value);
        break;
      case PL031.RTCCR:
        this.#start(value);
        break;
      case PL031.RTCIMSC:
        this.#rtcimsc = value & RTC_INT;
        this.#update();
        break;
      case PL031.RTCICR:
        this.#rtcris &= ~value;
        this.#update();
        break;
      default:
        break;
    }
  }

  reset(): void {
    if (!this.#trm) return;
    this.#stopped = 0;
    this.#rtcmr = 0;
    this.#rtclr = 0;
    this.#rtcimsc = 0;
    this.#rtcris = 0;
    this.#alarm.disarm();
    this.#update();
  }

  #seconds(): number {
    return Number(BigInt.asUintN(32, this.#clock.now() / NS_PER_S));
  }

  #rtcdr(): number {
    return this.#stopped ?? (this.#offset + this.#seconds()) >>> 0;
  }

  #setTime(value: number): void {
    this.#offset = (value - this.#seconds()) >>> 0;
    if (this.#stopped !== undefined) this.#stopped = value;
    this.#setAlarm();
  }

  /** Once started the counter stops at a reset only (§3.3.4). */
  #start(value: number): void {
    if (this.#stopped === undefined || (value & RTCCR_START) === 0) return;
    this.#offset = (this.#stopped - this.#seconds()) >>> 0;
    this.#stopped = undefined;
    this.#setAlarm();
  }

  /** The alarm is up to 2³² seconds ahead: the counter wraps. */
  #setAlarm(): void {
    this.#alarm.disarm();
    if (this.#stopped !== undefined) return;
    const ahead = BigInt((this.#rtcmr - this.#rtcdr()) >>> 0);
    if (ahead === 0n) {
      this.#ring();
      return;
    }
    const now = this.#clock.now();
    const begin = this.#trm ? now - (now % NS_PER_S) : now;
    this.#alarm.arm(begin + ahead * NS_PER_S);
  }

  #ring(): void {
    this.#rtcris = RTC_INT;
    this.#update();
  }

  #update(): void {
    this.#interrupt((this.#rtcris & this.#rtcimsc) !== 0 ? 1 : 0);
  }
}
