/**
 * The kernel: the control plane of the machine. It composes its parts, loads packages, gives out
 * the first capabilities, and never blocks. Requests do not pass through here.
 */

import { ABI_VERSION } from "../ipc/abi.js";
import type { DeviceInfo } from "../ipc/board-mail.js";
import type { LinkedModule } from "../ipc/confined.js";
import {
  EACCES,
  EBUSY,
  EDEADLK,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  ENOEXEC,
  Errno,
} from "../ipc/errno.js";
import { HOST_PID, KERNEL_PID, type Mail, type ObjectMail } from "../ipc/mail.js";
import {
  parseRights,
  RIGHT_CALL,
  RIGHT_MAP,
  RIGHT_READ,
  RIGHT_WRITE,
  RIGHTS_ALL,
} from "../ipc/rights.js";
import { SysError } from "../ipc/sys-error.js";
import { parseUrl } from "../ipc/url.js";
import type { Capability, CapabilityTable } from "./capability.js";
import type { Devices } from "./devices.js";
import { FaultLog } from "./fault-log.js";
import { FaultOrders } from "./fault-orders.js";
import { FlightRecorder } from "./flight-recorder.js";
import type { KernelParts } from "./kernel-parts.js";
import { Lifecycle } from "./lifecycle.js";
import { type Manifest, operationClasses, type Package } from "./manifest.js";
import { Pipes } from "./pipes.js";
import { PositionCells } from "./position-cells.js";
import {
  type Endpoint,
  type ExitStatus,
  PROGRAM_POLICY,
  Process,
  ProcessTable,
  type ProgramFacts,
} from "./process.js";
import { SystemLog } from "./schemes/log.js";
import { Stores } from "./stores.js";
import { DEFAULT_POLICY } from "./supervisor.js";
import type { Fields } from "./syscall-body.js";
import { Wiring } from "./wiring.js";

/** Exit statuses that a parent has not asked for yet, at most. */
const EXITS_KEPT = 64;

/** The kernel's tables and what can be done with them. */
export class Kernel {
  readonly processes = new ProcessTable();
  readonly capabilities: CapabilityTable;
  readonly wiring: Wiring;
  readonly recorder: FlightRecorder;
  readonly lifecycle: Lifecycle;
  readonly faults: FaultOrders;
  readonly cells = new PositionCells(this.processes);
  readonly pipes: Pipes;
  readonly log: SystemLog;
  readonly faultLog: FaultLog;
  readonly stores: Stores;
  readonly devices: Devices;
  readonly self: Process;
  readonly parts: KernelParts;
  readonly #roots = new Map<string, Capability>();
  readonly #manifests = new Map<number, Manifest>();
  readonly #ownDevices = new Map<number, readonly DeviceInfo[]>();
  readonly #exits = new Map<number, Map<number, ExitStatus>>();
  /**
   * Who waits for a daemon to get ready for the first time. Told undefined, or why it never will.
   */
  readonly #readyWaiters = new Map<number, ((failure?: string) => void)[]>();
  readonly bootMs: number;
  #nextOrder = 1;
  #nextObject = 1;

  constructor(parts: KernelParts) {
    this.parts = parts;
    this.capabilities = parts.capabilities;
    this.wiring = new Wiring(parts.capabilities);
    this.bootMs = parts.hostNow();
    this.recorder = new FlightRecorder(() => parts.hostNow() - this.bootMs);
    this.devices = parts.devices;
    this.log = new SystemLog({
      now: () => parts.hostNow() - this.bootMs,
      turn: () => parts.turn(),
    });
    this.pipes = new Pipes(() => this.#nextObject++);
    this.faultLog = new FaultLog(() => parts.hostNow() - this.bootMs);
    this.stores = new Stores(this.faultLog);
    this.lifecycle = new Lifecycle({
      stores: this.stores,
      processes: this.processes,
      capabilities: this.capabilities,
      wiring: this.wiring,
      loader: parts.loader,
      devices: parts.devices,
      pipes: this.pipes,
      recorder: this.recorder,
      provider: parts.provider,
      devicesOf: (process) => this.devicesOf(process),
      now: () => parts.now(),
      timers: parts.timers,
      stuck: (process) => {
        parts.stuck(process.name);
      },
      died: (process) => {
        this.died(process);
      },
      gone: (process) => {
        this.#gone(process);
      },
    });
    this.faults = new FaultOrders({
      recorder: this.recorder,
      lifecycle: this.lifecycle,
      random: parts.random,
      timers: parts.timers,
    });
    this.self = this.processes.add(kernelFacts(parts.schemes), KERNEL_PID);
    this.self.supervised = { ...this.self.supervised, state: { tag: "running", sinceMs: 0 } };
    for (const scheme of parts.schemes) this.#root(this.self, scheme);
  }

  // --- capabilities -----------------------------------------------------------------------------

  #root(provider: Process, scheme: string): Capability {
    const capability = this.capabilities.add(undefined, {
      holder: provider.pid,
      provider: provider.pid,
      scheme,
      root: "/",
      rights: RIGHTS_ALL,
    });
    this.#roots.set(scheme, capability);
    return capability;
  }

