/**
 * A machine in one thread: the real kernel, with its tables, system calls, wiring and lifecycle,
 * and a real provider side for each daemon. Only the workers are missing: a process is an `Actor`,
 * which writes whatever it likes into its channels, as hostile code would. What happens when is the
 * caller's choice, so that a seed repeats it.
 */

import type { MessagePort } from "node:worker_threads";
import { hostTimers, hostTurn, seededRandom } from "../../ipc/clock.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import { HOST_PID, KERNEL_PID, type Mail } from "../../ipc/mail.js";
import { allocateProcessBlock, processWords } from "../../ipc/process-block.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import type { Scheme } from "../../ipc/scheme.js";
import { CapabilityTable } from "../../kernel/capability.js";
import { Devices } from "../../kernel/devices.js";
import type { SyscallHandler } from "../../kernel/gate/dispatcher.js";
import { FaultPoints } from "../../kernel/gate/fault-points.js";
import { Provider, type ProviderHost } from "../../kernel/gate/provider.js";
import { Kernel } from "../../kernel/kernel.js";
import { pipeScheme } from "../../kernel/schemes/pipe.js";
import { sysScheme } from "../../kernel/schemes/sys.js";
import { timeScheme } from "../../kernel/schemes/time.js";
import type { Slot as KernelSlot, Slots } from "../../kernel/slot.js";
import { syscallHandler } from "../../kernel/syscalls.js";
import { turn } from "../kernel/gate-stand.js";
import { Actor } from "./actor.js";

/** Turns without anything to do after which a machine is at rest. */
const REST_TURNS = 4;

const KERNEL_SCHEMES = ["event", "pipe", "time", "sys", "log", "irq", "memory"];

/** A worker's place, with an actor in it. */
export interface Slot {
  readonly bell: Doorbell;
  readonly block: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly kernelChannel: ReturnType<typeof allocateChannel>;
  readonly exited: Promise<{ code: number; reason: string }>;
  readonly actor: Actor;
  hasExited: boolean;
  ending: boolean;
  mail(mail: Mail): void;
  end(): void;
}

/** A daemon of the world: what it needs, and its scheme for each incarnation. */
export interface WorldDaemon {
  name: string;
  needs?: Record<string, string>;
  provides?: string[];
  make: () => Scheme;
}

/** A machine. */
export class World {
  readonly capabilities = new CapabilityTable();
  readonly provider: Provider;
  readonly kernel: Kernel;
  readonly host: Actor;
  /** Living actors by process. */
  readonly actors = new Map<number, Actor>();
  /** What handlers of daemons threw that was no errno. */
  readonly bugs: unknown[] = [];
  nowMs = 1000;
  readonly #schemes = new Map<string, () => Scheme>();
  /** Actors that have not read yet what they are to be. */
  readonly #taken: Actor[] = [];
  #answer: SyscallHandler | undefined;

  constructor(daemons: readonly WorldDaemon[]) {
    const cells = new Int32Array(this.capabilities.cells(KERNEL_PID));
    this.provider = new Provider(this.#kernelHost(), cells, false);
    this.kernel = new Kernel({
      capabilities: this.capabilities,
      provider: this.provider,
      loader: this.#loader(),
      devices: new Devices(noPort(), allocateDoorbell()),
      now: () => this.nowMs,
      hostNow: () => this.nowMs,
      date: () => new Date(this.nowMs),
      timers: hostTimers,
      tick: () => undefined,
      turn: hostTurn,
      random: seededRandom(1),
      programs: "file:///bin/",
      programNames: ["program"],
      programRuntime: "file:///runtime.js",
      schemes: KERNEL_SCHEMES,
      boots: { count: 1, reason: "" },
      stuck: () => undefined,
    });
    this.#answer = syscallHandler(this.kernel);
    this.provider.serve(
      new Map<string, Scheme>([
        ["sys", sysScheme(this.kernel)],
        ["pipe", pipeScheme(this.kernel)],
        [
          "time",
          timeScheme({
            sinceBootMs: () => this.nowMs,
            date: () => new Date(this.nowMs),
            timers: hostTimers,
          }),
        ],
        [
          "log",
          this.kernel.log.scheme((pid) => this.kernel.processes.get(pid)?.name ?? "", 1) as Scheme,
        ],
      ]),
    );
    this.host = this.#makeHost();
    for (const daemon of daemons) this.addDaemon(daemon);
  }

  /** Adds a daemon above all that are there; `settle` starts it. @throws as `Kernel.addPackage` */
  addDaemon({ name, needs, provides, make }: WorldDaemon): number {
    const manifest = {
      name,
      version: "1.0.0",
      abi: "^1.0",
      entry: "./main.js",
      provides: provides ?? [name],
      needs: needs ?? {},
    };
    this.#schemes.set(name, make);
    const process = this.kernel.addPackage({ manifest, base: "file:///" });
    this.kernel.lifecycle.handle(process, { tag: "start" });
    return process.pid;
  }

  #kernelHost(): ProviderHost {
    const words = processWords(allocateProcessBlock());
    return {
      words,
      faults: new FaultPoints(words, new Doorbell(allocateDoorbell())),
      now: () => this.nowMs,
      readMail: () => undefined,
      mailWaits: () => false,
      joined: () => undefined,
      drained: (drain) => {
        this.kernel.lifecycle.drained(KERNEL_PID, drain);
      },
      resumed: () => undefined,
      bug: (error) => {
        throw error;
      },
      syscall: (context, number, body) => (this.#answer as SyscallHandler)(context, number, body),
    };
  }

  #makeHost(): Actor {
    const slot = this.#slot();
    slot.actor.pid = HOST_PID;
    this.actors.set(HOST_PID, slot.actor);
    this.kernel.addHost(slot);
    return slot.actor;
  }

