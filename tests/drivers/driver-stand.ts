/**
 * A stand for drivers: a board and a driver's devices in one thread, with interrupts that come at
 * once and a clock that stands still until the test moves it. So an hour of time-outs takes no
 * time, and each run is like the one before.
 */

import { Board, type BoardOptions } from "../../hw/board.js";
import { deviceName } from "../../hw/board-map.js";
import { VIRT } from "../../hw/boards/virt.js";
import { VIRTIO_MMIO_COMPATIBLE } from "../../hw/regs/virtio-mmio.js";
import type { Device, InterruptLine } from "../../user/driver.js";

const FIRST_SPI = 32;
const PAGE = 4096;

interface Alarm {
  atMs: number;
  resolve: () => void;
}

/** One board with drivers on it. */
export class DriverStand {
  readonly board: Board;
  nowMs = 0;
  #alarms: Alarm[] = [];
  readonly #counts = new Map<number, number>();
  readonly #waiters = new Map<number, () => void>();
  #domain = 0;
  #nextAddress = VIRT.ram.base;

  constructor(options: BoardOptions) {
    this.board = new Board(VIRT, {
      ...options,
      vector: (intid) => {
        this.#counts.set(intid, this.interrupts(intid) + 1);
        this.#waiters.get(intid)?.();
        this.#waiters.delete(intid);
      },
    });
  }

  /** How often an interrupt has come. */
  interrupts(intid: number): number {
    return this.#counts.get(intid) ?? 0;
  }

  /** Hands the device in a virtio slot to a new driver, and takes it from the one before. */
  async device(slot: number): Promise<Device> {
    const entry = VIRT.devices.filter(({ kind }) => kind === "virtio-mmio")[slot];
    if (entry?.spi === undefined) throw new RangeError(`no virtio slot ${slot}`);
    const name = deviceName(entry);
    const { base, size } = entry.window;
    const intid = entry.spi + FIRST_SPI;
    const domain = ++this.#domain;
    this.board.disableInterrupt(intid);
    await this.board.assign(name, domain);
    this.board.enableInterrupt(intid, entry.trigger ?? "level");
    return {
      info: { window: slot, name, compatible: [VIRTIO_MMIO_COMPATIBLE], size, lines: [intid] },
      registers: {
        size,
        read: (offset, bytes) => this.board.bus.read(base + offset, bytes),
        write: (offset, bytes, value) => this.board.bus.write(base + offset, bytes, value),
      },
      interrupts: [this.#line(intid)],
      allocateDma: async (bytes) => this.#allocate(domain, bytes),
      after: (milliseconds) =>
        new Promise((resolve) => {
          this.#alarms.push({ atMs: this.nowMs + milliseconds, resolve });
        }),
    };
  }

  #line(intid: number): InterruptLine {
    let seen = this.interrupts(intid);
    return {
      next: async () => {
        if (this.interrupts(intid) === seen) {
          await new Promise<void>((resolve) => this.#waiters.set(intid, resolve));
        }
        seen = this.interrupts(intid);
      },
      acknowledge: () => this.board.endOfInterrupt(intid),
    };
  }

  #allocate(domain: number, bytes: number) {
    const memory = new SharedArrayBuffer(Math.ceil(bytes / PAGE) * PAGE);
    const address = this.#nextAddress;
    this.#nextAddress += memory.byteLength + PAGE;
    this.board.memory.attach({ domain, address, buffer: memory });
    return { address, memory };
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Moves the clock: everything that is due by then happens, in its order. */
  async advance(milliseconds: number): Promise<void> {
    const endMs = this.nowMs + milliseconds;
    for (;;) {
      await this.settle();
      const due = this.#alarms.filter(({ atMs }) => atMs <= endMs);
      const next = due.reduce<Alarm | undefined>(
        (first, alarm) => (first === undefined || alarm.atMs < first.atMs ? alarm : first),
        undefined,
      );
      if (next === undefined) break;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.#alarms = this.#alarms.filter((alarm) => alarm !== next);
      next.resolve();
    }
    this.nowMs = endMs;
  }

  /**
   * Moves the clock until `promise` has settled, and returns its result.
   * @throws RangeError when it has not settled by then: it hangs
   */
  async until<T>(promise: Promise<T>, limitMs: number): Promise<T> {
    let settled = false;
    const noteEnd = (): void => {
      settled = true;
    };
    promise.then(noteEnd, noteEnd);
    const endMs = this.nowMs + limitMs;
    await this.settle();
    while (!settled && this.nowMs < endMs) await this.advance(20);
    if (!settled) throw new RangeError(`nothing happened in ${limitMs} ms`);
    return await promise;
  }
}
