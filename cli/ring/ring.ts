/**
 * The outermost ring: holds what belongs to the host (disk images, terminal, open files), and boots
 * one machine process after the other behind it. One machine lives at a time: the next is booted
 * when the process of the last has ended.
 */

import type { MessagePort } from "node:worker_threads";
import { type HeldImage, holdImage, ImageError } from "../../hw/backends/image.js";
import type { FromTerminal, ToTerminal } from "../../hw/terminal.js";
import type { ToBoardOutside } from "../../hw/thread.js";
import type { TraceEvent } from "../../ipc/trace-line.js";
import type { BootOptions, Reboot } from "../boot.js";
import { BootError } from "../boot-error.js";
import { disksOf } from "../disk-option.js";
import type { Frame } from "./frame.js";
import { describeEnding, type Ending } from "./last-words.js";
import { MachineProcess } from "./machine-process.js";
import { type BootBody, readFailed } from "./messages.js";
import {
  REBOOT_BUDGET,
  type RebootBudget,
  type RingEvent,
  type RingState,
  step,
} from "./reboots.js";
import { RemoteGate } from "./remote-gate.js";

/** The second process is made this long after a boot, which needs the processors more. */
const STANDBY_AFTER_MS = 500;
/** A machine that does not serve after this time, in milliseconds, is ended. */
const BOOT_MS_MAX = 60_000;
/** How long an orderly end may take, in milliseconds. */
const HALT_MS_MAX = 5000;

/** Options that are the host's business; so are all functions. */
const HOST_OPTIONS = ["console", "process", "standby", "budget"];

/** A machine in child processes. */
export class Ring {
  readonly gate = new RemoteGate();
  readonly #options: BootOptions;
  readonly #console: MessagePort | undefined;
  readonly #budget: RebootBudget;
  #state: RingState = { tag: "booting" };
  #images: { path: string; image: HeldImage }[] = [];
  #machine: MachineProcess | undefined;
  #standby: MachineProcess | undefined;
  #standbyTimer: NodeJS.Timeout | undefined;
  #rebootTimer: NodeJS.Timeout | undefined;
  #bootTimer: NodeJS.Timeout | undefined;
  #boots = 0;
  #diedMs = 0;
  #reason = "";
  /** Bytes of output that the terminal has not taken yet, and how many are a dead machine's. */
  #outstanding = 0;
  #stale = 0;
  #traced: ((event: TraceEvent) => void) | undefined;
  #booted: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #halted: () => void = () => undefined;

  /** @param first - a process that was started ahead of time */
  constructor(options: BootOptions, first?: MachineProcess) {
    this.#options = options;
    this.#standby = first;
    const { console: wanted = "none", budget = REBOOT_BUDGET } = options;
    this.#budget = budget;
    this.#console = wanted === "none" ? undefined : wanted.port;
  }

