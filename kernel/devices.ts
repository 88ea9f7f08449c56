/**
 * Devices from the kernel's side: which driver gets which window and line, DMA memory, and the
 * fence on the board. The kernel never touches a register.
 */

import { assert } from "../ipc/assert.js";
import type { DeviceInfo, FromBoard, ToBoard } from "../ipc/board-mail.js";
import { ENOBUFS, ENOMEM, ENXIO } from "../ipc/errno.js";
import { DMA_BYTES_PER_DRIVER_MAX } from "../ipc/limits.js";
import { BOARD_PID, type ObjectMail } from "../ipc/mail.js";
import { allocateChannel } from "../ipc/ring-block.js";
import { allocateVector } from "../ipc/vector.js";
import { readBoardTree } from "./board-tree.js";
import type { Process } from "./process.js";

/** DMA regions are aligned to pages. */
const PAGE = 4096;
/** Guest memory below this is the machine's own (device tree, boot code on real boards). */
const DMA_OFFSET = 0x0100_0000;

/** A piece of memory that devices reach. */
interface DmaMemory {
  address: number;
  memory: SharedArrayBuffer;
}

/** What a manifest says it drives: `compatible`, or `compatible#virtio-device-id`. */
export function drives(pattern: string, device: DeviceInfo): boolean {
  const [compatible = "", id] = pattern.split("#");
  if (!device.compatible.includes(compatible)) return false;
  return id === undefined || device.virtioDevice === Number(id);
}

/** The way to the board thread: a message port, or what a simulation has for one. */
export interface BoardPort {
  postMessage(message: ToBoard): void;
  on(event: "message", listener: (message: FromBoard) => void): unknown;
  close(): void;
}

/** The board, as the kernel deals with it. */
export class Devices {
  readonly vector = allocateVector();
  devices: readonly DeviceInfo[] = [];
  #base = 0;
  #size = 0;
  /**
   * Next DMA address that no region has had yet.
   */
  #next = 0;
  /** DMA memory by driver, and what is free by size. */
  readonly #regions = new Map<number, DmaMemory[]>();
  readonly #free = new Map<number, DmaMemory[]>();
  readonly #port: BoardPort;
  readonly #bell: SharedArrayBuffer;
  readonly #fences = new Map<number, () => void>();
  #readyNow: (() => void) | undefined;
  #haltedNow: (() => void) | undefined;
  /** Resolves when the board has described itself. */
  readonly ready: Promise<void>;

  constructor(port: BoardPort, bell: SharedArrayBuffer) {
    this.#port = port;
    this.#bell = bell;
    this.ready = new Promise((resolve) => {
      this.#readyNow = resolve;
    });
    port.on("message", (message: FromBoard) => {
      this.#receive(message);
    });
    this.#send({ kind: "vector", memory: this.vector });
  }

  #send(message: ToBoard): void {
    this.#port.postMessage(message);
  }

  #receive(message: FromBoard): void {
    switch (message.kind) {
      case "ready": {
        const board = readBoardTree(message.tree, message.windows);
        assert(board !== undefined, "the board's device tree cannot be read");
        this.devices = board.devices;
        this.#base = board.memory.base;
        this.#size = board.memory.size;
        this.#readyNow?.();
        break;
      }
      case "fenced":
        this.#fences.get(message.domain)?.();
        this.#fences.delete(message.domain);
        break;
      case "halted":
        this.#haltedNow?.();
        break;
    }
  }

  /** Devices for a manifest's patterns, in the order of their addresses. */
  matching(patterns: readonly string[]): DeviceInfo[] {
    return this.devices.filter((device) => patterns.some((pattern) => drives(pattern, device)));
  }

  find(name: string): DeviceInfo | undefined {
    return this.devices.find((device) => device.name === name);
  }

  /** Gives a new incarnation of a driver its devices. */
  attach(driver: Process, devices: readonly DeviceInfo[]): void {
    if (driver.endpoint === undefined) return;
    const memory = allocateChannel(PAGE);
    const { bell } = driver.endpoint;
    const windows = devices.map((device) => device.window);
    const lines = devices.flatMap((device) => device.lines);
    this.#send({ kind: "driver", domain: driver.pid, memory, bell: bell.memory, windows, lines });
    driver.mail({
      kind: "connect",
      provider: BOARD_PID,
      name: "board",
      incarnation: driver.incarnation,
      memory,
      bell: this.#bell,
      classes: new Map(),
    });
  }

  /**
   * Allocates memory that the driver shares with its devices, all zero.
   * @throws ENOBUFS when the driver has its share already; ENOMEM when there is none left
   */
  allocate(driver: Process, size: number, id: number): ObjectMail {
    const bytes = Math.ceil(size / PAGE) * PAGE;
    const own = this.#regions.get(driver.pid) ?? [];
    const used = own.reduce((sum, { memory }) => sum + memory.byteLength, 0);
    if (used + bytes > DMA_BYTES_PER_DRIVER_MAX) throw ENOBUFS;
    const region = this.#free.get(bytes)?.pop() ?? this.#fresh(bytes);
    new BigInt64Array(region.memory).fill(0n);
    own.push(region);
    this.#regions.set(driver.pid, own);
    this.#send({ kind: "dma", domain: driver.pid, ...region });
    return { object: "dma", id, ...region };
  }

  #fresh(bytes: number): DmaMemory {
    if (bytes <= 0 || this.#next + bytes > this.#size - DMA_OFFSET) throw ENOMEM;
    const address = this.#base + DMA_OFFSET + this.#next;
    this.#next += bytes;
    return { address, memory: new SharedArrayBuffer(bytes) };
  }

  /**
   * Takes back the DMA memory of a driver that has ended. Only now may it be lent again: its worker
   * has exited and its devices are silent, so nobody is left who could still write to it.
   */
  release(driver: Process): void {
    for (const region of this.#regions.get(driver.pid) ?? []) {
      const free = this.#free.get(region.memory.byteLength) ?? [];
      free.push(region);
      this.#free.set(region.memory.byteLength, free);
    }
    this.#regions.delete(driver.pid);
  }

  /** Checks an interrupt line of a driver. @throws ENXIO */
  line(devices: readonly DeviceInfo[], line: number, id: number): ObjectMail {
    if (!devices.some((device) => device.lines.includes(line))) throw ENXIO;
    return { object: "irq", id, line, vector: this.vector, index: line };
  }

  /** Takes everything from a driver; resolves when its devices are silent. */
  fence(driver: Process): Promise<void> {
    return new Promise((resolve) => {
      this.#fences.set(driver.pid, resolve);
      this.#send({ kind: "fence", domain: driver.pid });
    });
  }

  /** Flushes and stops the board. */
  halt(): Promise<void> {
    return new Promise((resolve) => {
      this.#haltedNow = () => {
        this.#port.close();
        resolve();
      };
      this.#send({ kind: "halt" });
    });
  }
}
