/*
 * The CPU interface of a GICv2 (ARM IHI 0048B §4.4): acknowledging, priority drop, deactivation.
 * Only 32-bit accesses reach it.
 */
import type { AccessSize, Device } from "../device.js";
import { GICC, GICC_CTLR, INTID_GROUP1, INTID_SPURIOUS, SPI_BASE } from "../regs/gicv2.js";
import {
  ALL_CPUS,
  type Cpu,
  type GicState,
  lowestBit,
  PRIORITY_IDLE,
  SGI_COUNT,
} from "./gicv2-state.js";

const GICC_CTLR_MASK = 0x21f;
const GICC_IIDR_VALUE = 0x2043b;

/** The interface of one CPU. */
export class GicCpuInterface implements Device {
  readonly #gic: GicState;
  readonly #cpu: Cpu;

  constructor(gic: GicState, cpu: Cpu) {
    this.#gic = gic;
    this.#cpu = cpu;
  }

  read(offset: number, size: AccessSize): number {
    if (size !== 4) return 0;
    switch (offset) {
      case GICC.CTLR:
        return this.#cpu.ctlr;
      case GICC.PMR:
        return this.#cpu.pmr;
      case GICC.BPR:
        return this.#cpu.bpr;
      case GICC.IAR:
        return this.#acknowledge();
      case GICC.RPR:
        return Math.min(this.#cpu.running, 0xff);
      case GICC.HPPIR:
        return this.#highestPending();
      case GICC.ABPR:
        return this.#cpu.abpr;
      case GICC.IIDR:
        return GICC_IIDR_VALUE;
      default:
        return activePriorities(this.#cpu, offset)?.[(offset >> 2) & 3] ?? 0;
    }
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (size !== 4) return;
    switch (offset) {
      case GICC.CTLR:
        this.#cpu.ctlr = value & GICC_CTLR_MASK;
        break;
      case GICC.PMR:
        this.#cpu.pmr = value & 0xff;
        break;
      case GICC.BPR:
        this.#cpu.bpr = value & 7;
        break;
      case GICC.EOIR:
        this.#endOfInterrupt(value & 0x3ff);
        break;
      case GICC.ABPR:
        this.#cpu.abpr = Math.max(value & 7, 1);
        break;
      case GICC.DIR:
        this.#deactivate(value & 0x3ff);
        break;
      default:
        this.#writeActivePriorities(offset, value);
        break;
    }
    this.#gic.update();
  }

  /** The distributor's reset covers the whole controller. */
  reset(): void {}

  #writeActivePriorities(offset: number, value: number): void {
    const words = activePriorities(this.#cpu, offset);
    if (words === undefined) return;
    words[(offset >> 2) & 3] = value;
    this.#cpu.running = mostUrgentActive(this.#cpu);
  }

  #highestPending(): number {
    const intid = this.#gic.best(this.#cpu);
    if (intid === INTID_SPURIOUS) return INTID_SPURIOUS;
    if (this.#gic.isGroup1(intid, this.#cpu) && (this.#cpu.ctlr & GICC_CTLR.AckCtl) === 0)
      return INTID_GROUP1;
    return intid; // QEMU leaves out the source CPU of an SGI.
  }

  #acknowledge(): number {
    const intid = this.#gic.best(this.#cpu);
    if (intid === INTID_SPURIOUS) return INTID_SPURIOUS;
    const group1 = this.#gic.isGroup1(intid, this.#cpu);
    if (group1 && (this.#cpu.ctlr & GICC_CTLR.AckCtl) === 0) return INTID_GROUP1;
    const priority = this.#gic.priorityOf(intid, this.#cpu);
    if (priority >= this.#cpu.running) return INTID_SPURIOUS;
    let answer = intid;
    if (intid < SGI_COUNT) {
      const source = lowestBit(this.#cpu.sgiSources[intid] as number);
      this.#cpu.sgiSources[intid]! &= ~(1 << source);
      answer |= source << 10;
    } else {
      this.#gic.latched[intid]! &= ~this.#cpu.mask;
    }
    this.#gic.active[intid]! |= intid < SPI_BASE ? this.#cpu.mask : ALL_CPUS;
    const binaryPoint =
      group1 && (this.#cpu.ctlr & GICC_CTLR.CBPR) === 0 ? this.#cpu.abpr - 1 : this.#cpu.bpr;
    const bit = (priority & (0xff << (binaryPoint + 1)) & 0xff) >> 1;
    (group1 ? this.#cpu.nsapr : this.#cpu.apr)[bit >> 5]! |= 1 << (bit & 31);
    this.#cpu.running = bit * 2;
    this.#gic.update();
    return answer;
  }

  #endOfInterrupt(intid: number): void {
    if (intid >= this.#gic.count || this.#cpu.running === PRIORITY_IDLE) return;
    dropPriority(this.#gic.isGroup1(intid, this.#cpu) ? this.#cpu.nsapr : this.#cpu.apr);
    this.#cpu.running = mostUrgentActive(this.#cpu);
    if ((this.#cpu.ctlr & GICC_CTLR.EOImode) === 0) this.#clearActive(intid);
  }

  #deactivate(intid: number): void {
    if (intid >= this.#gic.count || (this.#cpu.ctlr & GICC_CTLR.EOImode) === 0) return;
    this.#clearActive(intid);
  }

  #clearActive(intid: number): void {
    this.#gic.active[intid]! &= intid < SPI_BASE ? ~this.#cpu.mask : 0;
  }
}

/** The most urgent active group priority of a CPU, `PRIORITY_IDLE` if none is active. */
function mostUrgentActive(cpu: Cpu): number {
  for (let word = 0; word < 4; word++) {
    const bits = ((cpu.apr[word] as number) | (cpu.nsapr[word] as number)) >>> 0;
    if (bits !== 0) return (word * 32 + lowestBit(bits)) * 2;
  }
  return PRIORITY_IDLE;
}

/** Clears the most urgent of the active priorities. */
function dropPriority(active: Uint32Array): void {
  for (let word = 0; word < 4; word++) {
    const bits = active[word] as number;
    if (bits === 0) continue;
    active[word] = bits & (bits - 1);
    return;
  }
}

/** The four words of active priorities that `offset` of the CPU interface is one of, if any. */
function activePriorities(cpu: Cpu, offset: number): Uint32Array | undefined {
  switch (offset & ~0xf) {
    case GICC.APR:
      return cpu.apr;
    case GICC.NSAPR:
      return cpu.nsapr;
    default:
      return undefined;
  }
}
