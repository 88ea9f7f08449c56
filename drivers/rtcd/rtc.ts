/**
 * The PL031 driver proper: the time, and any number of waits for a moment by means of the one alarm
 * that the hardware has. It knows no scheme. Registers as in ARM DDI 0224. Moments are seconds
 * since 1970, unsigned and of 32 bits: the counter starts over in 2106, and no alarm waits across
 * that.
 */

import { PL031, RTC_INT, RTCCR_START } from "../../hw/regs/pl031.js";
import { assert } from "../../ipc/assert.js";
import type { Device, InterruptLine, Window } from "../../user/driver.js";

/** Waits for one moment. */
interface Alarm {
  moment: number;
  ring: () => void;
}

/** One real-time clock. */
export class Rtc {
  readonly #registers: Window;
  readonly #line: InterruptLine;
  /** Sorted by moment. As long as there are open handles: the gate bounds them. */
  readonly #alarms: Alarm[] = [];

  constructor(device: Device | undefined) {
    assert(device !== undefined, "the board has no PL031");
    this.#registers = device.registers;
    const [line] = device.interrupts;
    assert(line !== undefined, "the PL031 has no interrupt");
    this.#line = line;
    // What an earlier incarnation had armed may still ring: nobody waits for it here.
    this.#write(PL031.RTCCR, RTCCR_START);
    this.#write(PL031.RTCICR, RTC_INT);
    this.#write(PL031.RTCIMSC, RTC_INT);
  }

  /** Serves interrupts for ever. */
  async run(): Promise<never> {
    for (;;) {
      await this.#line.next();
      this.#write(PL031.RTCICR, RTC_INT);
      this.#ringDue();
      this.#line.acknowledge();
    }
  }

  /** The time in seconds. */
  get seconds(): number {
    return this.#registers.read(PL031.RTCDR, 4);
  }

  /** Sets the time. Alarms keep their moments: those that have passed now ring. */
  setSeconds(seconds: number): void {
    this.#write(PL031.RTCLR, seconds);
    this.#ringDue();
  }

  /**
   * Calls `ring` when `moment` has come, never before this returns; returns how to take that back.
   */
  whenDue(moment: number, ring: () => void): () => void {
    const alarm: Alarm = { moment, ring };
    const after = this.#alarms.findIndex((other) => other.moment > moment);
    this.#alarms.splice(after < 0 ? this.#alarms.length : after, 0, alarm);
    queueMicrotask(() => this.#ringDue());
    return () => {
      const index = this.#alarms.indexOf(alarm);
      if (index >= 0) this.#alarms.splice(index, 1);
    };
  }

  #write(register: number, value: number): void {
    this.#registers.write(register, 4, value);
  }

  /**
   * Rings what is due and arms the hardware for the next. The time is read again after RTCMR was
   * written: a match that passed in between would come 136 years later.
   */
  #ringDue(): void {
    for (;;) {
      const now = this.seconds;
      for (let first = this.#alarms[0]; first !== undefined && first.moment <= now; ) {
        this.#alarms.shift();
        first.ring();
        first = this.#alarms[0];
      }
      const [next] = this.#alarms;
      if (next === undefined) return;
      this.#write(PL031.RTCMR, next.moment);
      if (this.seconds < next.moment) return;
    }
  }
}
