/*
 * A board: devices, bus, memory and interrupt controller put together from an address map. It runs
 * in the board thread and plays the part of CPU 0's exception vector: when the GIC asserts IRQ it
 * acknowledges the interrupt and tells the kernel. The line then stays active, which masks it,
 * until the kernel ends the interrupt.
 */
import { type BoardMap, type DeviceEntry, deviceName } from "./board-map.js";
import { type VirtioOptions, virtioDevices, virtioWire } from "./board-virtio.js";
import { Bus, type Window } from "./bus.js";
import type { Device, Wire } from "./device.js";
import { boardDeviceTree } from "./device-tree.js";
import { Gicv2 } from "./devices/gicv2.js";
import { Pl011, type TransmitSink } from "./devices/pl011.js";
import type { VirtioConsole } from "./devices/virtio-console.js";
import type { VirtioFunction } from "./devices/virtio-function.js";
import { EMPTY_SLOT, VirtioMmio } from "./devices/virtio-mmio.js";
import { type Domain, GuestMemory, PhysicalMemory } from "./memory.js";
import { GICC, GICC_CTLR, GICD, GICD_CTLR } from "./regs/gicv2.js";

/** INTIDs from here on are special answers of IAR, not interrupts. */
const INTID_SPECIAL = 1020;

/** How long the end of the board waits for a disk that does not answer. */
const REST_MS_MAX = 2000;

/** Options of a `Board`. */
export interface BoardOptions extends VirtioOptions {
  /** Takes what the first UART sends; `false` means not now (then call `drainConsole`). */
  console?: TransmitSink;
  /** The first UART takes input again, after `receive` had refused some. */
  consoleRoom?: () => void;
  /** Which UART: the one of QEMU 7.2 (the default) or that of the manual. */
  quirks?: "qemu-7.2" | "trm";
  /**
   * An interrupt was acknowledged; it can't come again before `endOfInterrupt`. Called from within
   * the access or completion that caused it: must not call back into the board.
   */
  vector?: (intid: number) => void;
}

/** A running board. */
export class Board {
  readonly bus: Bus;
  readonly memory = new PhysicalMemory();
  /** The flattened device tree that describes the board. */
  readonly deviceTree: Uint8Array;

  readonly #gicDistributor: Device;
  readonly #gicCpuInterface: Device;
  readonly #vector: (intid: number) => void;
  readonly #slots = new Map<string, VirtioMmio>();
  readonly #backends: readonly { close(): Promise<void> }[];
  /** The virtio consoles, in the order of the options. */
  readonly consoles: readonly VirtioConsole[];
  #uart: Pl011 | undefined;
  #irq: 0 | 1 = 0;
  #delivering = false;

  /** @throws RangeError if there are more virtio devices than slots. */
  constructor(map: BoardMap, options: BoardOptions = {}) {
    this.#vector = options.vector ?? (() => {});
    const links = [...(options.disks ?? []), ...(options.networks ?? [])];
    this.#backends = links.map(({ backend }) => backend);
    this.deviceTree = boardDeviceTree(map);
    const gic = new Gicv2({
      cpuCount: 1,
      spiCount: map.gic.spiCount,
      irq: () => (level) => this.#interruptRequest(level),
    });
    this.#gicDistributor = gic.distributor();
    this.#gicCpuInterface = gic.cpuInterface();
    const windows: Window[] = [
      { name: "gicd", ...map.gic.distributor, device: this.#gicDistributor },
      { name: "gicc", ...map.gic.cpuInterface, device: this.#gicCpuInterface },
    ];
    const { functions, consoles } = virtioDevices(options);
    this.consoles = consoles;
    for (const entry of map.devices) {
      const device =
        entry.kind === "pl011"
          ? this.#addUart(entry, gic, options)
          : this.#addSlot(entry, functions.shift(), this.#slotWire(entry, gic, options));
      windows.push({ name: deviceName(entry), ...entry.window, device });
    }
    if (functions.length > 0) {
      throw new RangeError(`board ${map.name} has no slot for ${functions.length} virtio devices`);
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
    return this.resetDevice(name);
  }

  /** Resets a device; resolves when nothing that it was doing can still have an effect. */
  async resetDevice(name: string): Promise<void> {
    this.bus.named(name)?.device.reset();
    await this.quiesced(name);
  }

  /** Resets everything, as the reset button does; resolves when all devices are at rest. */
  async reset(): Promise<void> {
    this.bus.reset();
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
    return this.#uart?.receive(bytes) ?? bytes.length;
  }

  /** The console can take output again. */
  drainConsole(): void {
    this.#uart?.drain();
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

  #addUart(entry: DeviceEntry, gic: Gicv2, options: BoardOptions): Device {
    const first = this.#uart === undefined;
    const uart = new Pl011({
      quirks: options.quirks ?? "qemu-7.2",
      transmit: (first ? options.console : undefined) ?? (() => true),
      interrupt: gic.spi(entry.spi),
      room: (first ? options.consoleRoom : undefined) ?? (() => {}),
    });
    this.#uart ??= uart;
    return uart;
  }

  #slotWire(entry: DeviceEntry, gic: Gicv2, { faults }: BoardOptions): Wire {
    return virtioWire(gic.spi(entry.spi), faults, this.#slots.size);
  }

  #addSlot(entry: DeviceEntry, device: VirtioFunction | undefined, wire: Wire): Device {
    if (device === undefined) return EMPTY_SLOT;
    const slot = new VirtioMmio(device, new GuestMemory(this.memory), wire);
    this.#slots.set(deviceName(entry), slot);
    return slot;
  }

  /** With EOImode the priority drops at once, and the line stays active until DIR is written. */
  #startInterrupts(): void {
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
      this.#vector(intid);
    }
    this.#delivering = false;
  }
}

function bitOf(intid: number): number {
  return (1 << (intid & 31)) >>> 0;
}
