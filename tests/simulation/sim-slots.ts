/** Processes as simulated threads: the same gate as in a worker, and a table instead of modules. */

import { allocateDoorbell, type Doorbell } from "../../ipc/doorbell.js";
import type { Mail, StartMail } from "../../ipc/mail.js";
import {
  allocateProcessBlock,
  processWords,
  readDeathRecord,
  writeDeathRecord,
} from "../../ipc/process-block.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { composeGate } from "../../kernel/gate/compose.js";
import type { ProcessGate } from "../../kernel/gate/gate.js";
import type { Slot, SlotExit, Slots } from "../../kernel/slot.js";
import type { SimThread, World } from "./world.js";

const ARENA_BYTES = 64 * 1024;
/** A thread that is ended runs on for up to this long, in milliseconds. */
const ZOMBIE_MS_MAX = 4;

/** What a simulated process runs: code of a daemon or program. */
export type SimCode = (gate: ProcessGate, thread: SimThread) => Promise<void>;

/** What all processes of one machine share. */
export interface SimProcesses {
  world: World;
  kernelBell: Doorbell;
  /** By entry URL. */
  code: ReadonlyMap<string, SimCode>;
  /** Canary: the end of a thread is told before it has come. */
  exitsEarly?: boolean;
}

/** Makes simulated threads. */
export class SimSlots implements Slots {
  readonly spares = 0;
  readonly #parts: SimProcesses;

  constructor(parts: SimProcesses) {
    this.#parts = parts;
  }

  take(): Slot {
    return new SimSlot(this.#parts);
  }

  link(): Promise<never> {
    return Promise.reject(new RangeError("nothing is confined here"));
  }

  preload(): void {
    // Nothing to load.
  }

  warm(): void {
    // Every slot is as good as warm.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class SimSlot implements Slot {
  readonly block = allocateProcessBlock();
  readonly words = processWords(this.block);
  readonly kernelChannel = allocateChannel(ARENA_BYTES);
  readonly bell: Doorbell;
  readonly exited: Promise<SlotExit>;
  ending = false;
  readonly #parts: SimProcesses;
  readonly #thread: SimThread;
  readonly #mailbox: Mail[] = [];
  #tellExit: (exit: SlotExit) => void = () => undefined;

  constructor(parts: SimProcesses) {
    this.#parts = parts;
    const { world } = parts;
    this.#thread = world.thread("process");
    this.bell = world.doorbell(this.#thread, allocateDoorbell());
    this.exited = new Promise((resolve) => {
      this.#tellExit = resolve;
    });
    this.#main().catch((error: unknown) => {
      this.#die(error);
    });
  }

  mail(mail: Mail): void {
    if (this.#thread.dead) return;
    // As through a port: shared memory stays shared, everything else is a copy.
    this.#mailbox.push(structuredClone(mail));
    this.bell.ringMail();
  }

  end(): void {
    if (this.ending || this.#thread.dead) return;
    this.ending = true;
    const { world, exitsEarly } = this.#parts;
    if (exitsEarly === true) this.#tellExit({ code: 1, reason: "ended" });
    // A killed worker goes on working for a while.
    void world.delay(world.thread("host"), ZOMBIE_MS_MAX).then(() => {
      this.#exit("ended");
    });
  }

  #exit(reason: string): void {
    this.#thread.dead = true;
    this.#tellExit({ code: 1, reason });
  }

  #die(error: unknown): void {
    if (this.#thread.dead) return;
    writeDeathRecord(this.block, error instanceof Error ? String(error.stack) : String(error));
    this.#parts.kernelBell.ring();
    this.#exit(readDeathRecord(this.block) ?? "died");
  }

  /** What kernel/gate/entry.ts does in a worker. */
  async #main(): Promise<void> {
    const { world, kernelBell, code } = this.#parts;
    const thread = this.#thread;
    let started: StartMail | undefined;
    const gate = composeGate({
      bell: this.bell,
      block: this.block,
      kernelChannel: this.kernelChannel,
      kernelBell,
      clock: world,
      timers: world.timers(thread),
      turn: () => world.turn(thread),
      mayBlock: false,
      receive: () => this.#mailbox.shift(),
      started: (mail) => {
        started = mail;
      },
      bug: (error) => {
        this.#die(error);
      },
    });
    await world.turn(thread);
    while (started === undefined) {
      const count = this.bell.count();
      if (gate.mailWaits()) gate.readMail();
      else await this.bell.parkAsync(count);
    }
    const { entry } = started as StartMail;
    await code.get(entry)?.(gate, thread);
  }
}
