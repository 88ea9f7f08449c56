/*
 * The bus as drivers reach it: each driver incarnation has a channel, the windows and the lines
 * that the kernel gave it, and nothing else. When the kernel fences a driver its channel is closed
 * first, then its lines, its memory and its devices; what its zombie still writes goes nowhere.
 */
import type { ToBoard } from "../ipc/board-mail.js";
import { Doorbell } from "../ipc/doorbell.js";
import { OP_BUS_READ, OP_BUS_WRITE, OP_IRQ_ACK } from "../ipc/opcode.js";
import { ProviderChannel } from "../ipc/provider-channel.js";
import { emptySqe, type Sqe } from "../ipc/sqe.js";
import { vectorCounts } from "../ipc/vector.js";
import type { Board } from "./board.js";
import { type BoardMap, deviceName } from "./board-map.js";
import { SPI_BASE } from "./regs/gicv2.js";

/** Accesses taken from one driver before the next has its turn. */
const TURN = 64;

interface Driver {
  domain: number;
  channel: ProviderChannel;
  bell: Doorbell;
  windows: ReadonlySet<number>;
  lines: ReadonlySet<number>;
}

/** Serves register accesses and delivers interrupts. */
export class BusServer {
  readonly #board: Board;
  readonly #map: BoardMap;
  readonly #bell: Doorbell;
  readonly #drivers = new Map<number, Driver>();
  readonly #byLine = new Map<number, Driver>();
  readonly #sqe: Sqe = emptySqe();
  #counts: Int32Array | undefined;
  /** Accesses to what a driver was not given. */
  violations = 0;

  /** @param bell - the board thread's own */
  constructor(board: Board, map: BoardMap, bell: Doorbell) {
    this.#board = board;
    this.#map = map;
    this.#bell = bell;
  }

  /** The kernel's vector: where interrupts are counted. */
  setVector(memory: SharedArrayBuffer): void {
    this.#counts = vectorCounts(memory);
  }

  /** An interrupt came: counts it and wakes its driver. Partner: the gate's interrupt waits. */
  interrupt(intid: number): void {
    if (this.#counts === undefined) return;
    Atomics.add(this.#counts, intid, 1);
    this.#byLine.get(intid)?.bell.ring();
  }

  /** Gives a driver incarnation its windows and lines. */
  attach(mail: ToBoard & { kind: "driver" }): void {
    const bell = new Doorbell(mail.bell);
    const driver: Driver = {
      domain: mail.domain,
      channel: new ProviderChannel(mail.memory, bell),
      bell,
      windows: new Set(mail.windows),
      lines: new Set(mail.lines),
    };
    this.#drivers.set(mail.domain, driver);
    for (const window of mail.windows) {
      const entry = this.#map.devices[window];
      if (entry === undefined) continue;
      void this.#board.assign(deviceName(entry), mail.domain);
      if (entry.spi === undefined) continue;
      this.#byLine.set(entry.spi + SPI_BASE, driver);
      this.#board.enableInterrupt(entry.spi + SPI_BASE, entry.trigger ?? "level");
    }
    // If the loop sleeps, it has not announced that on this channel.
    this.#bell.ring();
  }

  /** Takes everything from a driver; resolves when its devices are silent. */
  async fence(domain: number): Promise<void> {
    const driver = this.#drivers.get(domain);
    this.#drivers.delete(domain);
    if (driver === undefined) return;
    for (const line of driver.lines) {
      this.#board.disableInterrupt(line);
      this.#byLine.delete(line);
    }
    this.#board.memory.detachDomain(domain);
    await Promise.all(
      [...driver.windows].map((window) => {
        const entry = this.#map.devices[window];
        return entry === undefined ? undefined : this.#board.assign(deviceName(entry), undefined);
      }),
    );
  }

  ready(): boolean {
    for (const driver of this.#drivers.values()) if (driver.channel.ready()) return true;
    return false;
  }

  /** The last look before a sleep. */
  waits(): boolean {
    for (const driver of this.#drivers.values()) if (driver.channel.available()) return true;
    return false;
  }

  setSleeping(sleeping: boolean): void {
    for (const driver of this.#drivers.values()) driver.channel.setSleeping(sleeping);
  }

  /** Serves what has come. Returns how many accesses. */
  serve(): number {
    let served = 0;
    for (const driver of this.#drivers.values()) {
      for (let i = 0; i < TURN && driver.channel.available(); i++) {
        driver.channel.take(this.#sqe);
        this.#access(driver);
        served++;
      }
    }
    return served;
  }

  #access(driver: Driver): void {
    const { opcode, handle, offset, arg0, arg1, tag } = this.#sqe;
    if (opcode === OP_IRQ_ACK) {
      if (driver.lines.has(handle)) this.#board.endOfInterrupt(handle);
      else this.violations++;
      return;
    }
    const entry = driver.windows.has(handle) ? this.#map.devices[handle] : undefined;
    const inside =
      entry !== undefined && Number.isInteger(offset) && offset >= 0 && offset < entry.window.size;
    if (!inside) this.violations++;
    if (opcode === OP_BUS_READ) {
      const value = inside ? this.#board.bus.read(entry.window.base + offset, arg1) : 0;
      driver.channel.complete(tag, value, 0);
      driver.channel.wake();
    } else if (opcode === OP_BUS_WRITE && inside) {
      this.#board.bus.write(entry.window.base + offset, arg1, arg0);
    }
  }
}
