/**
 * The gate: the kernel's code in a process. It turns the process's calls into requests on the right
 * channel, waits, reads the kernel's mail, and runs the provider's side when the process serves a
 * scheme. It holds everything that daemon code must not see: rings, ports, capability numbers.
 */

import {
  ABI_VERSION,
  type Call,
  type Descriptor,
  type DmaRegion,
  type Gate,
  type NameView,
  type SelfInfo,
  type SyscallName,
  type Window,
} from "../../ipc/abi.js";
import { ECANCELED, type Errno, ESTALE, ETIMEDOUT, errnoFromNumber } from "../../ipc/errno.js";
import { PARK_MS_MAX } from "../../ipc/limits.js";
import {
  BOARD_PID,
  KERNEL_PID,
  type Mail,
  type NamespaceEntry,
  type StartMail,
} from "../../ipc/mail.js";
import type { Scheme } from "../../ipc/scheme.js";
import { type Waitable, Waiter } from "../../ipc/waiter.js";
import { Calls } from "./calls.js";
import { Connection } from "./connection.js";
import { Deadlines } from "./deadlines.js";
import { type GateParts, NOBODY } from "./gate-parts.js";
import { Hardware } from "./hardware.js";
import { inheritSession } from "./inheritance.js";
import { runLoop } from "./loop.js";
import { type Resolved, resolveUrl, schemeNames } from "./namespace.js";
import { ObjectTable } from "./object-table.js";
import { LocalObject, LocalRequest } from "./objects.js";
import { poisonReport } from "./poison.js";
import type { Provider } from "./provider.js";
import { Request } from "./request.js";
import { Session } from "./session.js";

/** The gate of one process. */
export class ProcessGate implements Gate, Waitable {
  readonly abi = ABI_VERSION;
  self: SelfInfo = NOBODY;
  stdio: Descriptor[] = [];
  provider: Provider | undefined;
  readonly #parts: GateParts;
  readonly #connections = new Map<number, Connection>();
  readonly #objects = new ObjectTable(() => this.mailWaits());
  readonly #hardware: Hardware;
  readonly #calls: Calls;
  readonly #deadlines = new Deadlines();
  #namespace: NamespaceEntry[] = [];
  #store: SharedArrayBuffer | undefined;
  #mailSeen = 0;
  readonly #waiter: Waiter;
  /** Promises settled so far; a change means that microtasks may be pending. */
  #settled = 0;
  #looping = false;
  #sleeper = false;

