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
  type SelfInfo,
  SYSCALLS,
  type SyscallName,
  type Window,
} from "../../ipc/abi.js";
import { ClientChannel } from "../../ipc/client-channel.js";
import type { Clock } from "../../ipc/clock.js";
import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { Doorbell } from "../../ipc/doorbell.js";
import {
  EACCES,
  ECANCELED,
  EINVAL,
  ENODEV,
  Errno,
  ESTALE,
  ETIMEDOUT,
  errnoFromNumber,
} from "../../ipc/errno.js";
import { BODY_BYTES_MAX, PARK_MS_MAX } from "../../ipc/limits.js";
import {
  BOARD_PID,
  KERNEL_PID,
  type Mail,
  type NamespaceEntry,
  type ObjectMail,
  type StartMail,
} from "../../ipc/mail.js";
import { OP_DUP, OP_OPEN, OP_REATTACH, OP_SYSCALL } from "../../ipc/opcode.js";
import type { Scheme } from "../../ipc/scheme.js";
import { isBeneath, parseUrl } from "../../ipc/url.js";
import { vectorCounts } from "../../ipc/vector.js";
import { type Waitable, Waiter } from "../../ipc/waiter.js";
import { Bus } from "./bus.js";
import { Connection, OPEN_ROOM, parseOpenReply, withoutEffects } from "./connection.js";
import { HardwareObject, LocalObject, LocalRequest, PipeEnd } from "./objects.js";
import type { Provider } from "./provider.js";
import { Request } from "./request.js";
import { Session } from "./session.js";

/** What a gate is made with. */
export interface GateParts {
  bell: Doorbell;
  clock: Clock;
  /** Next piece of mail, if there is one. Never blocks. */
  receive: () => Mail | undefined;
  kernel: Connection;
  /** Takes a macrotask turn, so that all microtasks have run. */
  turn: () => Promise<void>;
  /** Handles the mail that starts the process. */
  onStart: (mail: StartMail) => void;
}

/** An open on its way. */
class OpenRequest extends Request {
  descriptor: Descriptor | undefined;
}

/** Someone who waits for an interrupt. */
interface IrqWait {
  counts: Int32Array;
  line: number;
  seen: number;
  resolve: (count: number) => void;
}

/** The gate of one process. */
export class ProcessGate implements Gate, Waitable {
  readonly abi = ABI_VERSION;
  self: SelfInfo = {
    pid: 0,
    name: "",
    args: [],
    cwd: "file:/",
    incarnation: 0,
    program: "",
    provides: [],
  };
  stdio: Descriptor[] = [];
  provider: Provider | undefined;
  readonly #parts: GateParts;
  readonly #connections = new Map<number, Connection>();
  readonly #objects = new Map<number, LocalObject>();
  readonly #arrived = new Map<number, ObjectMail>();
  #localWaits: LocalRequest[] = [];
  #irqWaits: IrqWait[] = [];
  readonly #deadlines = new Set<Request>();
  #namespace: NamespaceEntry[] = [];
  #mailSeen = 0;
  #bus: Bus | undefined;
  readonly #waiter = new Waiter();
  /** Promises settled so far; a change means that microtasks may be pending. */
  #settled = 0;
  #looping = false;
  #sleeper = false;

  constructor(parts: GateParts) {
    this.#parts = parts;
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
    for (const inherited of mail.stdio) {
      if (inherited.kind === "object") this.stdio.push(this.#object(inherited.object));
      else {
        const connection = this.#connect(inherited.provider);
        const session = new Session(connection, { ...inherited });
        session.positioned = inherited.positioned;
        session.share(inherited.cell);
        this.#take(connection, session);
        this.stdio.push(session);
      }
    }
  }

  /** Takes over the copy of a handle that the parent has passed on. */
  #take(connection: Connection, session: Session): void {
    const request = new Request(OP_DUP, { connection, capability: session.capability });
    request.room = OPEN_ROOM;
    request.offset = 0;
    request.onDone = () => {
      if (request.result >= 0) this.#adopt(connection, session, request);
      else this.#takeByName(connection, session);
    };
    // Whatever the process does with it is queued behind this.
    session.handle = -1;
    session.opening = request;
    request.started = true;
    connection.submit(request);
  }

