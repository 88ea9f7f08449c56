/**
 * The life of processes: performs what the supervisor decides. The order of a death is fixed —
 * fault, detect, fence, drained, exit, classify, restart — and each is a line of the flight
 * recorder.
 */

import type { DeviceInfo } from "../ipc/board-mail.js";
import type { Timers } from "../ipc/clock.js";
import { KERNEL_PID, type Mail } from "../ipc/mail.js";
import { DEATH_WRITTEN, FAULT_REACHED, readDeathRecord } from "../ipc/process-block.js";
import type { CapabilityTable } from "./capability.js";
import type { Devices } from "./devices.js";
import type { FlightRecorder } from "./flight-recorder.js";
import type { Provider } from "./gate/provider.js";
import type { Pipes } from "./pipes.js";
import type { ExitStatus, Process, ProcessTable } from "./process.js";
import type { Slot, Slots } from "./slot.js";
import type { Stores } from "./stores.js";
import { type SupervisorEffect, type SupervisorEvent, step } from "./supervisor.js";
import { Wiring } from "./wiring.js";

/** A provider that has not drained by then is hung, in milliseconds. */
const DRAIN_MS_MAX = 1000;

/** What the lifecycle works on. */
export interface LifecycleParts {
  processes: ProcessTable;
  capabilities: CapabilityTable;
  wiring: Wiring;
  loader: Slots;
  devices: Devices;
  pipes: Pipes;
  stores: Stores;
  recorder: FlightRecorder;
  /** The kernel's own provider side. */
  provider: Provider;
  devicesOf: (process: Process) => readonly DeviceInfo[];
  now(): number;
  timers: Timers;
  /** A worker cannot be ended: the machine must be. */
  stuck(process: Process): void;
  /** A process dies; it may come back. */
  died(process: Process): void;
  /** A process has come to its end and is off the table. */
  gone(process: Process): void;
}

/** Why and how a process dies. */
export interface Death {
  /** Somebody wanted it: counts neither for the budget nor for poison. */
  ordered: boolean;
  clean: boolean;
  cause: string;
}

/** Starts, ends and restarts processes. */
export class Lifecycle {
  readonly #parts: LifecycleParts;
  /** Who was asked to drain, and what follows. */
  readonly #drains = new Map<number, { provider: number; done: () => void }>();
  #nextDrain = 1;
  #stopping = false;

  constructor(parts: LifecycleParts) {
    this.#parts = parts;
  }