  constructor(parts: GateParts) {
    this.#parts = parts;
    this.#waiter = new Waiter(() => performance.now());
    this.#hardware = new Hardware(parts.bell);
    this.#calls = new Calls({
      kernel: parts.kernel,
      resolve: (text, within) => this.#resolve(text, within),
      connect: (provider) => this.#connect(provider),
      object: (id) => this.object(id),
    });
    this.#connections.set(KERNEL_PID, parts.kernel);
  }

  /** Becomes the process that the kernel described. */
  begin(mail: StartMail): void {
    this.self = {
      pid: mail.pid,
      name: mail.name,
      args: mail.args,
      cwd: mail.cwd,
      incarnation: mail.incarnation,
      program: mail.program,
      provides: mail.provides,
    };
    this.#namespace = mail.namespace;
    this.#store = mail.store;
    for (const inherited of mail.stdio) {
      if (inherited.kind === "object") this.stdio.push(this.#objects.add(inherited.object));
      else this.stdio.push(inheritSession(this.#connect(inherited.provider), inherited));
    }
  }

  // --- calls ------------------------------------------------------------------------------------

  schemes(): string[] {
    return schemeNames(this.#namespace);
  }

  open(url: string, flags: number, within?: NameView): Call {
    return this.#calls.open(url, flags, within);
  }

  opened(call: Call): Descriptor | undefined {
    return this.#calls.opened(call);
  }

  watch(queue: Descriptor, target: Descriptor, watch: { id: number; mask: number }): Call {
    return this.#calls.watch(queue, target, watch);
  }

  path(opcode: number, url: string, names: { second?: string; within?: NameView }): Call {
    return this.#calls.path(opcode, url, names);
  }

  syscall(name: SyscallName, body: unknown): Call {
    return this.#calls.syscall(name, body);
  }

  #resolve(text: string, within: NameView | undefined): Resolved | Errno {
    if (this.mailWaits()) this.readMail();
    return resolveUrl(within ?? this.#namespace, text);
  }

  #connect(provider: number): Connection {
    const known = this.#connections.get(provider);
    // One that was given up may have been revived since: ask again.
    if (known !== undefined && known.state !== "failed") return known;
    const connection = this.#addConnection(provider);
    const request = this.#calls.syscall("connect", { provider });
    request.onDone = () => {
      if (request.result < 0) connection.givenUp(errnoFromNumber(-request.result));
    };
    this.start(request);
    return connection;
  }

  #addConnection(provider: number): Connection {
    const connection = new Connection(provider);
    this.#connections.set(provider, connection);
    connection.onPoison = (request) => {
      this.start(this.syscall("poisoned", poisonReport(request)));
    };
    return connection;
  }

  start(call: Call): void {
    const request = call as Request;
    if (request.started) return;
    request.started = true;
    if (request.done) return;
    if (request.deadlineMs > 0) this.#deadlines.add(request, this.now());
    if (request instanceof LocalRequest) {
      this.#objects.submit(request);
      return;
    }
    this.#submitWhenOpen(request);
  }

  /** Submits a request; one on a session that is still being made follows it. */
  #submitWhenOpen(request: Request): void {
    const opening = request.session?.opening;
    if (opening === undefined || opening.done) {
      request.connection?.submit(request);
      return;
    }
    const then = opening.onDone;
    opening.onDone = (done) => {
      then?.(done);
      this.#submitWhenOpen(request);
    };
  }

  cancel(call: Call): void {
    this.#abandon(call as Request, ECANCELED);
  }

  #abandon(request: Request, errno: Errno): void {
    this.#deadlines.delete(request);
    if (request instanceof LocalRequest) {
      this.#objects.cancel(request);
      request.finish(-errno.errno, "not-executed");
    } else request.connection?.abandon(request, errno);
  }

  close(descriptor: Descriptor): void {
    if (descriptor instanceof Session) descriptor.connection.close(descriptor);
    else if (descriptor instanceof LocalObject && this.#objects.close(descriptor.id)) {
      this.start(this.syscall("close-object", { id: descriptor.id }));
    }
  }

  reference(descriptor: Descriptor): unknown {
    if (descriptor instanceof LocalObject) return { object: descriptor.id };
    const session = descriptor as Session;
    // Its number is not known while it is being made, or its provider replaced.
    while (session.handle < 0 && session.lost === undefined) {
      if (!this.#pump()) this.park();
    }
    return session.reference();
  }

  now(): number {
    return this.#parts.clock.now();
  }

  log(line: string): void {
    this.start(this.syscall("log", { line }));
  }

  // --- hardware ---------------------------------------------------------------------------------

  window(descriptor: Descriptor): Window | Errno {
    return this.#hardware.window(descriptor);
  }

  dma(descriptor: Descriptor): DmaRegion | Errno {
    return this.#hardware.dma(descriptor);
  }

  irq(descriptor: Descriptor, seen: number): Promise<number> {
    this.#startLoop();
    return this.#hardware.interrupt(descriptor, seen);
  }

  irqAck(descriptor: Descriptor): void {
    this.#hardware.acknowledge(descriptor);
  }

  // --- mail -------------------------------------------------------------------------------------

  mailWaits(): boolean {
    return this.#parts.bell.mailCount() !== this.#mailSeen;
  }

  readMail(): void {
    this.#mailSeen = this.#parts.bell.mailCount();
    for (let mail = this.#parts.receive(); mail !== undefined; mail = this.#parts.receive()) {
      this.#receive(mail);
    }
  }

  store(): SharedArrayBuffer | undefined {
    // One that was replaced came by mail before the system call was answered.
    this.readMail();
    return this.#store;
  }

  #receive(mail: Mail): void {
    switch (mail.kind) {
      case "start":
        this.#parts.onStart(mail);
        break;
      case "connect":
        this.#connected(mail);
        break;
      case "fenced":
        this.#fenced(this.#connections.get(mail.provider));
        break;
      case "died":
        this.#connections.get(mail.provider)?.died(mail.ordered);
        break;
      case "given-up":
        this.#connections.get(mail.provider)?.givenUp();
        break;
      case "namespace":
        this.#namespace = mail.entries;
        break;
      case "object":
        this.#objects.arrive(mail.object);
        break;
      case "pipe":
        this.#objects.update(mail.pipe);
        break;
      case "cell":
        this.#shareCell(mail);
        break;
      case "store":
        this.#store = mail.memory;
        break;
      default:
        this.provider?.receive(mail);
    }
  }

  #fenced(connection: Connection | undefined): void {
    if (connection === undefined) return;
    connection.fenced();
    if (connection.recovering) this.#deadlines.pause(connection, this.now());
  }

  #connected(mail: Mail & { kind: "connect" }): void {
    if (mail.provider === BOARD_PID) {
      this.#hardware.connected(mail);
      return;
    }
    const connection = this.#connections.get(mail.provider) ?? this.#addConnection(mail.provider);
    connection.classes = mail.classes;
    connection.name = mail.name;
    connection.connected(mail.memory, mail.bell, mail.incarnation);
  }

  #shareCell(mail: Mail & { kind: "cell" }): void {
    for (const session of this.#connections.get(mail.provider)?.sessions ?? []) {
      if (session.handle === mail.handle) session.share(mail.cell);
    }
  }

  /** Both ends of a pipe that the kernel has made, by their ids. */
  object(id: number): Descriptor | undefined {
    // The mail was posted before the system call was answered.
    this.readMail();
    return this.#objects.claim(id);
  }

  // --- waiting ----------------------------------------------------------------------------------

  /** The connection whose answer a blocked thread waits for; polling looks at it only. */
  #awaited: Connection | undefined;

  /**
   * A hint that there is something to do. Polled many times: plain loads, nothing that can wait.
   */
  poll(): boolean {
    if (this.#parts.bell.mailHint() !== this.#mailSeen) return true;
    if (this.#awaited !== undefined) return this.#awaited.ready();
    for (const connection of this.#connections.values()) if (connection.ready()) return true;
    if (this.#hardware.ready()) return true;
    if (this.#objects.attempt()) return true;
    return this.#dispatching && this.provider?.ready() === true;
  }

  /** True when there is something to do: the last look before a sleep. */
  #look(): boolean {
    if (this.mailWaits()) return true;
    for (const connection of this.#connections.values()) if (connection.waits()) return true;
    if (this.#hardware.ready()) return true;
    if (this.#objects.attempt()) return true;
    return this.#dispatching && this.provider?.waits() === true;
  }

  #dispatching = false;
  /** Does what there is to do as a client. Returns whether anything was done. */
  #pump(): boolean {
    let worked = false;
    if (this.mailWaits()) {
      this.readMail();
      worked = true;
    }
    for (const connection of this.#connections.values()) {
      if (connection.ready() && connection.poll() > 0) worked = true;
      if (connection.brokenDown) this.#disconnect(connection);
    }
    if (this.#objects.attempt()) worked = true;
    const interrupts = this.#hardware.deliver();
    this.#settled += interrupts;
    worked ||= interrupts > 0;
    if (this.#deadlines.size > 0) this.#expire();
    return worked;
  }

  /** Has the kernel take a broken channel apart; the next open makes a new one. */
  #disconnect(connection: Connection): void {
    connection.brokenDown = false;
    this.start(this.syscall("disconnect", { provider: connection.provider }));
  }

  #expire(): void {
    for (const request of this.#deadlines.expired(this.now())) this.#abandon(request, ETIMEDOUT);
  }

  /** Sleeps until the doorbell rings; announces it on every channel and looks once more before. */
  park(): void {
    const { bell } = this.#parts;
    const count = bell.count();
    this.#setSleeping(true);
    if (!this.#look()) bell.park(count, this.#parkMs());
    this.#setSleeping(false);
  }

  #napMs = Number.POSITIVE_INFINITY;
  /** How long a park may last. */
  #parkMs(): number {
    let limit = this.#objects.busy ? Math.min(this.#napMs, PARK_MS_MAX) : this.#napMs;
    for (const connection of this.#connections.values()) {
      if (connection.busy) limit = Math.min(limit, PARK_MS_MAX);
    }
    if (this.#dispatching) limit = Math.min(limit, this.provider?.sleepMs ?? limit);
    return this.#deadlines.size === 0 ? limit : Math.min(limit, this.#deadlines.nextMs(this.now()));
  }

  #setSleeping(sleeping: boolean): void {
    for (const connection of this.#connections.values()) connection.setSleeping(sleeping);
    this.#objects.setSleeping(sleeping);
    if (this.#dispatching) this.provider?.setSleeping(sleeping);
  }

  wait(call: Call): number {
    this.start(call);
    const { connection } = call as Request;
    while (!call.done) {
      if (this.#pump()) continue;
      const woke = connection?.channel?.wokePeer === true;
      this.#awaited = connection;
      this.#waiter.wait(this, woke, connection?.provider === KERNEL_PID);
      this.#awaited = undefined;
    }
    return call.result;
  }

  waitAny(calls: readonly Call[]): void {
    for (const call of calls) this.start(call);
    while (!calls.some((call) => call.done)) {
      if (!this.#pump()) this.#waiter.wait(this, false, true);
    }
  }

  sleep(milliseconds: number): void {
    const untilMs = this.now() + milliseconds;
    for (let now = this.now(); now < untilMs; now = this.now()) {
      this.#napMs = untilMs - now;
      if (!this.#pump()) this.park();
    }
    this.#napMs = Number.POSITIVE_INFINITY;
  }

  /** Holds what `settle` is given from now on until `barrier` settles; system calls pass. */
  holdUntil(barrier: Promise<unknown>): void {
    const held = barrier
      .catch(() => undefined)
      .then(() => {
        if (this.#barrier === held) this.#barrier = undefined;
      });
    this.#barrier = held;
  }

  #barrier: Promise<void> | undefined;
  settle(call: Call): Promise<number> {
    const request = call as Request;
    if (this.#barrier !== undefined && request.connection?.provider !== KERNEL_PID) {
      return this.#barrier.then(() => this.settle(call));
    }
    this.start(request);
    if (request.done) return Promise.resolve(request.result);
    this.#startLoop();
    return new Promise((resolve) => {
      const then = request.onDone;
      request.onDone = (done) => {
        then?.(done);
        this.#settled++;
        resolve(done.result);
      };
    });
  }

  async serve(scheme: Scheme, sleeper: boolean): Promise<void> {
    const { provider } = this;
    if (provider === undefined) throw ESTALE;
    this.#sleeper = sleeper;
    this.#dispatching = true;
    provider.serve(new Map(this.self.provides.map((name) => [name, scheme])));
    await this.settle(this.syscall("ready", {}));
  }

  #startLoop(): void {
    if (this.#looping) return;
    this.#looping = true;
    const { bell, timers, turn, mayBlock, bug } = this.#parts;
    runLoop({
      bell,
      timers,
      turn,
      work: () => this.#work(),
      activity: () => this.#settled + (this.provider?.promises ?? 0),
      poll: () => this.poll(),
      look: () => this.#look(),
      sleeps: () => this.#sleeper && mayBlock,
      wait: () => {
        this.#waiter.wait(this, false, false);
      },
      setSleeping: (sleeping) => {
        this.#setSleeping(sleeping);
      },
      parkMs: () => this.#parkMs(),
    }).catch(bug);
  }

  #work(): boolean {
    const worked = this.#pump();
    if (!this.#dispatching || this.provider === undefined) return worked;
    const served = this.provider.dispatch();
    // A handler that answers at once may have settled what another one waits for.
    if (served > 0 && this.provider.busy) this.#settled++;
    return served > 0 || worked;
  }
}
