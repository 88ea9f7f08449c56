/*
 * A board: devices, bus, memory and interrupt controller put together from an address map. It runs
 * in the board thread and plays the part of CPU 0's exception vector: when the GIC asserts IRQ it
 * acknowledges the interrupt and tells the kernel. The line then stays active, which masks it,
 * until the kernel ends the interrupt.
 */
import { type BoardMap, type DeviceEntry, deviceName } from "./board-map.js";
import { type VirtioOptions, virtioDevices, virtioWire } from "./board-virtio.js";
import { Bus, type Window } from "./bus.js";
import { type Device, UNCONNECTED, type Wire } from "./device.js";
import { boardDeviceTree } from "./device-tree.js";
import { GenericTimer } from "./devices/generic-timer.js";
import { Gicv2 } from "./devices/gicv2.js";
import { callPsci } from "./devices/psci.js";
import type { VirtioConsole } from "./devices/virtio-console.js";
import type { VirtioFunction } from "./devices/virtio-function.js";
import { EMPTY_SLOT, VirtioMmio } from "./devices/virtio-mmio.js";
import { type Domain, GuestMemory, PhysicalMemory } from "./memory.js";
import { Platform, type PlatformOptions } from "./platform.js";
import { CNTFRQ_HZ } from "./regs/generic-timer.js";
import { GICC, GICC_CTLR, GICD, GICD_CTLR, PPI_BASE } from "./regs/gicv2.js";

/** INTIDs from here on are special answers of IAR, not interrupts. */
const INTID_SPECIAL = 1020;

/** How long the end of the board waits for a disk that does not answer. */
const REST_MS_MAX = 2000;

/** Options of a `Board`. */
export interface BoardOptions extends PlatformOptions, VirtioOptions {
  /**
   * An interrupt was acknowledged; it can't come again before `endOfInterrupt`. Called from within
   * the access or completion that caused it: must not call back into the board.
   */
  vector?: (intid: number) => void;
  /**
   * Who sees the GIC's request lines of CPU 0. With it the board plays no CPU: it sets nothing up
   * in the GIC, and `vector` is never called.
   */
  cpu?: { irq: Wire; fiq: Wire };
  /** Sees every change of a shared interrupt's wire, before the GIC does. */
  onWire?: (spi: number, level: 0 | 1) => void;
  /** The operating system asked the firmware for power off or reset; a reset is done already. */
  onPower?: (event: "off" | "reset") => void;
}

/** A running board. */
export class Board {
  readonly bus: Bus;
  readonly memory = new PhysicalMemory();
  /** The flattened device tree that describes the board. */
  readonly deviceTree: Uint8Array;
  /** The generic timer of CPU 0. */
  readonly timer: GenericTimer;

  readonly #gicDistributor: Device;
  readonly #gicCpuInterface: Device;
  readonly #options: BoardOptions;
  readonly #gic: Gicv2;
  readonly #platform: Platform;
  readonly #slots = new Map<string, VirtioMmio>();
  readonly #backends: readonly { close(): Promise<void> }[];
  /** The virtio consoles, in the order of the options. */
  readonly consoles: readonly VirtioConsole[];
  #irq: 0 | 1 = 0;
  #delivering = false;

