/*
 * What a GICv2 knows, and how it chooses: the state of every interrupt on every CPU, and which of
 * them each CPU is asked to take. The registers in front of it are in gicv2-distributor.ts and
 * gicv2-cpu-interface.ts. The pending latch of a shared interrupt is kept per CPU, as in QEMU.
 *
 * State that is per interrupt and per CPU is one byte per INTID, a mask of CPUs. For shared
 * interrupts (SPIs) "enabled", "active", "group" and "wire" hold all CPUs or none.
 */
import { UNCONNECTED, type Wire } from "../device.js";
import { GICC_CTLR, GICD_CTLR, INTID_SPURIOUS, SPI_BASE } from "../regs/gicv2.js";

export const SGI_COUNT = 16;
export const ALL_CPUS = 0xff;
/** Running priority while nothing is active: less urgent than any 8-bit priority. */
export const PRIORITY_IDLE = 0x100;

/** Options of a `Gicv2`. */
export interface Gicv2Options {
  cpuCount: number;
  /** Shared interrupts, a multiple of 32. */
  spiCount: number;
  /** The interrupt request (IRQ) and fast interrupt request (FIQ) lines of each CPU. */
  irq?: (cpu: number) => Wire;
  fiq?: (cpu: number) => Wire;
}

/** What belongs to one CPU: its interface, and its banked part of the distributor. */
export interface Cpu {
  readonly mask: number;
  readonly irq: Wire;
  readonly fiq: Wire;
  irqLevel: 0 | 1;
  fiqLevel: 0 | 1;
  ctlr: number;
  pmr: number;
  bpr: number;
  abpr: number;
  /** Priority of what the CPU is doing: follows the active priorities, except after a reset. */
  running: number;
  /** Active priorities of groups 0 and 1: a bit for each of the 128 group priorities. */
  readonly apr: Uint32Array;
  readonly nsapr: Uint32Array;
  /** Priorities of INTIDs 0–31. */
  readonly priority: Uint8Array;
  /** For each SGI the mask of CPUs that sent it: not zero means pending. */
  readonly sgiSources: Uint8Array;
}

/** The state of a GICv2. Who changes it calls `update()` afterwards. */
export class GicState {
  readonly count: number;
  readonly cpus: Cpu[] = [];
  ctlr = 0;
  readonly group: Uint8Array;
  readonly enabled: Uint8Array;
  /** Pending by an edge or by software; a level-sensitive wire adds to it. */
  readonly latched: Uint8Array;
  readonly active: Uint8Array;
  readonly wire: Uint8Array;
  readonly target: Uint8Array;
  readonly edge: Uint8Array;
  /** Priorities of INTIDs from 32 on; the others are per CPU. */
  readonly priority: Uint8Array;

  constructor(options: Gicv2Options) {
    const count = SPI_BASE + options.spiCount;
    this.count = count;
    this.group = new Uint8Array(count);
    this.enabled = new Uint8Array(count);
    this.latched = new Uint8Array(count);
    this.active = new Uint8Array(count);
    this.wire = new Uint8Array(count);
    this.target = new Uint8Array(count);
    this.edge = new Uint8Array(count);
    this.priority = new Uint8Array(count);
    for (let index = 0; index < options.cpuCount; index++) {
      this.cpus.push({
        mask: 1 << index,
        irq: options.irq?.(index) ?? UNCONNECTED,
        fiq: options.fiq?.(index) ?? UNCONNECTED,
        irqLevel: 0,
        fiqLevel: 0,
        ctlr: 0,
        pmr: 0,
        bpr: 0,
        abpr: 1,
        running: PRIORITY_IDLE,
        apr: new Uint32Array(4),
        nsapr: new Uint32Array(4),
        priority: new Uint8Array(SPI_BASE),
        sgiSources: new Uint8Array(SGI_COUNT),
      });
    }
    this.reset();
  }

  /** A system reset: active priorities and lines to the CPUs stay as they are (QEMU 7.2). */
  reset(): void {
    this.ctlr = 0;
    for (const state of [this.group, this.enabled, this.latched, this.active]) state.fill(0);
    for (const state of [this.wire, this.target, this.priority]) state.fill(0);
    this.enabled.fill(ALL_CPUS, 0, SGI_COUNT);
    this.edge.fill(0).fill(1, 0, SGI_COUNT);
    if (this.cpus.length === 1) this.target.fill(1);
    for (const cpu of this.cpus) {
      cpu.ctlr = 0;
      cpu.pmr = 0;
      cpu.bpr = 0;
      cpu.abpr = 1;
      cpu.running = PRIORITY_IDLE;
      cpu.priority.fill(0);
      cpu.sgiSources.fill(0);
    }
  }