  /** Boots the first machine. Rejects with a `BootError`. */
  async boot(): Promise<void> {
    try {
      await this.#holdImages();
      await new Promise<void>((resolve, reject) => {
        this.#booted = { resolve, reject };
        this.#launch();
        // Not before: what was typed ahead waits in the port.
        this.#console?.on("message", (message: ToTerminal) => {
          this.#fromTerminal(message);
        });
      });
    } catch (error) {
      this.#machine?.kill();
      await this.#release();
      throw error instanceof ImageError ? new BootError(error.code, error.message) : error;
    }
  }

  async #holdImages(): Promise<void> {
    for (const { path, readOnly } of disksOf(this.#options.disk)) {
      // Given twice: the machine says so.
      if (this.#images.some((held) => held.path === path)) continue;
      this.#images.push({ path, image: await holdImage(path, readOnly) });
    }
  }

  // --- one machine after the other --------------------------------------------------------------

  #launch(): void {
    const machine = this.#standby?.alive === true ? this.#standby : new MachineProcess();
    this.#standby = undefined;
    this.#machine = machine;
    this.#boots++;
    machine.listen({
      frame: (frame) => {
        if (this.#machine === machine) this.#receive(machine, frame);
      },
      ended: (ending) => {
        if (this.#machine === machine) this.#ended(ending);
      },
    });
    const options = Object.entries(this.#options).filter(
      ([name, value]) => !HOST_OPTIONS.includes(name) && typeof value !== "function",
    );
    const body: BootBody = {
      options: Object.fromEntries(options),
      console: this.#console !== undefined,
      count: this.#boots,
      reason: this.#reason,
    };
    machine.send("boot", { body });
    clearTimeout(this.#bootTimer);
    this.#bootTimer = setTimeout(() => {
      machine.kill(`did not boot within ${BOOT_MS_MAX / 1000} s`);
    }, BOOT_MS_MAX);
  }

  #receive(machine: MachineProcess, frame: Frame): void {
    switch (frame.kind) {
      case "booted":
        machine.watch();
        void this.#serve(machine);
        break;
      case "failed":
        this.#failure = readFailed(frame.body);
        this.#event({ tag: "refused" });
        break;
      case "answer":
        this.gate.answer(frame);
        break;
      case "output":
        this.#output(frame.payload);
        break;
      case "event":
        this.#traced?.(frame.body as TraceEvent);
        break;
      case "halted":
        this.#halted();
        break;
      default:
        machine.kill(`broke the protocol: sent "${frame.kind}"`);
    }
  }

  async #serve(machine: MachineProcess): Promise<void> {
    if (this.#traced !== undefined) machine.send("trace");
    const count = this.#boots;
    const lost = await this.gate.connected(machine, count);
    if (lost === undefined || this.#machine !== machine || this.#state.tag === "closed") return;
    clearTimeout(this.#bootTimer);
    const first = this.#state.tag === "booting";
    this.#event({ tag: "served" });
    this.#prepareStandby();
    if (first) this.#booted?.resolve();
    else {
      const tookMs = performance.now() - this.#diedMs;
      const reboot: Reboot = { count, reason: this.#reason, tookMs, pid: machine.pid, lost };
      this.#options.onReboot?.(reboot);
    }
  }

  #prepareStandby(): void {
    if (this.#options.standby === false) return;
    clearTimeout(this.#standbyTimer);
    this.#standbyTimer = setTimeout(() => {
      if (this.#state.tag === "serving") this.#standby ??= new MachineProcess();
    }, STANDBY_AFTER_MS);
    this.#standbyTimer.unref();
  }

  #failure: { reason: string; message: string } | undefined;

  #ended(ending: Ending): void {
    const serving = this.#state.tag === "serving";
    if (serving || this.#state.tag === "booting") this.#diedMs = performance.now();
    this.#reason = describeEnding(ending);
    this.#stale = this.#outstanding;
    this.gate.died();
    this.#halted();
    this.#event({ tag: "died", atMs: performance.now() });
  }

  #event(event: RingEvent): void {
    const [state, effect] = step(this.#state, event, this.#budget);
    this.#state = state;
    switch (effect.tag) {
      case "none":
        break;
      case "fail":
        this.#booted?.reject(this.#bootError());
        break;
      case "reboot":
        this.#rebootTimer = setTimeout(() => {
          this.#reboot();
        }, effect.afterMs);
        break;
      case "give-up":
        this.#giveUp();
        break;
    }
  }

  #bootError(): BootError {
    const { reason, message } = this.#failure ?? {
      reason: "EIO",
      message: `the machine died while it booted: ${this.#reason}`,
    };
    return new BootError(reason, message);
  }

  #reboot(): void {
    const other = this.#images.find(({ image }) => !image.isSame());
    if (other === undefined) this.#launch();
    else {
      const message = `${other.path} is another file now: boot again by hand`;
      this.#failure = { reason: "ESTALE", message };
      this.#event({ tag: "refused" });
    }
  }

  /** No machine any more: the host's calls end, and it is told why. */
  #giveUp(): void {
    const last = this.#reason;
    const { deathsMax, windowMs } = this.#budget;
    const why = this.#failure?.message ?? `it died ${deathsMax + 1} times in ${windowMs / 1000} s`;
    this.gate.givenUp();
    this.#machine?.kill();
    void this.#release();
    const reason = `${why}; last: ${last}`;
    if (this.#options.onGivenUp !== undefined) this.#options.onGivenUp({ reason });
    else process.emitWarning(`the machine is given up: ${reason}`);
  }

  // --- terminal and trace -----------------------------------------------------------------------

  #output(output: Buffer): void {
    this.#outstanding += output.length;
    this.#console?.postMessage({ output: Uint8Array.from(output) } satisfies FromTerminal);
  }

  #fromTerminal(message: ToTerminal): void {
    if ("input" in message) {
      this.#machine?.send("input", { payload: message.input });
      return;
    }
    // What a dead machine had sent is not the business of the next one.
    this.#outstanding -= message.taken;
    const stale = Math.min(this.#stale, message.taken);
    this.#stale -= stale;
    if (message.taken > stale) this.#machine?.send("taken", { call: message.taken - stale });
  }

  /** Calls `listener` for each event of the flight recorder, of this machine and those after it. */
  trace(listener: (event: TraceEvent) => void): void {
    this.#traced = listener;
    this.#machine?.send("trace");
  }

  /** Does something to the board from outside; nothing while there is no machine. */
  outside(message: ToBoardOutside): void {
    this.#machine?.send("outside", { body: message });
  }

  // --- the end ----------------------------------------------------------------------------------

  /** Ends the machine in order, or by force when that takes too long. */
  async halt(): Promise<void> {
    const serving = this.#state.tag === "serving";
    this.#event({ tag: "close" });
    clearTimeout(this.#rebootTimer);
    const machine = this.#machine;
    if (serving && machine?.alive === true) await this.#haltMachine(machine);
    this.gate.givenUp();
    await this.#release();
  }

  async #haltMachine(machine: MachineProcess): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#halted = resolve;
      timer = setTimeout(resolve, HALT_MS_MAX);
      machine.send("halt");
    });
    clearTimeout(timer);
  }

  /** Ends all processes, and then gives the images back. */
  async #release(): Promise<void> {
    clearTimeout(this.#standbyTimer);
    clearTimeout(this.#bootTimer);
    const processes = [this.#machine, this.#standby];
    this.#standby = undefined;
    await Promise.all(processes.map((process) => process?.finish()));
    this.#console?.close();
    await Promise.all(this.#images.splice(0).map(({ image }) => image.release()));
  }
}