  /** Feeds an event to a process's supervisor and performs what follows. */
  handle(process: Process, event: SupervisorEvent): void {
    const { policy } = process.facts;
    const { next, effects } = step(process.supervised, event, { policy, nowMs: this.#parts.now() });
    const before = process.supervised.state.tag;
    if (event.tag === "ready") process.failedStarts = 0;
    process.supervised = next;
    const dies = next.state.tag === "fenced" && before !== "fenced";
    if (next.state.tag === "fenced" && dies) {
      process.deaths++;
      if (before === "starting" && !next.state.ordered) process.failedStarts++;
      process.lastDeath = next.state.cause;
    }
    for (const effect of effects) this.#perform(process, effect);
    if (dies) this.#parts.died(process);
  }

  #perform(process: Process, effect: SupervisorEffect): void {
    switch (effect.tag) {
      case "spawn":
        this.#spawn(process);
        break;
      case "fence":
        void this.#fence(process);
        break;
      case "wake":
        // A timer may fire a fraction early: the moment must be past when the state machine looks.
        this.#parts.timers.after(Math.ceil(effect.afterMs) + 1, () => {
          this.handle(process, { tag: "due" });
        });
        break;
      case "give-up":
        this.#giveUp(process);
        break;
      case "stopped":
        this.#stopped(process);
        break;
    }
  }

  #spawn(process: Process): void {
    const { loader, capabilities, wiring, devices, recorder } = this.#parts;
    const recovering = process.incarnation > 0;
    process.incarnation++;
    if (recovering) process.restarts++;
    const slot = loader.take(process.facts.isolation);
    process.slot = slot;
    process.endpoint = slot;
    recorder.record(process, recovering ? "restart" : "start");
    this.#announceToKernel(process);
    const { facts } = process;
    slot.mail({
      kind: "start",
      pid: process.pid,
      name: facts.name,
      incarnation: process.incarnation,
      args: facts.args,
      cwd: facts.cwd,
      role: facts.role === "program" ? "program" : "daemon",
      entry: facts.entry,
      program: facts.program,
      provides: [...facts.provides],
      namespace: process.namespace,
      stdio: process.stdio,
      cells: capabilities.renewCells(process.pid),
      store: this.#parts.stores.give(process),
      recovering,
      ...(facts.code === undefined ? {} : { code: facts.code }),
    });
    const own = this.#parts.devicesOf(process);
    if (own.length > 0) devices.attach(process, own);
    wiring.rejoin(process, recovering);
    wiring.joinAsClient(process);
    void slot.exited.then((exit) => {
      this.#exited(process, slot, exit);
    });
    const { orderedFault } = process;
    process.orderedFault = undefined;
    orderedFault?.();
    // A program has nothing to get ready for: it runs.
    if (facts.role === "program") this.handle(process, { tag: "ready" });
  }

  /** The kernel's own provider hears of a client's channel and capabilities like any other. */
  #announceToKernel(process: Process): void {
    const { provider, capabilities } = this.#parts;
    const { endpoint } = process;
    if (endpoint === undefined) return;
    for (const capability of capabilities.heldBy(process.pid)) {
      if (capability.provider !== 0) continue;
      const { index, scheme, root } = capability;
      provider.receive({ kind: "capability", index, client: process.pid, scheme, root });
    }
    provider.receive({
      kind: "client",
      client: process.pid,
      session: 0,
      memory: endpoint.kernelChannel,
      bell: endpoint.bell.memory,
      replays: false,
    });
  }

  /** Adds a process that lives outside of the loader: the host. */
  adopt(process: Process): void {
    this.#announceToKernel(process);
  }

  #exited(process: Process, slot: Slot, exit: { code: number; reason: string }): void {
    if (process.slot !== slot) return;
    const { tag } = process.supervised.state;
    if (tag !== "starting" && tag !== "running") return;
    this.#parts.recorder.record(process, "detect", { by: "exit" });
    this.die(process, { ordered: false, clean: exit.code === 0, cause: exit.reason });
  }

  /** Ends a process, for whatever reason. */
  die(process: Process, death: Death): void {
    const { tag } = process.supervised.state;
    if (tag !== "starting" && tag !== "running") return;
    this.handle(process, { tag: "death", ...death });
  }

  /** Looks at the words of all workers: a death record, or a fault point that was reached. */
  scan(): void {
    for (const process of this.#parts.processes.all()) {
      const { slot } = process;
      if (slot === undefined || slot.ending) continue;
      if (Atomics.load(slot.words, FAULT_REACHED) !== 0) {
        this.#parts.recorder.record(process, "detect", { by: "fault point" });
        this.die(process, { ordered: true, clean: false, cause: "killed at a fault point" });
      } else if (Atomics.load(slot.words, DEATH_WRITTEN) !== 0) {
        this.#parts.recorder.record(process, "detect", { by: "death record" });
        const cause = readDeathRecord(slot.block) ?? "died";
        this.die(process, { ordered: false, clean: false, cause });
      }
    }
  }

  /**
   * Fences a dying process on both sides and waits until nothing of it can take effect any more:
   * its worker has ended, its devices are reset, every provider has drained.
   */
  async #fence(process: Process): Promise<void> {
    const { recorder, devices, devicesOf } = this.#parts;
    const { slot } = process;
    recorder.record(process, "fence", { cause: process.lastDeath ?? "" });
    for (const wire of process.clients.values()) {
      Wiring.close(wire);
      wire.client.mail({ kind: "fenced", provider: process.pid });
    }
    const waits: Promise<unknown>[] = [];
    if (slot !== undefined) {
      waits.push(slot.exited.then(() => recorder.record(process, "exit")));
      slot.end(() => {
        this.#parts.stuck(process);
      });
    }
    if (devicesOf(process).length > 0) {
      waits.push(devices.fence(process).then(() => recorder.record(process, "silent")));
    }
    const drains = [...process.providers.values()].map((wire) =>
      this.#drain(process, wire.provider),
    );
    drains.push(this.#drainKernel(process));
    waits.push(Promise.all(drains).then(() => recorder.record(process, "drained")));
    await Promise.all(waits);
    devices.release(process);
    process.endpoint = undefined;
    process.slot = undefined;
    this.#classify(process);
  }

  #classify(process: Process): void {
    const { state } = process.supervised;
    const ordered = state.tag === "fenced" ? state.ordered : true;
    this.#parts.recorder.record(process, "classify");
    for (const wire of process.clients.values()) {
      wire.client.mail({ kind: "died", provider: process.pid, ordered });
    }
    this.#takeBack(process);
    if (state.tag === "stopped") this.#stopped(process);
    else this.handle(process, { tag: "ended" });
  }

  /**
   * Takes back what an incarnation made for itself and its successor knows nothing of: narrowed
   * capabilities, pipe ends. Its names stay.
   */
  #takeBack(process: Process): void {
    const { capabilities, pipes } = this.#parts;
    pipes.drop(process);
    for (const capability of capabilities.heldBy(process.pid)) {
      const { parent, provider, index } = capability;
      // The first one of a scheme is its provider's for ever.
      if (parent === undefined) continue;
      const named = process.namespace.some(
        (entry) => entry.provider === provider && entry.capability === index,
      );
      if (named) continue;
      capabilities.drop(capability);
      this.#tellRevoked(provider, index);
    }
  }

  #tellRevoked(provider: number, index: number): void {
    const mail: Mail = { kind: "revoked", indices: [index] };
    if (provider === KERNEL_PID) this.#parts.provider.receive(mail);
    else this.#parts.processes.get(provider)?.mail(mail);
  }

  /** Takes the channel between two living processes apart. */
  disconnect(client: Process, provider: Process): Promise<void> {
    return this.#drain(client, provider);
  }

  /** Asks a provider to end what a client had with it. */
  #drain(process: Process, provider: Process): Promise<void> {
    process.providers.delete(provider.pid);
    const wire = provider.clients.get(process.pid);
    provider.clients.delete(process.pid);
    if (wire !== undefined) Wiring.close(wire);
    const { tag } = provider.supervised.state;
    if (provider.endpoint === undefined || (tag !== "running" && tag !== "starting")) {
      return Promise.resolve();
    }
    const drain = this.#nextDrain++;
    return new Promise((resolve) => {
      const late = this.#parts.timers.after(DRAIN_MS_MAX, () => {
        this.die(provider, { ordered: false, clean: false, cause: "did not drain a dead client" });
        done();
      });
      const done = (): void => {
        late();
        this.#drains.delete(drain);
        resolve();
      };
      this.#drains.set(drain, { provider: provider.pid, done });
      // If the provider dies itself, nothing of the client survives in it.
      void provider.slot?.exited.finally(done);
      provider.mail({ kind: "client-died", client: process.pid, drain });
    });
  }

  #drainKernel(process: Process): Promise<void> {
    const drain = this.#nextDrain++;
    return new Promise((resolve) => {
      this.#drains.set(drain, { provider: KERNEL_PID, done: resolve });
      this.#parts.provider.receive({ kind: "client-died", client: process.pid, drain });
    });
  }

  /** A provider says that a dead client's requests are over. Of another's it knows nothing. */
  drained(provider: number, drain: number): void {
    const asked = this.#drains.get(drain);
    if (asked?.provider !== provider) return;
    this.#drains.delete(drain);
    asked.done();
  }

  #giveUp(process: Process): void {
    this.#parts.recorder.record(process, "given up", { deaths: process.deaths });
    for (const wire of [...process.clients.values()]) {
      wire.client.providers.delete(process.pid);
      wire.client.mail({ kind: "given-up", provider: process.pid });
    }
    process.clients.clear();
  }

  /** A process has ended for good: everything it held goes back. */
  #stopped(process: Process): void {
    if (process.slot !== undefined) return;
    const { capabilities, pipes, processes, recorder } = this.#parts;
    this.#giveUp(process);
    pipes.drop(process);
    capabilities.dropProvider(process.pid);
    for (const { provider, index } of capabilities.dropHolder(process.pid)) {
      this.#tellRevoked(provider, index);
    }
    // One that never ran was wired, and nobody has drained it.
    for (const wire of process.providers.values()) wire.provider.clients.delete(process.pid);
    processes.remove(process);
    const exit: ExitStatus =
      process.requestedStatus === undefined
        ? { status: 137, reason: process.lastDeath ?? "ended" }
        : { status: process.requestedStatus };
    process.exit = exit;
    recorder.record(process, "gone", { status: exit.status });
    for (const waiter of process.waiters) waiter(exit);
    process.waiters.clear();
    // Programs do not outlive the one that started them.
    for (const child of processes.all()) {
      if (child.facts.parent !== process.pid || child.facts.role !== "program") continue;
      this.die(child, { ordered: true, clean: false, cause: `${process.name} ended` });
    }
    this.#parts.gone(process);
  }

  /** True once the machine is going down. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Ends all processes, users first, daemons in the opposite of their order. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    const all = this.#parts.processes.all().filter(({ facts }) => facts.entry !== "");
    all.sort((a, b) => b.facts.order - a.facts.order);
    for (const process of all) {
      const { slot } = process;
      process.lastDeath = "machine halts";
      this.handle(process, { tag: "stop" });
      if (slot !== undefined) await slot.exited;
    }
    await this.#parts.loader.close();
  }
}