  /** The copy died with its provider: opens the same object by its name, without side effects. */
  #takeByName(connection: Connection, session: Session): void {
    const request = new Request(OP_REATTACH, { connection, capability: session.capability });
    request.bytes = Buffer.from(session.path);
    request.room = OPEN_ROOM;
    request.arg1 = withoutEffects(session.flags);
    request.offset = 0;
    request.started = true;
    request.onDone = () => {
      if (request.result < 0) session.lost = errnoFromNumber(-request.result);
      else this.#adopt(connection, session, request);
    };
    session.opening = request;
    connection.submit(request);
  }

  #adopt(connection: Connection, session: Session, request: Request): void {
    session.handle = request.result;
    session.identity = parseOpenReply(request.body);
    session.positioned = request.positioned;
    connection.sessions.add(session);
  }

  // --- calls ------------------------------------------------------------------------------------

  schemes(): string[] {
    return [...new Set(this.#namespace.map((entry) => entry.scheme))].sort();
  }

  open(text: string, flags: number): Call {
    const found = this.#resolve(text);
    if (found instanceof Errno) return failed(OP_OPEN, found);
    const { entry, path } = found;
    const connection = this.#connect(entry.provider);
    const request = new OpenRequest(OP_OPEN, { connection, capability: entry.capability });
    request.bytes = Buffer.from(path);
    request.room = OPEN_ROOM;
    request.arg1 = flags;
    request.offset = 0;
    request.onDone = () => {
      if (request.result < 0) return;
      const reply = parseOpenReply(request.body);
      const local = reply.local === undefined ? undefined : this.#claimObject(reply.local);
      if (local !== undefined) {
        request.descriptor = local;
        return;
      }
      const url = `${entry.scheme}:${path}`;
      const { capability } = entry;
      const session = new Session(connection, { url, path, flags, capability });
      this.#adopt(connection, session, request);
      request.descriptor = session;
    };
    return request;
  }

  opened(call: Call): Descriptor | undefined {
    return call instanceof OpenRequest ? call.descriptor : undefined;
  }

  path(opcode: number, text: string, second: string | undefined): Call {
    const found = this.#resolve(text);
    if (found instanceof Errno) return failed(opcode, found);
    const { entry, path } = found;
    const target = { connection: this.#connect(entry.provider), capability: entry.capability };
    const request = new Request(opcode, target);
    request.bytes = encodeBody(second === undefined ? [path] : [path, second]);
    request.room = 8192;
    request.offset = 0;
    return request;
  }

  syscall(name: SyscallName, body: unknown): Call {
    const request = new Request(OP_SYSCALL, { connection: this.#parts.kernel });
    request.arg1 = SYSCALLS.indexOf(name);
    request.bytes = encodeBody(body);
    request.room = BODY_BYTES_MAX;
    request.offset = 0;
    return request;
  }

  #resolve(text: string): { entry: NamespaceEntry; path: string } | Errno {
    const url = parseUrl(text);
    if (url instanceof Errno) return url;
    if (this.mailWaits()) this.readMail();
    let best: NamespaceEntry | undefined;
    let named = false;
    for (const entry of this.#namespace) {
      if (entry.scheme !== url.scheme) continue;
      named = true;
      if (!isBeneath(entry.root, url.path)) continue;
      if (best === undefined || entry.root.length > best.root.length) best = entry;
    }
    if (best !== undefined) return { entry: best, path: url.path };
    return named ? EACCES : ENODEV;
  }

  #connect(provider: number): Connection {
    const known = this.#connections.get(provider);
    // One that was given up may have been revived since: ask again.
    if (known !== undefined && known.state !== "failed") return known;
    const connection = new Connection(provider);
    this.#connections.set(provider, connection);
    const request = this.syscall("connect", { provider }) as Request;
    request.onDone = () => {
      if (request.result < 0) connection.givenUp(errnoFromNumber(-request.result));
    };
    this.start(request);
    return connection;
  }

  start(call: Call): void {
    const request = call as Request;
    if (request.started) return;
    request.started = true;
    if (request.done) return;
    if (request.deadlineMs > 0) this.#deadlines.add(request);
    if (request instanceof LocalRequest) {
      if (!request.object.attempt(request)) this.#localWaits.push(request);
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
      this.#localWaits = this.#localWaits.filter((waiting) => waiting !== request);
      request.finish(-errno.errno, "not-executed");
    } else request.connection?.abandon(request, errno);
  }

  close(descriptor: Descriptor): void {
    if (descriptor instanceof Session) descriptor.connection.close(descriptor);
    else if (descriptor instanceof LocalObject && this.#objects.delete(descriptor.id)) {
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
    return {
      provider: session.connection.provider,
      handle: session.handle,
      capability: session.capability,
      url: session.url,
      path: session.path,
      flags: session.flags,
      positioned: session.positioned,
      position: session.position,
    };
  }

  now(): number {
    return this.#parts.clock.now();
  }

  log(line: string): void {
    this.start(this.syscall("log", { line }));
  }

  // --- hardware ---------------------------------------------------------------------------------

  window(descriptor: Descriptor): Window | Errno {
    const mail = hardwareOf(descriptor);
    if (mail?.object !== "window" || this.#bus === undefined) return EINVAL;
    return this.#bus.window(mail.window, mail.size);
  }

  dma(descriptor: Descriptor): DmaRegion | Errno {
    const mail = hardwareOf(descriptor);
    return mail?.object === "dma" ? { address: mail.address, memory: mail.memory } : EINVAL;
  }

  irq(descriptor: Descriptor, seen: number): Promise<number> {
    const mail = hardwareOf(descriptor);
    if (mail?.object !== "irq") return Promise.reject(EINVAL);
    const wait = { counts: vectorCounts(mail.vector), line: mail.index, seen };
    this.#startLoop();
    return new Promise((resolve) => {
      this.#irqWaits.push({ ...wait, resolve });
    });
  }

  irqAck(descriptor: Descriptor): void {
    const mail = hardwareOf(descriptor);
    if (mail?.object === "irq") this.#bus?.acknowledge(mail.line);
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

  #receive(mail: Mail): void {
    switch (mail.kind) {
      case "start":
        this.#parts.onStart(mail);
        break;
      case "connect":
        this.#connected(mail);
        break;
      case "fenced":
        this.#connections.get(mail.provider)?.fenced();
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
        this.#arrived.set(mail.object.id, mail.object);
        break;
      case "pipe":
        (this.#objects.get(mail.pipe.id) as PipeEnd | undefined)?.update(mail.pipe);
        break;
      case "cell":
        this.#shareCell(mail);
        break;
      default:
        this.provider?.receive(mail);
    }
  }

  #connected(mail: Mail & { kind: "connect" }): void {
    if (mail.provider === BOARD_PID) {
      const channel = new ClientChannel(mail.memory, new Doorbell(mail.bell));
      this.#bus = new Bus(channel, this.#parts.bell);
      return;
    }
    const connection = this.#connections.get(mail.provider) ?? new Connection(mail.provider);
    this.#connections.set(mail.provider, connection);
    connection.name = mail.name;
    connection.connected(mail.memory, mail.bell, mail.incarnation);
  }

  #shareCell(mail: Mail & { kind: "cell" }): void {
    for (const session of this.#connections.get(mail.provider)?.sessions ?? []) {
      if (session.handle === mail.handle) session.share(mail.cell);
    }
  }

  #claimObject(id: number): LocalObject | undefined {
    // The mail was posted before the open was answered.
    this.readMail();
    const mail = this.#arrived.get(id);
    if (mail === undefined) return undefined;
    this.#arrived.delete(id);
    return this.#object(mail);
  }

  #object(mail: ObjectMail): LocalObject {
    const object = mail.object === "pipe" ? new PipeEnd(mail, () => this.mailWaits()) : new HardwareObject(mail);
    this.#objects.set(mail.id, object);
    return object;
  }

  /** Both ends of a pipe that the kernel has made, by their ids. */
  object(id: number): Descriptor | undefined {
    return this.#claimObject(id);
  }

  // --- waiting ----------------------------------------------------------------------------------

  /** True when there is something to do. Polled: kept cheap. */
  poll(): boolean {
    if (this.mailWaits()) return true;
    for (const connection of this.#connections.values()) if (connection.ready()) return true;
    for (const wait of this.#irqWaits) {
      if (Atomics.load(wait.counts, wait.line) !== wait.seen) return true;
    }
    if (this.#localWaits.length > 0 && this.#attemptLocal()) return true;
    return this.#dispatching && this.provider?.ready() === true;
  }

  #dispatching = false;

  #attemptLocal(): boolean {
    const before = this.#localWaits.length;
    this.#localWaits = this.#localWaits.filter((request) => !request.object.attempt(request));
    return this.#localWaits.length < before;
  }

  /** Does what there is to do as a client. Returns whether anything was done. */
  #pump(): boolean {
    let worked = false;
    if (this.mailWaits()) {
      this.readMail();
      worked = true;
    }
    for (const connection of this.#connections.values()) {
      if (connection.ready() && connection.poll() > 0) worked = true;
    }
    if (this.#localWaits.length > 0 && this.#attemptLocal()) worked = true;
    if (this.#irqWaits.length > 0) worked = this.#deliverIrqs() || worked;
    if (this.#deadlines.size > 0) this.#expire();
    return worked;
  }

  #deliverIrqs(): boolean {
    const due = this.#irqWaits.filter((w) => Atomics.load(w.counts, w.line) !== w.seen);
    if (due.length === 0) return false;
    this.#irqWaits = this.#irqWaits.filter((wait) => !due.includes(wait));
    this.#settled++;
    for (const wait of due) wait.resolve(Atomics.load(wait.counts, wait.line));
    return true;
  }

  #expire(): void {
    const now = this.now();
    for (const request of this.#deadlines) {
      if (request.done) this.#deadlines.delete(request);
      else if (request.deadlineMs <= now) this.#abandon(request, ETIMEDOUT);
    }
  }

  /** Sleeps until the doorbell rings; announces it on every channel and looks once more before. */
  park(): void {
    const { bell } = this.#parts;
    const count = bell.count();
    this.#setSleeping(true);
    if (!this.poll()) bell.park(count, this.#parkMs());
    this.#setSleeping(false);
  }

  #napMs = Number.POSITIVE_INFINITY;

  /** How long a park may last. */
  #parkMs(): number {
    let limit = this.#napMs;
    for (const connection of this.#connections.values()) {
      if (connection.busy) limit = Math.min(limit, PARK_MS_MAX);
    }
    if (this.#dispatching) limit = Math.min(limit, this.provider?.sleepMs ?? limit);
    for (const request of this.#deadlines) {
      limit = Math.min(limit, Math.max(0, request.deadlineMs - this.now()));
    }
    return limit;
  }

  #setSleeping(sleeping: boolean): void {
    for (const connection of this.#connections.values()) connection.setSleeping(sleeping);
    for (const request of this.#localWaits) request.object.setSleeping(sleeping);
    if (this.#dispatching) this.provider?.setSleeping(sleeping);
  }

  wait(call: Call): number {
    this.start(call);
    while (!call.done) {
      if (!this.#pump()) {
        const connection = (call as Request).connection;
        const woke = connection?.channel?.wokePeer === true;
        this.#waiter.wait(this, woke, connection?.provider === KERNEL_PID);
      }
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

  settle(call: Call): Promise<number> {
    const request = call as Request;
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
    void this.#loop();
  }

  /**
   * The loop of a process that lives by promises. After anything that may have queued microtasks it
   * takes a whole turn of the event loop before it waits, or answers would sit behind the wait.
   */
  async #loop(): Promise<void> {
    await this.#parts.turn();
    let settled = 0;
    let promises = 0;
    for (;;) {
      let worked = this.#pump();
      if (this.#dispatching && this.provider !== undefined) {
        worked = this.provider.dispatch() > 0 || worked;
        promises = this.provider.promises;
      }
      if (settled !== this.#settled + promises) {
        settled = this.#settled + promises;
        await this.#parts.turn();
      } else if (!worked) {
        if (this.#sleeper) this.#waiter.wait(this, false, false);
        else await this.#parkAsync();
      }
    }
  }

  async #parkAsync(): Promise<void> {
    const { bell } = this.#parts;
    for (let i = 0; i < 60; i++) if (this.poll()) return;
    const count = bell.count();
    this.#setSleeping(true);
    if (!this.poll()) {
      const limitMs = this.#parkMs();
      // An untimed wait, and a timer that rings our own bell: a timed wait leaks until its time.
      const timer =
        limitMs === Number.POSITIVE_INFINITY
          ? undefined
          : setTimeout(() => {
              bell.ring();
            }, limitMs);
      await bell.parkAsync(count);
      clearTimeout(timer);
    }
    this.#setSleeping(false);
  }

  /** Decodes the body of an answered system call. */
  static bodyOf(call: Call): unknown {
    if (call.body === undefined) return undefined;
    const decoded = decodeBody(call.body);
    return "errno" in decoded ? undefined : decoded.value;
  }
}

function failed(opcode: number, errno: Errno): Request {
  const request = new Request(opcode);
  request.started = true;
  request.finish(-errno.errno, "not-executed");
  return request;
}

function hardwareOf(descriptor: Descriptor): HardwareObject["mail"] | undefined {
  return descriptor instanceof HardwareObject ? descriptor.mail : undefined;
}

