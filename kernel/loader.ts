/**
 * The loader: the one place that creates and ends process workers. A worker starts with the gate
 * only and waits, warm, until mail tells it what to become; a spare makes a restart a matter of a
 * millisecond.
 */

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { ballast } from "../ipc/ballast.js";
import type { Timers } from "../ipc/clock.js";
import { allocateDoorbell, Doorbell } from "../ipc/doorbell.js";
import { ARENA_BYTES, END_MS_MAX } from "../ipc/limits.js";
import type { Mail } from "../ipc/mail.js";
import { allocateProcessBlock, processWords, readDeathRecord } from "../ipc/process-block.js";
import { allocateChannel, type ChannelMemory } from "../ipc/ring-block.js";
import type { Slot, SlotExit, Slots } from "./slot.js";

/** A spare is replaced when what took it has had time to get ready, in milliseconds. */
const REFILL_AFTER_MS = 60;

/** What a worker finds in its `workerData`. Only the gate sees it. */
export interface WorkerParts {
  bell: SharedArrayBuffer;
  block: SharedArrayBuffer;
  kernelChannel: ChannelMemory;
  kernelBell: SharedArrayBuffer;
  /** Of the machine (ipc/machine-clock.ts). */
  clock: SharedArrayBuffer;
  port: MessagePort;
  /** Modules to load while the worker is still a spare. */
  preload: string[];
}

/** One worker, from the kernel's side. */
class WorkerSlot implements Slot {
  readonly bell: Doorbell;
  readonly block: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly kernelChannel: ChannelMemory;
  readonly weight = ballast(ARENA_BYTES);
  readonly exited: Promise<SlotExit>;
  hasExited = false;
  /** True once `end` was called. */
  ending = false;
  readonly #worker: Worker;
  readonly #timers: Timers;
  readonly #port: MessagePort;

  constructor(parts: {
    worker: Worker;
    port: MessagePort;
    data: WorkerParts;
    timers: Timers;
  }) {
    this.#timers = parts.timers;
    this.#worker = parts.worker;
    this.#port = parts.port;
    this.bell = new Doorbell(parts.data.bell);
    this.block = parts.data.block;
    this.words = processWords(parts.data.block);
    this.kernelChannel = parts.data.kernelChannel;
    let failure = "";
    parts.worker.on("error", (error: unknown) => {
      failure = error instanceof Error ? `${error.name}: ${error.message}` : "threw no error";
    });
    this.exited = new Promise((resolve) => {
      parts.worker.on("exit", (code) => {
        this.hasExited = true;
        this.#port.close();
        const words = readDeathRecord(this.block);
        const said = words ?? (failure === "" ? `exited with code ${code}` : failure);
        resolve({ code, reason: this.ending && words === undefined ? "ended" : said });
      });
    });
  }

  /** Posts mail; the doorbell makes even a blocked gate read it. */
  mail(mail: Mail): void {
    if (this.hasExited) return;
    this.#port.postMessage(mail);
    this.bell.ringMail();
  }

  /** Ends the worker. `stuck` runs if it is still there after a second. */
  end(stuck: () => void): void {
    if (this.ending || this.hasExited) return;
    this.ending = true;
    const ended = this.#timers.after(END_MS_MAX, stuck);
    void this.#worker.terminate().then(ended);
  }
}

/** Creates workers and keeps spares. */
export class Loader implements Slots {
  readonly #kernelBell: SharedArrayBuffer;
  readonly #clock: SharedArrayBuffer;
  readonly #timers: Timers;
  readonly #entry: URL;
  #spares: WorkerSlot[] = [];
  readonly #wanted: number;
  #closed = false;
  #preload: string[] = [];
  #refill: (() => void) | undefined;

  constructor(options: {
    kernelBell: SharedArrayBuffer;
    clock: SharedArrayBuffer;
    timers: Timers;
    entry: URL;
    spares: number;
  }) {
    this.#kernelBell = options.kernelBell;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#entry = options.entry;
    this.#wanted = options.spares;
  }

  /** Takes a spare, or starts a cold worker. */
  take(): WorkerSlot {
    const spare = this.#spares.shift();
    this.#refillSoon();
    return spare ?? this.#create([]);
  }

  /** Has spares load these modules from now on, so that a restart finds them in memory. */
  preload(urls: readonly string[]): void {
    this.#preload = [...new Set([...this.#preload, ...urls])];
  }

  /** Number of warm workers. */
  get spares(): number {
    return this.#spares.length;
  }

  /** Starts spares when what is going on now has had its turn. */
  #refillSoon(): void {
    if (this.#refill !== undefined || this.#closed) return;
    this.#refill = this.#timers.after(REFILL_AFTER_MS, () => {
      this.#refill = undefined;
      this.warm();
    });
  }

  /** Brings the number of spares up to what is wanted. */
  warm(): void {
    while (this.#spares.length < this.#wanted && !this.#closed) {
      const slot = this.#create(this.#preload);
      this.#spares.push(slot);
      // A spare that dies while it warms up is no spare.
      void slot.exited.then(() => {
        const at = this.#spares.indexOf(slot);
        if (at >= 0) {
          this.#spares.splice(at, 1);
          this.#refillSoon();
        }
      });
    }
  }

  #create(preload: string[]): WorkerSlot {
    const { port1, port2 } = new MessageChannel();
    const data: WorkerParts = {
      bell: allocateDoorbell(),
      block: allocateProcessBlock(),
      kernelChannel: allocateChannel(ARENA_BYTES),
      kernelBell: this.#kernelBell,
      clock: this.#clock,
      port: port2,
      preload,
    };
    const worker = new Worker(this.#entry, {
      workerData: data,
      transferList: [port2],
      name: "anode",
      stdin: false,
      execArgv: [],
    });
    return new WorkerSlot({ worker, port: port1, data, timers: this.#timers });
  }

  /** Ends all spares. */
  close(): Promise<unknown> {
    this.#closed = true;
    this.#refill?.();
    const spares = this.#spares;
    this.#spares = [];
    for (const spare of spares) spare.end(() => undefined);
    return Promise.all(spares.map((spare) => spare.exited));
  }
}
