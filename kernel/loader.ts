/**
 * The loader: the one place that creates and ends process workers. A worker starts with the gate
 * only and waits, warm, until mail tells it what to become; a spare makes a restart a matter of a
 * millisecond.
 */

import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { ballast } from "../ipc/ballast.js";
import type { Timers } from "../ipc/clock.js";
import type { LinkedModule } from "../ipc/confined.js";
import { allocateDoorbell, Doorbell } from "../ipc/doorbell.js";
import { ARENA_BYTES, END_MS_MAX } from "../ipc/limits.js";
import type { Mail } from "../ipc/mail.js";
import { allocateProcessBlock, processWords, readDeathRecord } from "../ipc/process-block.js";
import { allocateChannel, type ChannelMemory } from "../ipc/ring-block.js";
import { linkInWorker } from "./confined/link-worker.js";
import type { LinkRules } from "./confined/linker.js";
import type { Isolation } from "./manifest.js";
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
  /** Runtime of confined code, in a worker that will run such. */
  confined: readonly LinkedModule[] | undefined;
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

/** What confined code is made of. */
export interface Confinement {
  /** URL of the runtime's module. */
  runtime: string;
  rules: LinkRules;
}

/** Creates workers and keeps spares. */
export class Loader implements Slots {
  readonly #kernelBell: SharedArrayBuffer;
  readonly #clock: SharedArrayBuffer;
  readonly #timers: Timers;
  readonly #entry: URL;
  readonly #spares: Record<Isolation, WorkerSlot[]> = { thread: [], confined: [] };
  readonly #wanted: number;
  readonly #confinement: Confinement;
  /** Runtime of confined code; linked with the first package that needs it. */
  #runtime: readonly LinkedModule[] | undefined;
  readonly #linked = new Map<string, readonly LinkedModule[]>();
  #closed = false;
  #preload: string[] = [];
  #refill: (() => void) | undefined;

  constructor(options: {
    kernelBell: SharedArrayBuffer;
    clock: SharedArrayBuffer;
    timers: Timers;
    entry: URL;
    spares: number;
    confinement: Confinement;
  }) {
    this.#confinement = options.confinement;
    this.#kernelBell = options.kernelBell;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#entry = options.entry;
    this.#wanted = options.spares;
  }

  /** Takes a spare, or starts a cold worker. */
  take(isolation: Isolation): WorkerSlot {
    const spare = this.#spares[isolation].shift();
    this.#refillSoon();
    return spare ?? this.#create(isolation, []);
  }

  /**
   * Reads and prepares the modules of confined code, in the order of the entries. From the first
   * time on there are spares for it, too. Rejects with a SysError ENOEXEC that says which file
   * cannot be, and why.
   */
  async link(entries: readonly string[]): Promise<(readonly LinkedModule[])[]> {
    const { runtime: url, rules } = this.#confinement;
    const missing = entries.filter((entry) => !this.#linked.has(entry));
    const fresh = new Map<string, readonly LinkedModule[]>();
    if (missing.length > 0) {
      const order = { runtime: this.#runtime ?? url, entries: missing, rules };
      const { runtime, packages } = await linkInWorker(order);
      this.#runtime = runtime;
      for (const [index, entry] of missing.entries()) {
        const modules = packages[index] ?? [];
        fresh.set(entry, modules);
        // Anode's own do not change while it runs.
        if (entry.startsWith(rules.own)) this.#linked.set(entry, modules);
      }
    }
    this.#refillSoon();
    return entries.map((entry) => this.#linked.get(entry) ?? fresh.get(entry) ?? []);
  }

  /** Has spares load these modules from now on, so that a restart finds them in memory. */
  preload(urls: readonly string[]): void {
    this.#preload = [...new Set([...this.#preload, ...urls])];
  }

  /** Number of warm workers. */
  get spares(): number {
    return this.#spares.thread.length + this.#spares.confined.length;
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
    this.#warm("thread", this.#preload);
    // Not the daemons' own modules: foreign code runs in nobody's spare but its own process.
    if (this.#runtime !== undefined) this.#warm("confined", []);
  }

  #warm(isolation: Isolation, preload: string[]): void {
    const spares = this.#spares[isolation];
    while (spares.length < this.#wanted && !this.#closed) {
      const slot = this.#create(isolation, preload);
      spares.push(slot);
      // A spare that dies while it warms up is no spare.
      void slot.exited.then(() => {
        const at = spares.indexOf(slot);
        if (at >= 0) {
          spares.splice(at, 1);
          this.#refillSoon();
        }
      });
    }
  }

  #create(isolation: Isolation, preload: string[]): WorkerSlot {
    const { port1, port2 } = new MessageChannel();
    const data: WorkerParts = {
      bell: allocateDoorbell(),
      block: allocateProcessBlock(),
      kernelChannel: allocateChannel(ARENA_BYTES),
      kernelBell: this.#kernelBell,
      clock: this.#clock,
      port: port2,
      preload,
      confined: isolation === "confined" ? this.#runtime : undefined,
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
    const spares = [...this.#spares.thread.splice(0), ...this.#spares.confined.splice(0)];
    for (const spare of spares) spare.end(() => undefined);
    return Promise.all(spares.map((spare) => spare.exited));
  }
}