  #loader(): Slots {
    return {
      take: () => {
        const slot = this.#slot();
        this.#taken.push(slot.actor);
        return slot;
      },
      link: () => Promise.reject(new RangeError("nothing is confined here")),
      preload: () => undefined,
      spares: 0,
      warm: () => undefined,
      close: () => Promise.resolve(),
    };
  }

  #slot(): Slot & KernelSlot {
    const block = allocateProcessBlock();
    let exit: (how: { code: number; reason: string }) => void = () => undefined;
    const kernelChannel = allocateChannel(128 * 1024);
    const actor = new Actor(this, kernelChannel);
    const slot: Slot = {
      bell: new Doorbell(allocateDoorbell()),
      block,
      words: processWords(block),
      kernelChannel,
      exited: new Promise((resolve) => {
        exit = resolve;
      }),
      actor,
      hasExited: false,
      ending: false,
      mail: (mail) => {
        if (slot.hasExited) return;
        // What crosses threads is copied; shared memory is not.
        actor.mailbox.push(mail.kind === "namespace" ? structuredClone(mail) : mail);
      },
      end: () => {
        if (slot.hasExited) return;
        slot.ending = true;
        slot.hasExited = true;
        actor.alive = false;
        if (this.actors.get(actor.pid) === actor) this.actors.delete(actor.pid);
        exit({ code: 1, reason: "ended" });
      },
    };
    return slot as unknown as Slot & KernelSlot;
  }

  /** The scheme that a daemon's next incarnation serves. */
  schemeOf(name: string): Scheme {
    return (this.#schemes.get(name) as () => Scheme)();
  }

  /** The living actor of a process, by name or number. */
  actor(target: string | number): Actor {
    const pid =
      typeof target === "number" ? target : (this.kernel.processes.find(target)?.pid ?? -1);
    const actor = this.actors.get(pid);
    if (actor === undefined) throw new RangeError(`${target} does not run`);
    return actor;
  }

  /** Lets everybody do what there is to do, once. Returns whether anything was done. */
  step(): boolean {
    let worked = this.provider.dispatch() > 0;
    for (const actor of this.#taken.splice(0)) worked = actor.readMail() || worked;
    for (const actor of [...this.actors.values()]) worked = actor.work() || worked;
    return worked;
  }

  /** Lets the machine run until it is at rest. */
  async settle(): Promise<void> {
    for (let rest = 0; rest < REST_TURNS; rest++) {
      while (this.step()) rest = 0;
      await turn();
    }
  }

  /** Has the host start a program; `names` as in `spawn`, default all. */
  async program(
    options: { names?: { url: string; rights: string }[]; stdio?: unknown[]; by?: Actor } = {},
  ): Promise<Actor> {
    const by = options.by ?? this.host;
    const { pid } = (await by.call("spawn", {
      program: by === this.host ? "file:///program.js" : "program",
      args: [],
      cwd: "file:/",
      stdio: options.stdio ?? [],
      ...(options.names === undefined ? {} : { namespace: options.names }),
    })) as { pid: number };
    await this.settle();
    return this.actor(pid);
  }

  /** Ends a process and waits until what follows has happened. */
  async kill(target: string | number): Promise<void> {
    const victim = this.kernel.processes.find(target);
    if (victim === undefined) throw new RangeError(`no process ${target}`);
    this.kernel.lifecycle.die(victim, { ordered: true, clean: false, cause: "killed" });
    await this.settle();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const process of this.kernel.processes.all()) {
      if (process.facts.entry !== "") this.kernel.lifecycle.handle(process, { tag: "stop" });
    }
    await this.settle();
  }
}

function noPort(): MessagePort {
  const port = { on: () => port, postMessage: () => undefined, close: () => undefined };
  return port as unknown as MessagePort;
}