  /** @throws BoardError if there are more disks, networks or consoles than slots for them. */
  constructor(map: BoardMap, options: BoardOptions = {}) {
    this.#options = options;
    const links = [...(options.disks ?? []), ...(options.networks ?? [])];
    this.#backends = links.map(({ backend }) => backend);
    this.deviceTree = boardDeviceTree(map);
    const { cpu } = options;
    this.#gic = new Gicv2({
      cpuCount: 1,
      spiCount: map.gic.spiCount,
      irq: () => cpu?.irq ?? ((level) => this.#interruptRequest(level)),
      fiq: () => cpu?.fiq ?? UNCONNECTED,
    });
    this.#gicDistributor = this.#gic.distributor();
    this.#gicCpuInterface = this.#gic.cpuInterface();
    this.#platform = new Platform(map, this.memory, options);
    this.timer = this.#makeTimer(map);
    const windows: Window[] = [
      { name: "gicd", ...map.gic.distributor, device: this.#gicDistributor },
      { name: "gicc", ...map.gic.cpuInterface, device: this.#gicCpuInterface },
    ];
    const { functions, consoles } = virtioDevices(map, options);
    this.consoles = consoles;
    for (const entry of map.devices) {
      const wire = this.#wire(entry.spi);
      const device =
        entry.kind === "virtio-mmio"
          ? this.#addSlot(entry, wire, functions.get(entry))
          : this.#platform.make(entry, wire);
      windows.push({ name: deviceName(entry), ...entry.window, device });
    }
    this.bus = new Bus(windows);
    this.#startInterrupts();
  }

  /**
   * Gives a device to the driver whose DMA regions are `domain`, or takes it from every driver. The
   * device is reset. Its old driver's memory is out of its reach at once; resolves when no request
   * of that driver can still reach the disk either. A device without DMA is only reset.
   */
  assign(name: string, domain: Domain | undefined): Promise<void> {
    this.#slots.get(name)?.memory.assign(domain);
    this.#platform.assign(name, domain);
    return this.resetDevice(name);
  }

  /** Resets a device; resolves when nothing that it was doing can still have an effect. */
  async resetDevice(name: string): Promise<void> {
    this.bus.named(name)?.device.reset();
    this.#platform.restorePins(name);
    await this.quiesced(name);
  }

  /** Resets everything, as the reset button does; resolves when all devices are at rest. */
  async reset(): Promise<void> {
    this.bus.reset();
    this.timer.reset();
    this.#startInterrupts();
    await Promise.all([...this.#slots.values()].map((slot) => slot.quiesced()));
  }

  /** Resolves when a reset of the device, if one is under way, is complete. */
  async quiesced(name: string): Promise<void> {
    await this.#slots.get(name)?.quiesced();
  }

  /** The name of the device that answers at a physical address, if there is one. */
  deviceAt(address: number): string | undefined {
    return this.bus.at(address)?.name;
  }

  // --- console -------------------------------------------------------------------------------

  /** Input for the first UART. Returns how many bytes it took. */
  receive(bytes: Uint8Array): number {
    return this.#platform.receive(bytes);
  }

  /** The console can take output again. */
  drainConsole(): void {
    this.#platform.drainConsole();
  }

  // --- pins and power ------------------------------------------------------------------------

  /** Puts a level on a pin of the first PL061. */
  setPin(pin: number, level: 0 | 1): void {
    this.#platform.setPin(pin, level);
  }

  /**
   * Drives a wire of the GIC from outside, as a device that is not there would: shared interrupts
   * from 0 on, and the private one of INTID n at 256 + n.
   */
  setWire(number: number, level: 0 | 1): void {
    const wire = number < 256 ? this.#gic.spi(number) : this.#gic.ppi(number - 256);
    wire(level);
  }

  /** Presses the power key. */
  pressPowerKey(): void {
    this.#platform.pressPowerKey();
  }

  /**
   * A call of the operating system to its firmware (`regs/psci.ts`); returns the firmware's answer.
   * @param target - the first argument: a CPU's affinity, or the function that is asked about
   */
  psci(functionId: number, target = 0): number {
    return callPsci(functionId, target, {
      powerOff: () => this.#options.onPower?.("off"),
      reset: () => void this.reset().then(() => this.#options.onPower?.("reset")),
    });
  }

  // --- interrupts ----------------------------------------------------------------------------

  /** Lets an interrupt through to the vector. One that is pending already comes at once. */
  enableInterrupt(intid: number, trigger: "edge" | "level"): void {
    const register = GICD.ICFGR + 4 * (intid >> 4);
    const bit = 2 << (2 * (intid & 15));
    const before = this.#gicDistributor.read(register, 4);
    const after = trigger === "edge" ? before | bit : before & ~bit;
    this.#gicDistributor.write(register, 4, after >>> 0);
    this.#gicDistributor.write(GICD.ISENABLER + 4 * (intid >> 5), 4, bitOf(intid));
  }

  /** Stops an interrupt, and forgets it if it is pending or active: its driver is gone. */
  disableInterrupt(intid: number): void {
    this.#gicDistributor.write(GICD.ICENABLER + 4 * (intid >> 5), 4, bitOf(intid));
    this.#gicDistributor.write(GICD.ICPENDR + 4 * (intid >> 5), 4, bitOf(intid));
    this.endOfInterrupt(intid);
  }

  /** The driver has dealt with an interrupt: it may come again. Harmless if it is not active. */
  endOfInterrupt(intid: number): void {
    this.#gicCpuInterface.write(GICC.DIR, 4, intid);
  }

  /** Whether an interrupt was delivered and not ended yet. */
  isInterruptActive(intid: number): boolean {
    const register = GICD.ISACTIVER + 4 * (intid >> 5);
    return (this.#gicDistributor.read(register, 4) & bitOf(intid)) !== 0;
  }

  /** Resets all devices, waits for what they were doing, and closes disks and networks. */
  async close(): Promise<void> {
    for (const slot of this.#slots.values()) {
      slot.memory.assign(undefined);
      slot.reset();
    }
    await this.#rest();
    await Promise.all(this.#backends.map((backend) => backend.close()));
  }

  /** Resolves when all devices are at rest, or can't be waited for any longer. */
  async #rest(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, REST_MS_MAX);
    });
    const quiesced = [...this.#slots.values()].map((slot) => slot.quiesced());
    await Promise.race([Promise.all(quiesced), late]);
    clearTimeout(timer);
  }

  #addSlot(entry: DeviceEntry, wire: Wire, device: VirtioFunction | undefined): Device {
    if (device === undefined) return EMPTY_SLOT;
    const interrupt = virtioWire(wire, this.#options.faults, this.#slots.size);
    const slot = new VirtioMmio(device, new GuestMemory(this.memory), interrupt);
    this.#slots.set(deviceName(entry), slot);
    return slot;
  }

  /** The GIC's input for a device; one without an interrupt drives nothing. */
  #wire(spi: number | undefined): Wire {
    if (spi === undefined) return UNCONNECTED;
    const input = this.#gic.spi(spi);
    const { onWire } = this.#options;
    if (onWire === undefined) return input;
    let before = 0;
    return (level) => {
      if (level !== before) onWire(spi, level);
      before = level;
      input(level);
    };
  }

  #makeTimer(map: BoardMap): GenericTimer {
    const [secure, nonSecure, virtual, hypervisor] = map.timer.ppis.map((ppi) =>
      this.#gic.ppi(PPI_BASE + ppi),
    );
    return new GenericTimer({
      clock: this.#platform.clock,
      frequencyHz: CNTFRQ_HZ,
      wires: {
        secure: secure ?? UNCONNECTED,
        nonSecure: nonSecure ?? UNCONNECTED,
        virtual: virtual ?? UNCONNECTED,
        hypervisor: hypervisor ?? UNCONNECTED,
      },
    });
  }

  /** With EOImode the priority drops at once, and the line stays active until DIR is written. */
  #startInterrupts(): void {
    if (this.#options.cpu !== undefined) return;
    this.#gicDistributor.write(GICD.CTLR, 4, GICD_CTLR.EnableGrp0);
    this.#gicCpuInterface.write(GICC.PMR, 4, 0xff);
    this.#gicCpuInterface.write(GICC.CTLR, 4, GICC_CTLR.EnableGrp0 | GICC_CTLR.EOImode);
  }

  /** The IRQ line of CPU 0. Runs again for what comes while it runs, not within itself. */
  #interruptRequest(level: 0 | 1): void {
    this.#irq = level;
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#irq === 1) {
      const intid = this.#gicCpuInterface.read(GICC.IAR, 4);
      if (intid >= INTID_SPECIAL) break;
      this.#gicCpuInterface.write(GICC.EOIR, 4, intid);
      this.#options.vector?.(intid);
    }
    this.#delivering = false;
  }
}

function bitOf(intid: number): number {
  return (1 << (intid & 31)) >>> 0;
}