  /** Sets the level of interrupt `intid`'s wire on the CPUs in `mask`. */
  drive(intid: number, mask: number, level: 0 | 1): void {
    const before = this.wire[intid] as number;
    const after = level === 1 ? before | mask : before & ~mask;
    if (after === before) return;
    this.wire[intid] = after;
    if (level === 1 && this.edge[intid] === 1) {
      this.latched[intid]! |= intid < SPI_BASE ? mask : (this.target[intid] as number);
    }
    this.update();
  }

  /** Whether an interrupt is pending on a CPU. */
  isPending(intid: number, cpu: Cpu): boolean {
    if (intid < SGI_COUNT) return cpu.sgiSources[intid] !== 0;
    let pending = this.latched[intid] as number;
    if (this.edge[intid] === 0) pending |= this.wire[intid] as number;
    return (pending & cpu.mask) !== 0;
  }

  /** Whether an interrupt is in group 1 for a CPU. */
  isGroup1(intid: number, cpu: Cpu): boolean {
    return ((this.group[intid] as number) & cpu.mask) !== 0;
  }

  /** Priority of an interrupt for a CPU. */
  priorityOf(intid: number, cpu: Cpu): number {
    return (intid < SPI_BASE ? cpu.priority[intid] : this.priority[intid]) as number;
  }

  /**
   * The most urgent interrupt that waits for this CPU and passes its priority mask. Its group need
   * not be enabled, as long as some group is, in the distributor and in the CPU interface.
   */
  best(cpu: Cpu): number {
    if ((this.ctlr & 3) === 0 || (cpu.ctlr & 3) === 0) return INTID_SPURIOUS;
    let best = INTID_SPURIOUS;
    let bestPriority = cpu.pmr;
    for (let intid = 0; intid < this.count; intid++) {
      if (((this.enabled[intid] as number) & cpu.mask) === 0) continue;
      if (((this.active[intid] as number) & cpu.mask) !== 0) continue;
      if (!this.isPending(intid, cpu)) continue;
      if (intid >= SPI_BASE && ((this.target[intid] as number) & cpu.mask) === 0) continue;
      const priority = this.priorityOf(intid, cpu);
      if (priority >= bestPriority) continue;
      best = intid;
      bestPriority = priority;
    }
    return best;
  }

  /** Whether both the distributor and the CPU interface forward this interrupt's group. */
  #isForwarded(intid: number, cpu: Cpu): boolean {
    return this.isGroup1(intid, cpu)
      ? (this.ctlr & GICD_CTLR.EnableGrp1) !== 0 && (cpu.ctlr & GICC_CTLR.EnableGrp1) !== 0
      : (this.ctlr & GICD_CTLR.EnableGrp0) !== 0 && (cpu.ctlr & GICC_CTLR.EnableGrp0) !== 0;
  }

  /** The interrupt that this CPU is being asked to take, or `INTID_SPURIOUS`. */
  #signalled(cpu: Cpu): number {
    const best = this.best(cpu);
    if (best === INTID_SPURIOUS || !this.#isForwarded(best, cpu)) return INTID_SPURIOUS;
    return this.priorityOf(best, cpu) < cpu.running ? best : INTID_SPURIOUS;
  }

  /** Moves the lines to the CPUs to where the state says. Wires may call back into the GIC. */
  update(): void {
    for (const cpu of this.cpus) {
      const intid = this.#signalled(cpu);
      const signalled = intid !== INTID_SPURIOUS;
      const asFiq = signalled && !this.isGroup1(intid, cpu) && (cpu.ctlr & GICC_CTLR.FIQEn) !== 0;
      const irqLevel = signalled && !asFiq ? 1 : 0;
      const fiqLevel = asFiq ? 1 : 0;
      const irqMoves = irqLevel !== cpu.irqLevel;
      const fiqMoves = fiqLevel !== cpu.fiqLevel;
      cpu.irqLevel = irqLevel;
      cpu.fiqLevel = fiqLevel;
      if (irqMoves) cpu.irq(irqLevel);
      if (fiqMoves) cpu.fiq(fiqLevel);
    }
  }
}

/** The lowest CPU in a mask that is not empty; of a word, its lowest bit. */
export function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
