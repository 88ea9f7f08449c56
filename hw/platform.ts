/*
 * The platform devices of a board: all that stands on the peripheral bus and is not virtio. Makes
 * each from its entry of the address map, and is their outside: console, GPIO pins, power key.
 */
import { type BoardMap, type DeviceEntry, deviceName } from "./board-map.js";
import { type Clock, hostClock, type Timer } from "./clock.js";
import type { Device, Quirks, Wire } from "./device.js";
import { FwCfg, type FwCfgFile } from "./devices/fw-cfg.js";
import { Pl011, type TransmitSink } from "./devices/pl011.js";
import { Pl031 } from "./devices/pl031.js";
import { Pl061 } from "./devices/pl061.js";
import { Sp804 } from "./devices/sp804.js";
import { type Domain, GuestMemory, type PhysicalMemory } from "./memory.js";
import { PL061_PINS } from "./regs/pl061.js";

/** How long a press of the power key holds its pin high, as on QEMU. */
export const POWER_KEY_NS = 100_000_000n;

/** Options of a `Platform`. */
export interface PlatformOptions {
  /** Takes what the first UART sends; `false` means not now (then call `drainConsole`). */
  console?: TransmitSink;
  /** The first UART takes input again, after `receive` had refused some. */
  consoleRoom?: () => void;
  /** An output pin of the first PL061 has changed. */
  gpioOutput?: (pin: number, level: 0 | 1) => void;
  /** Which devices: those of QEMU 7.2 (the default) or those of the manuals. */
  quirks?: Quirks;
  /** Time of all devices; default: the host's. */
  clock?: Clock;
  /** Seconds since 1970 at power-on; default: the host's calendar. */
  epochSeconds?: number;
  /** Files of the firmware configuration device. */
  files?: readonly FwCfgFile[];
}

/** The platform devices of one board. */
export class Platform {
  readonly clock: Clock;
  readonly #map: BoardMap;
  readonly #options: PlatformOptions;
  readonly #physical: PhysicalMemory;
  readonly #quirks: Quirks;
  readonly #powerKey: Timer;
  /** What the outside puts on the pins of the first PL061. */
  readonly #pins: (0 | 1)[] = new Array<0 | 1>(PL061_PINS).fill(0);
  /** Physical memory as the devices with DMA see it, by device name. */
  readonly #masters = new Map<string, GuestMemory>();
  #uart: Pl011 | undefined;
  #gpio: { name: string; device: Pl061 } | undefined;

  constructor(map: BoardMap, memory: PhysicalMemory, options: PlatformOptions) {
    this.clock = options.clock ?? hostClock();
    this.#map = map;
    this.#options = options;
    this.#physical = memory;
    this.#quirks = options.quirks ?? "qemu-7.2";
    this.#powerKey = this.clock.timer(() => this.setPin(map.powerKeyPin, 0));
  }

  /** Makes the device of an entry. */
  make(entry: DeviceEntry, interrupt: Wire): Device {
    const quirks = this.#quirks;
    const { clock } = this;
    switch (entry.kind) {
      case "pl011":
        return this.#makeUart(interrupt);
      case "pl031": {
        const epochSeconds = this.#options.epochSeconds ?? Math.floor(Date.now() / 1000);
        return new Pl031({ quirks, clock, interrupt, epochSeconds });
      }
      case "pl061":
        return this.#makeGpio(deviceName(entry), interrupt);
      case "sp804":
        return new Sp804({ quirks, clock, interrupt, clockHz: this.#map.timerClockHz });
      case "fw-cfg": {
        const memory = new GuestMemory(this.#physical);
        this.#masters.set(deviceName(entry), memory);
        return new FwCfg({ memory, cpuCount: 1, files: this.#options.files ?? [] });
      }
      case "virtio-mmio":
        throw new RangeError(`${deviceName(entry)} is no platform device`);
    }
  }

  /** Gives a device that does DMA the memory of `domain`, or none; others have no use for it. */
  assign(name: string, domain: Domain | undefined): void {
    this.#masters.get(name)?.assign(domain);
  }

  /** After a reset of one device alone: its pins still carry what they carried. */
  restorePins(name: string): void {
    if (this.#gpio?.name !== name) return;
    this.#pins.forEach((level, pin) => {
      this.#gpio?.device.input(pin, level);
    });
  }

  /** Input for the first UART. Returns how many bytes it took. */
  receive(bytes: Uint8Array): number {
    return this.#uart?.receive(bytes) ?? bytes.length;
  }

  /** The console can take output again. */
  drainConsole(): void {
    this.#uart?.drain();
  }

  /** Puts a level on a pin of the first PL061. Pins that there are not are ignored. */
  setPin(pin: number, level: 0 | 1): void {
    if (this.#pins[pin] === undefined) return;
    this.#pins[pin] = level;
    this.#gpio?.device.input(pin, level);
  }

  /** Presses the power key: its pin is high for `POWER_KEY_NS` from now on. */
  pressPowerKey(): void {
    this.setPin(this.#map.powerKeyPin, 1);
    this.#powerKey.arm(this.clock.now() + POWER_KEY_NS);
  }

  #makeUart(interrupt: Wire): Device {
    const { console, consoleRoom } = this.#uart === undefined ? this.#options : {};
    const uart = new Pl011({
      quirks: this.#quirks,
      transmit: console ?? (() => true),
      interrupt,
      room: consoleRoom ?? (() => {}),
    });
    this.#uart ??= uart;
    return uart;
  }

  #makeGpio(name: string, interrupt: Wire): Device {
    const output = this.#gpio === undefined ? this.#options.gpioOutput : undefined;
    const device = new Pl061({ quirks: this.#quirks, interrupt, output: output ?? (() => {}) });
    this.#gpio ??= { name, device };
    return device;
  }
}
