/**
 * A connection: this process as client of one provider, across the provider's incarnations. It
 * sends requests while the provider lives, holds them while it is being replaced, classifies what
 * was in flight when it died, reopens the sessions, replays in the order of submission, and goes
 * on.
 */

import { ClientChannel, type Flight } from "../../ipc/client-channel.js";
import { Doorbell } from "../../ipc/doorbell.js";
import {
  EACCES,
  EAGAIN,
  ECONNRESET,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENODEV,
  EOWNERDEAD,
  type Errno,
  ESTALE,
} from "../../ipc/errno.js";
import { HANDLES_PER_CHANNEL_MAX, PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import type { OperationClasses } from "../../ipc/mail.js";
import {
  OP_CANCEL,
  OP_CLOSE,
  OP_DUP,
  OP_FEVENT,
  OP_OPEN,
  OP_REATTACH,
  OP_RESUME,
} from "../../ipc/opcode.js";
import { O_CREATE, O_TRUNCATE } from "../../ipc/open-flags.js";
import type { ChannelMemory } from "../../ipc/ring-block.js";
import { EVENT_ERROR, EVENT_HANGUP, EVENT_RESET } from "../../ipc/scheme.js";
import { SQE_NONBLOCK, SQE_ONEWAY, SQE_REPLAY, SQE_SUSPECT } from "../../ipc/sqe.js";
import { OPEN_ROOM, parseOpenReply, withoutEffects } from "./open-reply.js";
import { type ReplySlot, ReplySlots } from "./reply-slots.js";
import { Abandoned, Request } from "./request.js";
import { Session } from "./session.js";

/** Requests that may wait for a place in the ring; more get EAGAIN. */
const QUEUE_MAX = 4096;

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
  /** Set when the channel broke down, until the kernel was told to take it apart. */
  brokenDown = false;
  /** What the provider's manifest says of its operations. */
  classes: OperationClasses = new Map();
  /** Told of a request that is given up as poison. */
  onPoison: ((request: Request) => void) | undefined;
  readonly sessions = new Set<Session>();
  readonly #replies = new ReplySlots();
  #channel: ClientChannel | undefined;
  /** Not yet published, in order. `"resume"` marks where the replays end. */
  #queue: (Request | "resume")[] = [];
  #failure: Errno = ENODEV;
  #attaching = 0;
  /** Replays that wait for the sessions to be reopened. */
  #replays: Request[] = [];
  #held: (Request | "resume")[] = [];
  /** Tags of requests that were given up and of which the provider does not know yet. */
  #cancels: number[] = [];

  constructor(provider: number) {
    this.provider = provider;
  }

  get arena(): Uint8Array | undefined {
    return this.#channel?.arena;
  }

  get channel(): ClientChannel | undefined {
    return this.#channel;
  }

  /** True from the provider's death until its successor serves (or nobody does any more). */
  get recovering(): boolean {
    return this.state === "fenced" || this.state === "dead" || this.state === "attaching";
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
    if (!this.#hasReply(request)) return false;
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
    if (request.deaths > 0) sqe.flags |= SQE_SUSPECT;
    sqe.slot = request.reply?.slot ?? 0;
    sqe.sequence = request.reply?.sequence ?? 0;
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

  /** A `dedup` request needs a place for its reply, and keeps it when it is repeated. */
  #hasReply(request: Request): boolean {
    if (request.reply !== undefined || request.operationClass !== "dedup") return true;
    request.reply = this.#replies.take();
    return request.reply !== undefined;
  }

  /** A request's reply was taken, or will never come: its slot can be used again. */
  releaseReply(flight: { reply: ReplySlot | undefined }): void {
    if (flight.reply !== undefined) this.#replies.release(flight.reply);
    flight.reply = undefined;
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

  /** A hint that `poll` would do something. */
  ready(): boolean {
    const channel = this.#channel;
    return channel !== undefined && (channel.ready() || channel.broken);
  }

  /** True when `poll` would do something: the last look before a sleep. */
  waits(): boolean {
    return this.#channel?.waits() ?? false;
  }

  /** Lands completions and publishes what waited for their places. Returns how many landed. */
  poll(): number {
    const channel = this.#channel;
    if (channel === undefined) return 0;
    const landed = channel.poll();
    if (channel.broken) {
      this.#breakDown();
      return 1;
    }
    const posted = channel.takeEvents((index, events) => {
      for (const session of this.sessions) {
        if (session.handle % HANDLES_PER_CHANNEL_MAX === index)
          session.queue?.post(session, events);
      }
    });
    if (landed > 0) {
      if (this.#cancels.length > 0) this.#sendCancels();
      if (this.#queue.length > 0) this.#flush();
    }
    return landed + posted;
  }

  /** The provider broke the protocol: nothing more is taken from this channel, nobody waits on. */
  #breakDown(): void {
    this.givenUp(EIO);
    this.brokenDown = true;
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
      const opens = request.opcode === OP_OPEN || request.opcode === OP_DUP;
      const late = opens ? (handle: number) => this.#closeUnwanted(handle) : undefined;
      const successor = new Abandoned(this, late);
      successor.reply = request.reply;
      request.reply = undefined;
      this.#channel?.abandon(request, successor);
      this.#cancels.push(request.tag);
      this.#sendCancels();
    }
    this.#replays = this.#replays.filter((replay) => replay !== request);
    this.releaseReply(request);
    // A request that waits to be replayed may have been done before its provider died.
    request.finish(-errno.errno, flying || request.replays ? "unknown" : "not-executed");
  }

  /** Tells the provider of requests that were given up, as far as the ring has room. */
  #sendCancels(): void {
    for (let tag = this.#cancels[0]; tag !== undefined; tag = this.#cancels[0]) {
      if (!this.#oneWay(OP_CANCEL, 0, tag)) return;
      this.#cancels.shift();
    }
  }

  /**
   * Closes a session. Never fails, never waits. The session stays known until the provider has
   * closed it, so that requests which are still on their way find the right handle after a restart,
   * too.
   */
  close(session: Session): void {
    if (session.closing) return;
    session.closing = true;
    if (this.state === "live" && this.sessions.has(session)) this.#sendClose(session);
  }

  #sendClose(session: Session): void {
    const request = new Request(OP_CLOSE, { connection: this, session });
    request.onDone = () => {
      this.sessions.delete(session);
    };
    this.submit(request);
  }

  /** A session has got its handle; if it was closed in the meantime, that is all there is to it. */
  adopt(session: Session): void {
    this.sessions.add(session);
    if (session.closing && this.state === "live") this.#sendClose(session);
  }

  /** An open that nobody waits for any more has succeeded after all. */
  #closeUnwanted(handle: number): void {
    const session = new Session(this, { url: "", path: "/", flags: 0, capability: 0 });
    session.handle = handle;
    this.sessions.add(session);
    this.close(session);
  }

  /** The provider is dying: nothing new goes to it. */
  fenced(): void {
    if (this.state === "failed") return;
    if (this.state === "live" || this.state === "attaching") {
      // Reattaching begins anew; a session that is being closed is looked after at the next resume.
      const waiting = this.#queue.filter(
        (item) => item !== "resume" && !item.reattaches && item.opcode !== OP_CLOSE,
      );
      this.#held = [...waiting, ...this.#held];
      this.#queue = [];
      this.#cancels = [];
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
      const counts = flight instanceof Request && !request.reattaches;
      if (counts && this.#classify(request, ordered)) replays.push(request);
      else this.releaseReply(request);
    }
    this.#replays = [...replays, ...this.#replays.filter((request) => !request.done)];
    this.#channel = undefined;
    this.#attaching = 0;
    this.#forgetClosed();
    for (const session of this.sessions) session.handle = -1;
    this.#announce(EVENT_ERROR);
    this.state = "dead";
  }

  /** Sessions that were closed need no reopening, unless something of theirs is to be replayed. */
  #forgetClosed(): void {
    const needed = new Set<Session | undefined>();
    for (const item of [...this.#replays, ...this.#held]) {
      if (item !== "resume") needed.add(item.session);
    }
    for (const session of this.sessions) {
      if (session.closing && !needed.has(session)) this.sessions.delete(session);
    }
  }

  /** True when the request is to be replayed; otherwise it has its answer. */
  #classify(request: Request, ordered: boolean): boolean {
    // The dead incarnation's table is closed as a whole; the next resume closes what it reopens.
    if (request.opcode === OP_CLOSE) return false;
    const taken = (this.#channel as ClientChannel).wasDequeued(request as Flight);
    if (!taken) return true;
    request.replays = true;
    if (!ordered && this.#mayBeGuilty(request)) request.deaths++;
    request.incarnation = { old: this.incarnation, now: this.incarnation + 1 };
    if (request.deaths >= 2) {
      this.onPoison?.(request);
      request.finish(-EIO.errno, "poison");
      return false;
    }
    if (this.#replayable(request)) return true;
    request.finish(-EOWNERDEAD.errno, "unknown");
    return false;
  }

  /** Suspects are tried one by one: of several only the last that was taken can be the cause. */
  #mayBeGuilty(request: Request): boolean {
    if (request.deaths === 0) return true;
    return (this.#channel as ClientChannel).wasLastDequeued(request);
  }

  #replayable(request: Request): boolean {
    if (request.operationClass === "dedup") return true;
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
      session.lost = whyLost(request.result);
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
    const refused: Request[] = [];
    for (const item of [...replays, "resume" as const, ...held]) {
      if (item === "resume" || item.session?.lost === undefined) this.#queue.push(item);
      else refused.push(item);
    }
    for (const session of this.sessions) {
      if (!session.closing) continue;
      if (session.lost === undefined) this.#sendClose(session);
      else this.sessions.delete(session);
    }
    this.#flush();
    // Only now: whoever is answered may submit something, which must not get before the replays.
    for (const request of refused) {
      const errno = request.session?.lost?.errno ?? ESTALE.errno;
      request.finish(-errno, request.replays ? "unknown" : "not-executed");
    }
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

/** What operations on a session that could not be opened again answer. */
function whyLost(result: number): Errno {
  // Revoked while the provider was away: what is refused is not what was lost.
  if (result === -EACCES.errno) return EACCES;
  // A stream says itself that it has ended.
  return result === -ECONNRESET.errno ? ECONNRESET : ESTALE;
}
