/*
 * The Generic Interrupt Controller, architecture version 2 (ARM IHI 0048B), without security and
 * virtualisation extensions: one distributor, and a CPU interface for each of up to eight CPUs.
 * This file puts the parts together. It follows QEMU 7.2 where the manual leaves a choice, and in
 * the oddities that the parts name.
 */
import type { Device, Wire } from "../device.js";
import { SPI_BASE } from "../regs/gicv2.js";
import { GicCpuInterface } from "./gicv2-cpu-interface.js";
import { GicDistributor } from "./gicv2-distributor.js";
import { ALL_CPUS, type Cpu, GicState, type Gicv2Options } from "./gicv2-state.js";

/** A GICv2. */
export class Gicv2 {
  readonly #state: GicState;

  constructor(options: Gicv2Options) {
    this.#state = new GicState(options);
  }

  /** The distributor's window as CPU `index` sees it. */
  distributor(index = 0): Device {
    return new GicDistributor(this.#state, this.#cpu(index));
  }

  /** The window of CPU `index`'s interface. */
  cpuInterface(index = 0): Device {
    return new GicCpuInterface(this.#state, this.#cpu(index));
  }

  /** The wire that drives shared interrupt `spi` (INTID 32 + `spi`). */
  spi(spi: number): Wire {
    return (level) => this.#state.drive(SPI_BASE + spi, ALL_CPUS, level);
  }

  /** The wire that drives private interrupt `intid` (16–31) of one CPU. */
  ppi(intid: number, index = 0): Wire {
    return (level) => this.#state.drive(intid, this.#cpu(index).mask, level);
  }

  #cpu(index: number): Cpu {
    const cpu = this.#state.cpus[index];
    if (cpu === undefined) throw new RangeError(`the GIC has no CPU ${index}`);
    return cpu;
  }
}
