/**
 * A process of a `World`, without a gate in its way: it sees its mail and its channels raw. As a
 * daemon it has a real provider side; as a client it publishes entries that no gate has checked.
 */

import { SYSCALLS, type SyscallName } from "../../ipc/abi.js";
import { ClientChannel } from "../../ipc/client-channel.js";
import { decodeBody, encodeBody } from "../../ipc/codec.js";
import { allocateDoorbell, Doorbell } from "../../ipc/doorbell.js";
import { errnoFromNumber } from "../../ipc/errno.js";
import {
  type Inherited,
  KERNEL_PID,
  type Mail,
  type NamespaceEntry,
  type StartMail,
} from "../../ipc/mail.js";
import { OP_DUP, OP_OPEN, OP_RESUME, OP_SYSCALL } from "../../ipc/opcode.js";
import { allocateProcessBlock, processWords } from "../../ipc/process-block.js";
import type { ChannelMemory } from "../../ipc/ring-block.js";
import { CQE_BODY_SHIFT, emptySqe, SQE_ONEWAY, type Sqe } from "../../ipc/sqe.js";
import { SysError } from "../../ipc/sys-error.js";
import { FaultPoints } from "../../kernel/gate/fault-points.js";
import { Provider } from "../../kernel/gate/provider.js";
import type { Slot, World } from "./world.js";

/** Room for what a system call answers: a ring full of them fits into the arena. */
const SYSCALL_ROOM = 1024;

/** A request's fields, what it sends, and the room for its answer. */
export interface Ask extends Partial<Sqe> {
  body?: Uint8Array | string;
  room?: number;
}

/** One request: `results` has more than one entry if it was answered twice. */
export interface Answer {
  tag: number;
  results: number[];
  bytes: Uint8Array;
}

/** A channel to one incarnation of a provider, as a client that checks nothing. */
export class RawChannel {
  readonly channel: ClientChannel;
  /** Index words of the ring, for those who want to write there. */
  readonly words: Int32Array;
  readonly incarnation: number;

  constructor(memory: ChannelMemory, incarnation: number) {
    this.channel = new ClientChannel(memory, new Doorbell(allocateDoorbell()));
    this.words = new Int32Array(memory.ring);
    this.incarnation = incarnation;
  }

  /** Publishes a request; nobody has looked at it yet. Undefined: there is no room. */
  send(ask: Ask): Answer | undefined {
    const { body, room, ...fields } = ask;
    const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? new Uint8Array(0));
    const length = Math.max(bytes.length, room ?? 0);
    const arenaOffset = length === 0 ? 0 : this.channel.book.allocate(length);
    if (arenaOffset < 0) return undefined;
    this.channel.arena.set(bytes, arenaOffset);
    const facts = { arenaOffset, arenaLength: length, arg2: bytes.length };
    Object.assign(this.channel.sqe, emptySqe(), facts, fields);
    const answer: Answer = { tag: 0, results: [], bytes: new Uint8Array(0) };
    const handles = ask.opcode === OP_OPEN || ask.opcode === OP_DUP;
    const flight = {
      landed: (result: number, flags: number) => {
        answer.results.push(result);
        const count = Math.max(flags >>> CQE_BODY_SHIFT, handles ? 0 : result, 0);
        answer.bytes = this.channel.arena.slice(arenaOffset, arenaOffset + Math.min(count, length));
      },
      arenaOffset,
      arenaLength: length,
      sqIndex: 0,
      tag: 0,
    };
    if (this.channel.submit(flight) === "full") {
      if (length > 0) this.channel.book.free(arenaOffset, length);
      return undefined;
    }
    answer.tag = flight.tag;
    return answer;
  }

  /** Publishes a message that nobody answers. */
  tell(fields: Partial<Sqe>): boolean {
    Object.assign(this.channel.sqe, emptySqe(), { flags: SQE_ONEWAY }, fields);
    return this.channel.submitOneWay();
  }
}

/** A process. */
export class Actor {
  pid = -1;
  alive = true;
  /** Mail that came and was not read. */
  readonly mailbox: Mail[] = [];
  namespace: NamespaceEntry[] = [];
  stdio: Inherited[] = [];
  provider: Provider | undefined;
  /** Channels by provider. */
  readonly channels = new Map<number, RawChannel>();
  readonly kernel: RawChannel;
  /** Numbers of drains that this process was asked for. */
  readonly drains: number[] = [];
  /** Kinds of mail that came, by provider or object. */
  readonly heard: Mail[] = [];
  /** The request that was sent last. */
  answer: Answer | undefined;
  readonly #world: World;

  constructor(world: World, kernelChannel: Slot["kernelChannel"]) {
    this.#world = world;
    this.kernel = new RawChannel(kernelChannel, 0);
  }

  /** Reads mail, serves requests, lands answers. Returns whether anything was done. */
  work(): boolean {
    let worked = this.readMail();
    if (this.provider !== undefined && this.alive) worked = this.provider.dispatch() > 0 || worked;
    worked = this.kernel.channel.poll() > 0 || worked;
    for (const { channel } of this.channels.values()) worked = channel.poll() > 0 || worked;
    return worked;
  }