  /** Derives a capability for a process and puts it into its namespace. */
  give(
    holder: Process,
    parent: Capability,
    facts: { root: string; rights: number; granted?: boolean },
  ): Capability {
    const capability = this.derive(parent, { holder, ...facts });
    holder.namespace = [...holder.namespace, Wiring.entry(capability)];
    return capability;
  }

  /**
   * Derives a capability; its provider hears of it before it can be used.
   * @throws EDEADLK when using it would go up the manifest's order
   */
  derive(
    parent: Capability,
    facts: { holder: Process; root: string; rights: number; granted?: boolean },
  ): Capability {
    const { holder } = facts;
    const order = this.processes.get(parent.provider)?.facts.order ?? 0;
    if (order >= holder.facts.order) throw EDEADLK;
    const capability = this.wiring.grant(parent, facts);
    if (parent.provider === KERNEL_PID) {
      const { index, scheme, root } = capability;
      const mail: Mail = { kind: "capability", index, client: holder.pid, scheme, root };
      this.parts.provider.receive(mail);
    }
    return capability;
  }

  /** Revokes a capability that `caller` holds, or that was derived from one that it holds. */
  revoke(caller: Process, id: number): void {
    const capability = this.capabilities.get(id);
    if (capability === undefined) throw ENOENT;
    let above: Capability | undefined = capability;
    while (above !== undefined && above.holder !== caller.pid) above = above.parent;
    if (above === undefined && caller.pid !== HOST_PID) throw EACCES;
    const byProvider = new Map<number, number[]>();
    for (const gone of this.capabilities.revoke(capability)) {
      const indices = byProvider.get(gone.provider) ?? [];
      indices.push(gone.index);
      byProvider.set(gone.provider, indices);
      this.#forget(gone);
    }
    for (const [provider, indices] of byProvider) {
      if (provider === KERNEL_PID) this.parts.provider.receive({ kind: "revoked", indices });
      else this.processes.get(provider)?.mail({ kind: "revoked", indices });
    }
  }

