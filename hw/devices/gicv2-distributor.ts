/*
 * The distributor of a GICv2 (ARM IHI 0048B §4.3) as one CPU sees it: INTIDs 0–31 are banked.
 * Registers are byte-accessible, and wider writes act byte by byte, in ascending order, with the
 * lines to the CPUs re-evaluated in between (as QEMU 7.2 does).
 */
import type { AccessSize, Device } from "../device.js";
import { GICD, GICD_ID, GICD_SGIR, SPI_BASE } from "../regs/gicv2.js";
import { ALL_CPUS, type Cpu, type GicState, SGI_COUNT } from "./gicv2-state.js";

const GICD_IIDR_VALUE = 0x43b;

/** The distributor, seen by one CPU. */
export class GicDistributor implements Device {
  readonly #gic: GicState;
  readonly #cpu: Cpu;

  constructor(gic: GicState, cpu: Cpu) {
    this.#gic = gic;
    this.#cpu = cpu;
  }

  read(offset: number, size: AccessSize): number {
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.#readByte(offset + i);
    return value;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset >= GICD.SGIR && offset < GICD.CPENDSGIR) {
      if (size === 4 && offset === GICD.SGIR) this.#sendSgi(value);
      return;
    }
    for (let i = 0; i < size; i++) {
      this.#writeByte(offset + i, (value >>> (8 * i)) & 0xff);
      this.#gic.update();
    }
  }

  reset(): void {
    this.#gic.reset();
  }

  #readByte(offset: number): number {
    const index = offset & 0x7f;
    switch (offset & ~0x7f) {
      case 0x000:
        return this.#readIdentity(offset);
      case GICD.IGROUPR:
        return this.#bits(index * 8, (id) => this.#gic.isGroup1(id, this.#cpu));
      case GICD.ISENABLER:
      case GICD.ICENABLER:
        return this.#bits(index * 8, (id) => this.#isSet(this.#gic.enabled, id));
      case GICD.ISPENDR:
      case GICD.ICPENDR:
        return this.#bits(index * 8, (id) => this.#isPendingAnywhere(id));
      case GICD.ISACTIVER:
      case GICD.ICACTIVER:
        return this.#bits(index * 8, (id) => this.#isSet(this.#gic.active, id));
      default:
        break;
    }
    if (offset < GICD.ITARGETSR) return this.#readPriority(offset - GICD.IPRIORITYR);
    if (offset < GICD.ICFGR) return this.#readTarget(offset - GICD.ITARGETSR);
    if (offset < GICD.SGIR) return this.#readConfiguration((offset - GICD.ICFGR) * 4);
    if (offset >= GICD.CPENDSGIR && offset < GICD.SPENDSGIR + SGI_COUNT) {
      return this.#cpu.sgiSources[offset & (SGI_COUNT - 1)] as number;
    }
    return offset % 4 === 0 ? (GICD_ID[(offset - GICD.PIDR4) / 4] ?? 0) : 0;
  }

  #writeByte(offset: number, value: number): void {
    const index = offset & 0x7f;
    switch (offset & ~0x7f) {
      case 0x000:
        if (offset === GICD.CTLR) this.#gic.ctlr = value & 3;
        return;
      case GICD.IGROUPR:
        this.#assign(this.#gic.group, index * 8, value);
        return;
      case GICD.ISENABLER:
        this.#set(this.#gic.enabled, index * 8, value);
        return;
      case GICD.ICENABLER:
        this.#clear(this.#gic.enabled, index * 8, value);
        return;
      case GICD.ISPENDR:
        this.#setPending(index * 8, value);
        return;
      case GICD.ICPENDR:
        this.#clear(this.#gic.latched, index * 8, value);
        return;
      case GICD.ISACTIVER:
        this.#set(this.#gic.active, index * 8, value);
        return;
      case GICD.ICACTIVER:
        this.#clear(this.#gic.active, index * 8, value);
        return;
      default:
        break;
    }
    if (offset < GICD.ITARGETSR) this.#writePriority(offset - GICD.IPRIORITYR, value);
    else if (offset < GICD.ICFGR) this.#writeTarget(offset - GICD.ITARGETSR, value);
    else if (offset < GICD.SGIR) this.#writeConfiguration((offset - GICD.ICFGR) * 4, value);
    else if (offset < GICD.CPENDSGIR) return;
    else if (offset < GICD.SPENDSGIR) this.#cpu.sgiSources[offset - GICD.CPENDSGIR]! &= ~value;
    else if (offset < GICD.SPENDSGIR + SGI_COUNT) {
      this.#cpu.sgiSources[offset - GICD.SPENDSGIR]! |= value;
    }
  }

  #readIdentity(offset: number): number {
    const shift = 8 * (offset & 3);
    switch (offset & ~3) {
      case GICD.CTLR:
        return (this.#gic.ctlr >>> shift) & 0xff;
      case GICD.TYPER:
        return (((this.#gic.count / 32 - 1) | ((this.#gic.cpus.length - 1) << 5)) >>> shift) & 0xff;
      case GICD.IIDR:
        return (GICD_IIDR_VALUE >>> shift) & 0xff;
      default:
        return 0;
    }
  }

  /** A register byte whose bit i says `test(first + i)`. */
  #bits(first: number, test: (intid: number) => boolean): number {
    let value = 0;
    for (let i = 0; i < 8 && first + i < this.#gic.count; i++) if (test(first + i)) value |= 1 << i;
    return value;
  }

  #isSet(state: Uint8Array, intid: number): boolean {
    return ((state[intid] as number) & this.#cpu.mask) !== 0;
  }

  #isPendingAnywhere(intid: number): boolean {
    if (intid < SPI_BASE) return this.#gic.isPending(intid, this.#cpu);
    const wire = this.#gic.edge[intid] === 0 ? (this.#gic.wire[intid] as number) : 0;
    return ((this.#gic.latched[intid] as number) | wire) !== 0;
  }

  #assign(state: Uint8Array, first: number, value: number): void {
    this.#set(state, first, value);
    this.#clear(state, first, ~value & 0xff);
  }

  #set(state: Uint8Array, first: number, value: number): void {
    for (let i = 0; i < 8 && first + i < this.#gic.count; i++) {
      if ((value & (1 << i)) === 0) continue;
      state[first + i]! |= first + i < SPI_BASE ? this.#cpu.mask : ALL_CPUS;
    }
  }

  #clear(state: Uint8Array, first: number, value: number): void {
    for (let i = 0; i < 8 && first + i < this.#gic.count; i++) {
      if ((value & (1 << i)) === 0) continue;
      if (state === this.#gic.enabled && first + i < SGI_COUNT) continue;
      state[first + i]! &= first + i < SPI_BASE ? ~this.#cpu.mask : 0;
    }
  }

  #setPending(first: number, value: number): void {
    for (let i = 0; i < 8 && first + i < this.#gic.count; i++) {
      if ((value & (1 << i)) === 0 || first + i < SGI_COUNT) continue;
      this.#gic.latched[first + i]! |= this.#gic.target[first + i] as number;
    }
  }

  #readPriority(intid: number): number {
    return intid < this.#gic.count ? this.#gic.priorityOf(intid, this.#cpu) : 0;
  }

  #writePriority(intid: number, value: number): void {
    if (intid < SPI_BASE) this.#cpu.priority[intid] = value;
    else if (intid < this.#gic.count) this.#gic.priority[intid] = value;
  }

  #readTarget(intid: number): number {
    if (this.#gic.cpus.length === 1 || intid >= this.#gic.count) return 0;
    return intid < SPI_BASE ? this.#cpu.mask : (this.#gic.target[intid] as number);
  }

  /** QEMU: private interrupts read as banked, but can be set pending only once written here. */
  #writeTarget(intid: number, value: number): void {
    if (this.#gic.cpus.length === 1 || intid >= this.#gic.count) return;
    this.#gic.target[intid] = intid < SPI_BASE ? ALL_CPUS : value;
  }

  #readConfiguration(first: number): number {
    let value = 0;
    for (let i = 0; i < 4; i++) if (this.#gic.edge[first + i] === 1) value |= 2 << (2 * i);
    return value;
  }

  #writeConfiguration(first: number, value: number): void {
    for (let i = 0; i < 4; i++) {
      if (first + i < SGI_COUNT || first + i >= this.#gic.count) continue;
      this.#gic.edge[first + i] = (value >> (2 * i + 1)) & 1;
    }
  }

  #sendSgi(value: number): void {
    const sgi = value & GICD_SGIR.INTID_MASK;
    const list = (value >>> GICD_SGIR.CPUTargetList_SHIFT) & 0xff;
    const filter = (value >>> GICD_SGIR.TargetListFilter_SHIFT) & 3;
    const targets = [list, ALL_CPUS & ~this.#cpu.mask, this.#cpu.mask, list][filter] as number;
    for (const cpu of this.#gic.cpus) {
      if ((targets & cpu.mask) !== 0) cpu.sgiSources[sgi]! |= this.#cpu.mask;
    }
    this.#gic.update();
  }
}
