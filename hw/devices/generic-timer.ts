/*
 * The ARM generic timer of one CPU (ARM DDI 0487, chapter D11): a counter that never stops, and
 * four timers that compare with it. It has no window on the bus; a CPU reads and writes it by MRS
 * and MSR. Each timer's interrupt is a level: high while the count is at or past CVAL, unless
 * masked.
 */
import { type Clock, NS_PER_S, type Timer } from "../clock.js";
import type { Wire } from "../device.js";
import { CNT, CNT_CTL } from "../regs/generic-timer.js";

/** The private interrupts of the four timers. */
export interface GenericTimerWires {
  secure: Wire;
  nonSecure: Wire;
  virtual: Wire;
  hypervisor: Wire;
}

/** Options of a `GenericTimer`. */
export interface GenericTimerOptions {
  clock: Clock;
  /** Counts per second. */
  frequencyHz: number;
  wires: GenericTimerWires;
}

/** Writable bits of a CTL register. */
const CTL_MASK = CNT_CTL.ENABLE | CNT_CTL.IMASK;

/** The generic timer of one CPU. Registers are 64 bits wide; those that are narrower say so. */
export class GenericTimer {
  readonly #clock: Clock;
  readonly #frequency: bigint;
  #cntfrq: bigint;
  #cntvoff = 0n;
  readonly #virtual: Comparator;
  /** What each timer register belongs to, by the register's name. */
  readonly #parts = new Map<number, { comparator: Comparator; part: "TVAL" | "CTL" | "CVAL" }>();

  constructor({ clock, frequencyHz, wires }: GenericTimerOptions) {
    this.#clock = clock;
    this.#frequency = BigInt(frequencyHz);
    this.#cntfrq = this.#frequency;
    const physical = {
      count: () => this.#count(),
      whenNs: (count: bigint) => this.#momentOf(count),
    };
    const virtual = {
      count: () => BigInt.asUintN(64, this.#count() - this.#cntvoff),
      whenNs: (count: bigint) => this.#momentOf(count + this.#cntvoff),
    };
    const add = (view: CounterView, wire: Wire, names: readonly number[]): Comparator => {
      const comparator = new Comparator(clock, view, wire);
      const parts = ["TVAL", "CTL", "CVAL"] as const;
      names.forEach((name, index) => {
        this.#parts.set(name, { comparator, part: parts[index] ?? "TVAL" });
      });
      return comparator;
    };
    add(physical, wires.secure, [CNT.CNTPS_TVAL_EL1, CNT.CNTPS_CTL_EL1, CNT.CNTPS_CVAL_EL1]);
    add(physical, wires.nonSecure, [CNT.CNTP_TVAL_EL0, CNT.CNTP_CTL_EL0, CNT.CNTP_CVAL_EL0]);
    add(physical, wires.hypervisor, [CNT.CNTHP_TVAL_EL2, CNT.CNTHP_CTL_EL2, CNT.CNTHP_CVAL_EL2]);
    const virtualNames = [CNT.CNTV_TVAL_EL0, CNT.CNTV_CTL_EL0, CNT.CNTV_CVAL_EL0];
    this.#virtual = add(virtual, wires.virtual, virtualNames);
  }

  /** MRS. Registers that are not the timer's read 0. */
  read(register: number): bigint {
    switch (register) {
      case CNT.CNTFRQ_EL0:
        return this.#cntfrq;
      case CNT.CNTPCT_EL0:
        return this.#count();
      case CNT.CNTVCT_EL0:
        return BigInt.asUintN(64, this.#count() - this.#cntvoff);
      case CNT.CNTVOFF_EL2:
        return this.#cntvoff;
      default: {
        const found = this.#parts.get(register);
        return found === undefined ? 0n : found.comparator.read(found.part);
      }
    }
  }

  /** MSR. Registers that are not the timer's, and read-only ones, ignore it. */
  write(register: number, value: bigint): void {
    switch (register) {
      case CNT.CNTFRQ_EL0:
        this.#cntfrq = BigInt.asUintN(32, value);
        break;
      case CNT.CNTVOFF_EL2:
        this.#cntvoff = BigInt.asUintN(64, value);
        this.#virtual.update();
        break;
      default: {
        const found = this.#parts.get(register);
        found?.comparator.write(found.part, value);
        break;
      }
    }
  }

  /** A CPU's reset: the counter goes on, the timers are off. */
  reset(): void {
    this.#cntfrq = this.#frequency;
    this.#cntvoff = 0n;
    for (const { comparator } of this.#parts.values()) comparator.reset();
  }

  #count(): bigint {
    return BigInt.asUintN(64, (this.#clock.now() * this.#frequency) / NS_PER_S);
  }

  /** The first nanosecond at which the physical count is `count`. */
  #momentOf(count: bigint): bigint {
    return (count * NS_PER_S + this.#frequency - 1n) / this.#frequency;
  }
}

/** The counter as one timer sees it. */
interface CounterView {
  count(): bigint;
  /** When the count will be what it is given. */
  whenNs(count: bigint): bigint;
}

/** One of the four timers. */
class Comparator {
  readonly #view: CounterView;
  readonly #wire: Wire;
  readonly #timer: Timer;
  #ctl = 0;
  #cval = 0n;

  constructor(clock: Clock, view: CounterView, wire: Wire) {
    this.#view = view;
    this.#wire = wire;
    this.#timer = clock.timer(() => this.update());
  }

  read(part: "TVAL" | "CTL" | "CVAL"): bigint {
    if (part === "CVAL") return this.#cval;
    if (part === "TVAL") return BigInt.asUintN(32, this.#cval - this.#view.count());
    return BigInt(this.#ctl | (this.#isMet() ? CNT_CTL.ISTATUS : 0));
  }

  /** TVAL is signed and counts from now (D11.2.4). */
  write(part: "TVAL" | "CTL" | "CVAL", value: bigint): void {
    if (part === "CTL") this.#ctl = Number(BigInt.asUintN(32, value)) & CTL_MASK;
    else if (part === "CVAL") this.#cval = BigInt.asUintN(64, value);
    else this.#cval = BigInt.asUintN(64, this.#view.count() + BigInt.asIntN(32, value));
    this.update();
  }

  reset(): void {
    this.#ctl = 0;
    this.#cval = 0n;
    this.update();
  }

  /** Moves the wire to where it belongs, and waits for the moment at which it will move again. */
  update(): void {
    const isMet = this.#isMet();
    this.#wire(isMet && (this.#ctl & CNT_CTL.IMASK) === 0 ? 1 : 0);
    const waits = (this.#ctl & CNT_CTL.ENABLE) !== 0 && !isMet;
    if (waits) this.#timer.arm(this.#view.whenNs(this.#cval));
    else this.#timer.disarm();
  }

  #isMet(): boolean {
    return (this.#ctl & CNT_CTL.ENABLE) !== 0 && this.#view.count() >= this.#cval;
  }
}