  #forget(gone: Capability): void {
    const holder = this.processes.get(gone.holder);
    if (holder === undefined) return;
    holder.namespace = holder.namespace.filter(
      (entry) => entry.provider !== gone.provider || entry.capability !== gone.index,
    );
    holder.mail({ kind: "namespace", entries: holder.namespace });
  }

  // --- packages and programs --------------------------------------------------------------------

  /**
   * Adds a package's daemon; starts it unless it starts on demand. @throws EEXIST, EINVAL, ENODEV
   */
  addPackage(pack: Package, code?: readonly LinkedModule[]): Process {
    const { manifest } = pack;
    this.#checkNames(manifest);
    const process = this.processes.add({
      name: manifest.name,
      role: "daemon",
      order: this.#nextOrder++,
      entry: new URL(manifest.entry, pack.base).href,
      program: "",
      provides: manifest.provides,
      operations: operationClasses(manifest),
      storeBytes: manifest.store?.bytes ?? 0,
      policy: {
        ...DEFAULT_POLICY,
        ...manifest.supervision,
        restart: manifest.restart ?? DEFAULT_POLICY.restart,
      },
      args: manifest.args ?? [],
      cwd: "file:/",
      parent: HOST_PID,
      isolation: code === undefined ? "thread" : "confined",
      ...(code === undefined ? {} : { code }),
    });
    this.#manifests.set(process.pid, manifest);
    if (code === undefined) {
      this.parts.loader.preload(
        (manifest.preload ?? []).map((module) => new URL(module, pack.base).href),
      );
    }
    for (const [url, rights] of Object.entries(manifest.needs ?? {})) {
      this.#need(process, url, rights);
    }
    if (manifest.drives !== undefined) this.#claimDevices(process, manifest.drives);
    this.#hardware(process);
    const host = this.processes.get(HOST_PID);
    for (const scheme of manifest.provides) {
      const root = this.#root(process, scheme);
      if (host !== undefined) this.give(host, root, { root: "/", rights: RIGHTS_ALL });
    }
    host?.mail({ kind: "namespace", entries: host.namespace });
    return process;
  }

  /** @throws SysError that names the scheme which is taken, or which nobody provides */
  #checkNames(manifest: Manifest): void {
    for (const scheme of manifest.provides) {
      const taken = this.#roots.get(scheme);
      if (taken === undefined) continue;
      const owner = this.processes.get(taken.provider)?.name;
      const hint = `provides: ${scheme}: is taken by ${owner}`;
      throw new SysError(EEXIST, { operation: "load", hint });
    }
    for (const url of Object.keys(manifest.needs ?? {})) {
      const parsed = parseUrl(url);
      if (parsed instanceof Errno) throw new SysError(parsed, { operation: "load", url });
      if (manifest.provides.includes(parsed.scheme)) {
        const hint = `needs: ${manifest.name} provides ${parsed.scheme}: itself`;
        throw new SysError(EDEADLK, { operation: "load", url, hint });
      }
      if (this.#roots.has(parsed.scheme)) continue;
      const hint = `needs: nobody provides ${parsed.scheme}:`;
      throw new SysError(ENODEV, { operation: "load", url, hint });
    }
  }

  #need(process: Process, url: string, rightsText: string): void {
    const parsed = parseUrl(url);
    const rights = parseRights(rightsText);
    if (parsed instanceof Errno || rights === undefined) throw EINVAL;
    // Checked before: an entry for a scheme that nobody provides does not get here.
    const root = this.#roots.get(parsed.scheme) as Capability;
    this.give(process, root, { root: parsed.path, rights });
  }

  #hardware(process: Process): void {
    const memory = this.#roots.get("memory") as Capability;
    const irq = this.#roots.get("irq") as Capability;
    const own = this.devicesOf(process);
    for (const device of own) {
      const rights = RIGHT_READ | RIGHT_WRITE | RIGHT_MAP;
      this.give(process, memory, { root: `/device/${device.name}`, rights });
      for (const line of device.lines) {
        this.give(process, irq, { root: `/${line}`, rights: RIGHT_READ | RIGHT_WRITE });
      }
    }
    if (own.length > 0) {
      this.give(process, memory, { root: "/dma", rights: RIGHT_READ | RIGHT_WRITE | RIGHT_MAP });
      this.give(process, memory, { root: "/devices", rights: RIGHT_READ | RIGHT_CALL });
    }
  }

  /** Devices of a driver: those that its manifest matches and that no other driver has. */
  devicesOf(process: Process): readonly DeviceInfo[] {
    return this.#ownDevices.get(process.pid) ?? [];
  }

  /** True for a driver whose devices the board does not have. */
  lacksDevices(process: Process): boolean {
    const drives = this.#manifests.get(process.pid)?.drives;
    return drives !== undefined && this.devicesOf(process).length === 0;
  }

  /** Gives a new driver its devices. @throws SysError EBUSY when others have all that it matches */
  #claimDevices(process: Process, patterns: readonly string[]): void {
    const matching = this.devices.matching(patterns);
    const taken = new Set([...this.#ownDevices.values()].flat().map(({ name }) => name));
    const free = matching.filter(({ name }) => !taken.has(name));
    if (matching.length > 0 && free.length === 0) {
      const hint = `drives: another driver has ${matching.map(({ name }) => name).join(", ")}`;
      throw new SysError(EBUSY, { operation: "load", hint });
    }
    this.#ownDevices.set(process.pid, free);
  }

  /** Loads a package that the host has read: `{ manifest, base }`. */
  async load(body: Fields): Promise<{ pid: number }> {
    const { checkManifest } = await import("./manifest-schema.js");
    const manifest = checkManifest(body["manifest"], ABI_VERSION);
    const { base } = body;
    if (typeof base !== "string") throw EINVAL;
    const pack = { manifest, base };
    const process = this.addPackage(pack, (await this.codeOf([pack])).get(pack));
    const failure = manifest.start === "demand" ? undefined : await this.#started(process);
    if (failure === undefined) return { pid: process.pid };
    this.#unload(process);
    throw new SysError(ENOEXEC, { operation: "load", hint: `${manifest.name}: ${failure}` });
  }

  /** The modules of those packages that are to be confined. Rejects with ENOEXEC if they cannot. */
  async codeOf(packs: readonly Package[]): Promise<Map<Package, readonly LinkedModule[]>> {
    const confined = packs.filter(({ manifest }) => manifest.isolation === "confined");
    if (confined.length === 0) return new Map();
    const entries = confined.map(({ manifest, base }) => new URL(manifest.entry, base).href);
    const codes = await this.parts.loader.link(entries);
    return new Map(confined.map((pack, index) => [pack, codes[index] ?? []]));
  }

  /** Starts a daemon and resolves when it is ready, or to why its first start failed. */
  #started(process: Process): Promise<string | undefined> {
    const ready = new Promise<string | undefined>((resolve) => {
      const waiters = this.#readyWaiters.get(process.pid) ?? [];
      waiters.push(resolve);
      this.#readyWaiters.set(process.pid, waiters);
    });
    this.lifecycle.handle(process, { tag: "start" });
    return ready;
  }

  /** A daemon serves now. */
  readied(process: Process): void {
    this.#tellWaiters(process, undefined);
  }

  /** A daemon has died; whoever loads it is told if it never got ready. */
  died(process: Process): void {
    this.#tellWaiters(process, process.lastDeath ?? "died");
  }

  #tellWaiters(process: Process, failure: string | undefined): void {
    for (const waiter of this.#readyWaiters.get(process.pid) ?? []) waiter(failure);
    this.#readyWaiters.delete(process.pid);
  }

  /** Takes a package's daemon and its names out of the machine. */
  #unload(process: Process): void {
    for (const scheme of process.facts.provides) this.#roots.delete(scheme);
    this.#manifests.delete(process.pid);
    this.#ownDevices.delete(process.pid);
    const host = this.processes.get(HOST_PID);
    if (host !== undefined) {
      host.namespace = host.namespace.filter(({ provider }) => provider !== process.pid);
      host.mail({ kind: "namespace", entries: host.namespace });
    }
    this.lifecycle.handle(process, { tag: "stop" });
  }

  /** Finds a program: a name in the folder of programs, or from the host any module. */
  programUrl(caller: Process, program: string): { name: string; url: string } {
    if (this.parts.programNames.includes(program)) {
      return { name: program, url: new URL(`${program}.js`, this.parts.programs).href };
    }
    if (caller.pid !== HOST_PID || !program.startsWith("file:///")) throw ENOENT;
    return { name: program.slice(program.lastIndexOf("/") + 1), url: program };
  }

  addProgram(parent: Process, facts: ProgramFacts & { args: string[]; cwd: string }): Process {
    const { code } = facts;
    return this.processes.add({
      name: facts.name,
      role: "program",
      order: Number.POSITIVE_INFINITY,
      entry: this.parts.programRuntime,
      program: facts.url,
      provides: [],
      operations: new Map(),
      storeBytes: 0,
      policy: PROGRAM_POLICY,
      args: facts.args,
      cwd: facts.cwd,
      parent: parent.pid,
      isolation: code === undefined ? "thread" : "confined",
      ...(code === undefined ? {} : { code }),
    });
  }

  /** Takes back a process that was never started. */
  discard(process: Process): void {
    this.lifecycle.handle(process, { tag: "stop" });
  }

  /** Adds the host thread as a process with every scheme in its namespace. */
  addHost(endpoint: Endpoint): Process {
    const facts = { ...kernelFacts([]), name: "host", role: "host" as const };
    const host = this.processes.add({ ...facts, order: Number.POSITIVE_INFINITY }, HOST_PID);
    host.endpoint = endpoint;
    host.incarnation = 1;
    host.supervised = { ...host.supervised, state: { tag: "running", sinceMs: 0 } };
    this.lifecycle.adopt(host);
    for (const root of this.#roots.values())
      this.give(host, root, { root: "/", rights: RIGHTS_ALL });
    host.mail({ kind: "namespace", entries: host.namespace });
    return host;
  }

  // --- children, handles, objects ---------------------------------------------------------------

  #gone(process: Process): void {
    this.#exits.delete(process.pid);
    this.cells.drop(process);
    const { parent } = process.facts;
    if (process.exit === undefined || this.processes.get(parent) === undefined) return;
    const exits = this.#exits.get(parent) ?? new Map<number, ExitStatus>();
    this.#exits.set(parent, exits);
    exits.set(process.pid, process.exit);
    for (const pid of exits.keys()) {
      if (exits.size <= EXITS_KEPT) break;
      exits.delete(pid);
    }
  }

  /** Takes the status of an ended child, once. */
  takeExit(parent: Process, pid: number): ExitStatus | undefined {
    const exits = this.#exits.get(parent.pid);
    const status = exits?.get(pid);
    exits?.delete(pid);
    return status;
  }

  /** Tells a provider to let a child take over a copy of a handle. */
  passHandle(provider: Process, mail: Mail): void {
    if (provider.pid === KERNEL_PID) this.parts.provider.receive(mail);
    else provider.mail(mail);
  }

  /** Makes a kernel object for a process and returns its number. */
  object(holder: Process, make: (id: number) => ObjectMail): number {
    return this.hand(holder, make(this.#nextObject++));
  }

  /** Hands a kernel object to a process: it arrives before the answer that names it. */
  hand(holder: Process, object: ObjectMail): number {
    holder.mail({ kind: "object", object });
    return object.id;
  }
}

function kernelFacts(schemes: readonly string[]): Process["facts"] {
  return {
    name: "kernel",
    role: "daemon",
    order: 0,
    entry: "",
    program: "",
    provides: schemes,
    operations: new Map(),
    storeBytes: 0,
    policy: DEFAULT_POLICY,
    args: [],
    cwd: "file:/",
    parent: KERNEL_PID,
    isolation: "thread",
  };
}
