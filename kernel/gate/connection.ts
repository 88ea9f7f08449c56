/**
 * A connection: this process as client of one provider, across the provider's incarnations. It
 * sends requests while the provider lives, holds them while it is being replaced, classifies what
 * was in flight when it died, reopens the sessions, replays in the order of submission, and goes
 * on.
 */

import { ClientChannel, type Flight } from "../../ipc/client-channel.js";
import { decodeBody } from "../../ipc/codec.js";
import { Doorbell } from "../../ipc/doorbell.js";
import {
  EAGAIN,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENODEV,
  EOWNERDEAD,
  type Errno,
  ESTALE,
} from "../../ipc/errno.js";
import { HANDLES_PER_CHANNEL_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import {
  OP_CANCEL,
  OP_CLOSE,
  OP_FEVENT,
  OP_OPEN,
  OP_REATTACH,
  OP_RESUME,
} from "../../ipc/opcode.js";
import { O_CREATE, O_EXCLUSIVE, O_TRUNCATE } from "../../ipc/open-flags.js";
import type { ChannelMemory } from "../../ipc/ring-block.js";
import { EVENT_ERROR, EVENT_HANGUP, EVENT_RESET } from "../../ipc/scheme.js";
import { SQE_NONBLOCK, SQE_ONEWAY, SQE_REPLAY } from "../../ipc/sqe.js";
import { Abandoned, Request } from "./request.js";
import type { OpenReply, Session } from "./session.js";

/** Requests that may wait for a place in the ring; more get EAGAIN. */
const QUEUE_MAX = 4096;
/** Room for an open's identity. */
export const OPEN_ROOM = 512;

/**
 * connecting → live → fenced → dead → attaching → live; any → failed.
 * `fenced`: the provider is dying, its last completions still count. `dead`: it has ended.
 */
type ConnectionState = "connecting" | "live" | "fenced" | "dead" | "attaching" | "failed";

/** This process's end of its dealings with one provider. */
export class Connection {
  readonly provider: number;
  name = "";
  state: ConnectionState = "connecting";
  incarnation = 0;
  /** True while the provider's last answer came from a handler that waits for the world. */
  deferred = false;
  readonly sessions = new Set<Session>();
  #channel: ClientChannel | undefined;
  /** Not yet published, in order. `"resume"` marks where the replays end. */
  #queue: (Request | "resume")[] = [];
  #failure: Errno = ENODEV;
  #attaching = 0;
  /** Replays that wait for the sessions to be reopened. */
  #replays: Request[] = [];
  #held: (Request | "resume")[] = [];

  constructor(provider: number) {
    this.provider = provider;
  }

  get arena(): Uint8Array | undefined {
    return this.#channel?.arena;
  }

  get channel(): ClientChannel | undefined {
    return this.#channel;
  }

  /** True while an answer is awaited. */
  get busy(): boolean {
    return this.#queue.length > 0 || this.#held.length > 0 || (this.#channel?.inFlight ?? 0) > 0;
  }

  /** Sends a request, or holds it until the provider is there. */
  submit(request: Request): void {
    const refusal = this.#refuse(request);
    if (refusal !== undefined) {
      request.finish(-refusal.errno);
      return;
    }
    request.claim();
    if (this.state !== "live") this.#held.push(request);
    else if (this.#queue.length > 0 || !this.#publish(request)) this.#queue.push(request);
  }

  #refuse(request: Request): Errno | undefined {
    if (this.state === "failed") return this.#failure;
    const lost = request.session?.lost;
    if (lost !== undefined) return lost;
    if (request.extentLength > PAYLOAD_BYTES_MAX) return EMSGSIZE;
    if (!Number.isSafeInteger(request.offset) || !Number.isSafeInteger(request.arg0)) return EINVAL;
    return this.#queue.length + this.#held.length >= QUEUE_MAX ? EAGAIN : undefined;
  }

  #publish(request: Request): boolean {
    const channel = this.#channel as ClientChannel;
    const length = request.extentLength;
    request.arenaLength = length;
    if (length > 0) {
      request.arenaOffset = channel.book.allocate(length);
      if (request.arenaOffset < 0) return false;
      if (request.sendLength > 0)
        channel.arena.set(request.bytes as Uint8Array, request.arenaOffset);
    }
    const sqe = channel.sqe;
    sqe.opcode = request.opcode;
    sqe.flags = (request.replays ? SQE_REPLAY : 0) | (request.nonblocking ? SQE_NONBLOCK : 0);
    sqe.handle = request.session?.handle ?? 0;
    sqe.capability = request.capability;
    sqe.arenaOffset = request.arenaOffset;
    sqe.arenaLength = length;
    sqe.offset = request.offset;
    sqe.deadlineMs = request.deadlineMs;
    sqe.arg0 = request.arg0;
    sqe.arg1 = request.arg1;
    sqe.arg2 = request.sendLength;
    sqe.incarnation = this.incarnation;
    if (channel.submit(request) === "published") return true;
    if (length > 0) channel.book.free(request.arenaOffset, length);
    return false;
  }

  /** Sends a message that nobody answers. Lost when the ring is full or the provider away. */
  #oneWay(opcode: number, handle: number, arg1: number): boolean {
    const channel = this.#channel;
    if (channel === undefined) return false;
    const sqe = channel.sqe;
    sqe.opcode = opcode;
    sqe.flags = SQE_ONEWAY;
    sqe.handle = handle;
    sqe.arenaLength = 0;
    sqe.arg1 = arg1;
    sqe.arg2 = 0;
    return channel.submitOneWay();
  }

  /** Publishes what waits, as far as there is room. */
  #flush(): void {
    while (this.#queue.length > 0 && this.#channel !== undefined) {
      const next = this.#queue[0] as Request | "resume";
      if (next === "resume" ? !this.#sendResume() : !next.done && !this.#publish(next)) return;
      this.#queue.shift();
    }
  }

  #sendResume(): boolean {
    const sent = this.#oneWay(OP_RESUME, 0, 0);
    if (sent) this.#channel?.noteResumed();
    return sent;
  }

  /** True when `poll` would do something. */
  ready(): boolean {
    return this.#channel?.ready() ?? false;
  }

  /** Lands completions and publishes what waited for their places. Returns how many landed. */
  poll(): number {
    const channel = this.#channel;
    if (channel === undefined) return 0;
    const landed = channel.poll();
    const posted = channel.takeEvents((index, events) => {
      for (const session of this.sessions) {
        if (session.handle % HANDLES_PER_CHANNEL_MAX === index)
          session.queue?.post(session, events);
      }
    });
    if (landed > 0 && this.#queue.length > 0) this.#flush();
    return landed + posted;
  }

  /** Tells the queues of all sessions what has become of the provider. */
  #announce(events: number): void {
    for (const session of this.sessions) session.queue?.post(session, events, true);
  }

  /** Gives up on a request: the caller is answered now, the provider is told. */
  abandon(request: Request, errno: Errno): void {
    if (request.done) return;
    const inQueue = this.#queue.indexOf(request);
    const inHeld = this.#held.indexOf(request);
    const flying = this.#channel?.flights().includes(request) === true;
    if (inQueue >= 0) this.#queue.splice(inQueue, 1);
    if (inHeld >= 0) this.#held.splice(inHeld, 1);
    if (flying) {
      this.#channel?.abandon(request, new Abandoned());
      this.#oneWay(OP_CANCEL, 0, request.tag);
    }
    this.#replays = this.#replays.filter((replay) => replay !== request);
    request.finish(-errno.errno, flying ? "unknown" : "not-executed");
  }

  /** Closes a session. Never fails, never waits. */
  close(session: Session): void {
    if (!this.sessions.delete(session) || session.handle < 0) return;
    const request = new Request(OP_CLOSE, { connection: this, session });
    if (this.state === "live") this.submit(request);
  }

  /** The provider is dying: nothing new goes to it. */
  fenced(): void {
    if (this.state === "failed") return;
    if (this.state === "live" || this.state === "attaching") {
      this.#held = [...this.#queue.filter((item) => item !== "resume"), ...this.#held];
      this.#queue = [];
      this.state = "fenced";
    }
  }

  /**
   * The provider has ended, so nobody writes to the old channel any more: collects its last
   * completions, then decides on each request that it had.
   */
  died(ordered: boolean): void {
    if (this.state === "failed") return;
    this.fenced();
    this.#channel?.poll();
    const replays: Request[] = [];
    for (const flight of this.#channel?.flights() ?? []) {
      const request = flight as Request;
      if (!(flight instanceof Request) || request.reattaches) continue;
      if (this.#classify(request, ordered)) replays.push(request);
    }
    this.#replays = [...replays, ...this.#replays.filter((request) => !request.done)];
    this.#channel = undefined;
    this.#attaching = 0;
    for (const session of this.sessions) session.handle = -1;
    this.#announce(EVENT_ERROR);
    this.state = "dead";
  }

  /** True when the request is to be replayed; otherwise it has its answer. */
  #classify(request: Request, ordered: boolean): boolean {
    const taken = (this.#channel as ClientChannel).wasDequeued(request as Flight);
    if (!taken) return true;
    request.replays = true;
    if (request.opcode === OP_CLOSE) {
      request.finish(0);
      return false;
    }
    if (!ordered) request.deaths++;
    request.incarnation = { old: this.incarnation, now: this.incarnation + 1 };
    if (request.deaths >= 2) {
      request.finish(-EIO.errno, "poison");
      return false;
    }
    if (this.#replayable(request)) return true;
    request.finish(-EOWNERDEAD.errno, "unknown");
    return false;
  }

  #replayable(request: Request): boolean {
    // An open that creates or changes nothing can be repeated: its first result died with the
    // table.
    if (request.opcode === OP_OPEN) return (request.arg1 & (O_CREATE | O_TRUNCATE)) === 0;
    return request.operationClass !== "once";
  }

  /** The provider is there (again): reopens sessions, replays, goes on. */
  connected(memory: ChannelMemory, bell: SharedArrayBuffer, incarnation: number): void {
    this.#channel = new ClientChannel(memory, new Doorbell(bell));
    this.incarnation = incarnation;
    this.state = "attaching";
    const sessions = [...this.sessions].filter((session) => session.lost === undefined);
    this.#attaching = sessions.length;
    for (const session of sessions) this.#reattach(session);
    if (this.#attaching === 0) this.#resume();
  }

  #reattach(session: Session): void {
    const request = new Request(OP_REATTACH, { connection: this, session });
    request.reattaches = true;
    request.bytes = Buffer.from(session.path);
    request.room = OPEN_ROOM;
    request.arg1 = withoutEffects(session.flags);
    request.offset = 0;
    request.onDone = () => {
      this.#reattached(session, request);
    };
    if (this.#queue.length > 0 || !this.#publish(request)) this.#queue.push(request);
  }

  #reattached(session: Session, request: Request): void {
    const reply = request.result >= 0 ? parseOpenReply(request.body) : {};
    const same =
      request.result >= 0 &&
      reply.object === session.identity.object &&
      reply.generation === session.identity.generation;
    if (same) session.handle = request.result;
    else {
      session.lost = ESTALE;
      session.reset = true;
      session.queue?.post(session, EVENT_RESET, true);
    }
    if (same && session.queue !== undefined) this.#watchAgain(session);
    this.#attaching--;
    if (this.#attaching === 0 && this.state === "attaching") this.#resume();
  }

  /** The new incarnation does not know who watched what. */
  #watchAgain(session: Session): void {
    const request = new Request(OP_FEVENT, { connection: this, session });
    request.reattaches = true;
    request.arg1 = session.watched;
    request.offset = 0;
    request.onDone = () => {
      if (request.result > 0) session.queue?.post(session, request.result);
    };
    this.#queue.push(request);
  }

  #resume(): void {
    const replays = this.#replays;
    const held = this.#held;
    this.#replays = [];
    this.#held = [];
    this.state = "live";
    const queue: (Request | "resume")[] = [...replays, "resume", ...held];
    for (const item of queue) {
      const lost = item === "resume" ? undefined : item.session?.lost;
      if (lost === undefined) this.#queue.push(item);
      else (item as Request).finish(-lost.errno, "not-executed");
    }
    this.#flush();
  }

  /**
   * The provider will not come back (or was never to be had): everything that waits for it ends.
   */
  givenUp(errno: Errno = ENODEV): void {
    this.died(true);
    this.state = "failed";
    this.#announce(EVENT_HANGUP);
    this.#failure = errno;
    const all = [...this.#replays, ...this.#held];
    this.#replays = [];
    this.#held = [];
    for (const item of all) {
      if (item === "resume") continue;
      item.finish(-errno.errno, item.replays ? "unknown" : "not-executed");
    }
  }

  /** Announces that this process sleeps, or no longer does. */
  setSleeping(sleeping: boolean): void {
    this.#channel?.setSleeping(sleeping);
  }
}

/** Flags with which a session can be opened again and nothing but the session changes. */
export function withoutEffects(flags: number): number {
  return flags & ~(O_CREATE | O_EXCLUSIVE | O_TRUNCATE);
}

/** Reads what an open answered about the object; a body that says nothing is an empty reply. */
export function parseOpenReply(body: Uint8Array | undefined): OpenReply {
  if (body === undefined || body.length === 0) return {};
  const decoded = decodeBody(body);
  if ("errno" in decoded || typeof decoded.value !== "object" || decoded.value === null) return {};
  const { object, generation, local } = decoded.value as Record<string, unknown>;
  return {
    ...(typeof object === "string" ? { object } : {}),
    ...(typeof generation === "number" ? { generation } : {}),
    ...(typeof local === "number" ? { local } : {}),
  };
}