  readMail(): boolean {
    if (this.mailbox.length === 0) return false;
    for (const mail of this.mailbox.splice(0)) this.#receive(mail);
    return true;
  }

  #receive(mail: Mail): void {
    if (!this.alive) return;
    switch (mail.kind) {
      case "start":
        this.#start(mail);
        break;
      case "namespace":
        this.namespace = mail.entries;
        break;
      case "connect": {
        const channel = new RawChannel(mail.memory, mail.incarnation);
        this.channels.set(mail.provider, channel);
        // It has nothing to replay.
        channel.tell({ opcode: OP_RESUME });
        break;
      }
      case "died":
      case "given-up":
        this.channels.delete(mail.provider);
        this.heard.push(mail);
        break;
      case "object":
      case "pipe":
        this.heard.push(mail);
        break;
      default:
        this.provider?.receive(mail);
    }
  }

  #start(mail: StartMail): void {
    this.pid = mail.pid;
    this.namespace = mail.namespace;
    this.stdio = mail.stdio;
    this.#world.actors.set(mail.pid, this);
    if (mail.role !== "daemon") return;
    const words = processWords(allocateProcessBlock());
    this.provider = new Provider(
      {
        words,
        faults: new FaultPoints(words, new Doorbell(allocateDoorbell())),
        now: () => this.#world.nowMs,
        readMail: () => {
          this.readMail();
        },
        mailWaits: () => this.mailbox.length > 0,
        joined: () => undefined,
        drained: (drain) => {
          this.drains.push(drain);
          this.syscall("drained", { drain });
        },
        resumed: (replayed) => {
          this.syscall("resumed", { replayed });
        },
        bug: (error) => {
          this.#world.bugs.push(error);
        },
      },
      new Int32Array(mail.cells),
      mail.recovering,
    );
    const scheme = this.#world.schemeOf(mail.name);
    this.provider.serve(new Map(mail.provides.map((name) => [name, scheme])));
    this.syscall("ready", {});
  }

  /** Publishes a system call. */
  syscall(name: SyscallName, body: unknown): Answer | undefined {
    return this.kernel.send({
      opcode: OP_SYSCALL,
      arg1: SYSCALLS.indexOf(name),
      body: encodeBody(body),
      room: SYSCALL_ROOM,
    });
  }

  /** Makes a system call that the kernel answers at once: its result, and what was returned. */
  ask(name: SyscallName, body: unknown): { result: number; value: unknown } {
    const answer = this.syscall(name, body);
    this.#world.provider.dispatch();
    this.kernel.channel.poll();
    const decoded = decodeBody(answer?.bytes ?? new Uint8Array(0));
    return {
      result: answer?.results[0] ?? Number.NaN,
      value: "errno" in decoded ? undefined : decoded.value,
    };
  }

  /** Makes a system call and waits for the answer. @throws SysError */
  async call(name: SyscallName, body: unknown): Promise<unknown> {
    const answer = this.syscall(name, body);
    await this.#world.settle();
    const result = answer?.results[0] ?? Number.NaN;
    if (!(result >= 0)) throw new SysError(errnoFromNumber(-result), { operation: name });
    const decoded = decodeBody(answer?.bytes ?? new Uint8Array(0));
    return "errno" in decoded ? undefined : decoded.value;
  }

  /** Connects to a provider, by whatever entitles to it. Returns the result. */
  async connect(provider: number): Promise<number> {
    const answer = this.syscall("connect", { provider });
    await this.#world.settle();
    return answer?.results[0] ?? Number.NaN;
  }

  /** Sends a request to a provider, which answers at once. Returns the answer. */
  request(provider: number, ask: Ask): Answer {
    const channel = provider === KERNEL_PID ? this.kernel : this.channels.get(provider);
    const answer = channel?.send(ask);
    this.answer = answer;
    if (answer === undefined) return { tag: 0, results: [Number.NaN], bytes: new Uint8Array(0) };
    // Mail that it has not read yet it reads by itself, as late as it may.
    const served = provider === KERNEL_PID ? this.#world : this.#world.actors.get(provider);
    served?.provider?.dispatch();
    channel?.channel.poll();
    return answer;
  }

  /** As `request`; only the result. NaN: no answer yet. */
  result(provider: number, ask: Ask): number {
    return this.request(provider, ask).results[0] ?? Number.NaN;
  }

  /** Opens under a capability. Returns the handle, or -errno. */
  open(provider: number, capability: number, path: string, flags: number): number {
    const ask = { opcode: OP_OPEN, body: path, room: 512, capability, arg1: flags };
    return this.result(provider, ask);
  }

  /** The first entry of the namespace for a scheme. */
  entry(scheme: string, root?: string): NamespaceEntry {
    const entry = this.namespace.find(
      (other) => other.scheme === scheme && (root === undefined || other.root === root),
    );
    if (entry === undefined) throw new RangeError(`${this.pid} has no ${scheme}:`);
    return entry;
  }
}
