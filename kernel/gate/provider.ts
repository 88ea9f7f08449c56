/**
 * The provider's side of the gate: takes requests from all clients, checks each against the rights
 * cells, and calls the scheme. This is *the* check: nothing that a client wrote is believed. Also
 * the rules that make recovery sound: replays first, no conflicting operations at once, `drained`
 * only when a dead client's requests can do nothing any more.
 */

import { Doorbell } from "../../ipc/doorbell.js";
import { EACCES, ECANCELED, EINVAL, EOWNERDEAD, type Errno } from "../../ipc/errno.js";
import { REPLAY_WINDOW_MS, RING_SLOTS } from "../../ipc/limits.js";
import type { Mail } from "../../ipc/mail.js";
import { OP_CANCEL, OP_RESUME } from "../../ipc/opcode.js";
import { DISPATCHING, FAULT_POINTS, PROGRESS } from "../../ipc/process-block.js";
import { ProviderChannel } from "../../ipc/provider-channel.js";
import type { Scheme } from "../../ipc/scheme.js";
import { emptySqe, SQE_ONEWAY, SQE_REPLAY, SQE_SUSPECT, type Sqe } from "../../ipc/sqe.js";
import type { Pending } from "./contexts.js";
import { Dispatcher, type SyscallHandler } from "./dispatcher.js";
import type { FaultPoints } from "./fault-points.js";
import { ProviderClient } from "./provider-client.js";
import { Trial } from "./trial.js";

/** Requests taken from one client before the next has its turn. */
const TURN = 32;

/** Flags of a repetition that may have been the cause of a death. */
const SUSPECT_REPLAY = SQE_SUSPECT | SQE_REPLAY;

/** What the provider needs from its surroundings. */
export interface ProviderHost {
  /** Words of the process block. */
  words: Int32Array;
  faults: FaultPoints;
  now(): number;
  /** Reads mail that came since the last look. */
  readMail(): void;
  mailWaits(): boolean;
  /** A channel came: if the loop sleeps, it must look again, for nobody rings on its behalf yet. */
  joined(): void;
  /** Tells the kernel that a dead client's requests are over. */
  drained(drain: number): void;
  /** The replay window of a recovering incarnation has closed. */
  resumed(replayed: number): void;
  /** A handler threw what is no errno: a bug. Ends the thread. */
  bug(error: unknown): void;
  /** Answers OP_SYSCALL; the kernel's own provider has it. */
  syscall?: SyscallHandler;
}

/** All clients of one provider. */
export class Provider {
  readonly #host: ProviderHost;
  readonly #clients = new Map<number, ProviderClient>();
  readonly #dispatcher: Dispatcher;
  readonly #sqe: Sqe = emptySqe();
  /** Set while a recovering incarnation admits replays only. */
  #windowEndsMs: number | undefined;
  readonly #trial = new Trial();
  #onTrial = false;
  #serving = false;
  /** Requests served that a dead incarnation had taken before. */
  #replayed = 0;
  /** Requests canceled so far. */
  #canceled = 0;

  constructor(host: ProviderHost, cells: Int32Array, recovering: boolean) {
    this.#host = host;
    this.#dispatcher = new Dispatcher({
      cells,
      faults: host.faults,
      refresh: () => {
        if (host.mailWaits()) host.readMail();
      },
      bug: (error) => {
        host.bug(error);
      },
      settled: (pending) => {
        this.#settled(pending);
      },
      ...(host.syscall === undefined ? {} : { syscall: host.syscall }),
    });
    this.#windowEndsMs = recovering ? Number.POSITIVE_INFINITY : undefined;
  }

  /** Begins to take requests. */
  serve(schemes: ReadonlyMap<string, Scheme>): void {
    for (const [name, scheme] of schemes) this.#dispatcher.schemes.set(name, scheme);
    this.#serving = true;
    if (this.#windowEndsMs !== undefined) this.#windowEndsMs = this.#host.now() + REPLAY_WINDOW_MS;
  }

  get serving(): boolean {
    return this.#serving;
  }

  /** True when some handler has not answered yet. */
  get busy(): boolean {
    for (const client of this.#clients.values()) if (client.pending.size > 0) return true;
    return false;
  }

  /**
   * Handlers that answered with a promise so far; a change means that microtasks may be pending.
   */
  get promises(): number {
    return this.#dispatcher.answers.promises + this.#canceled;
  }

  /** Mail that concerns a provider. */
  receive(mail: Mail): void {
    switch (mail.kind) {
      case "client": {
        const channel = new ProviderChannel(mail.memory, new Doorbell(mail.bell));
        this.#clients.set(
          mail.client,
          new ProviderClient({ ...mail, pid: mail.client, channel, replaying: mail.replays }),
        );
        this.#host.joined();
        break;
      }
      case "capability":
        this.#dispatcher.checks.capabilities.set(mail.index, {
          client: mail.client,
          scheme: mail.scheme,
          root: mail.root,
        });
        break;
      case "grant":
        this.#grant(mail);
        break;
      case "revoked":
        this.#revoked(new Set(mail.indices));
        break;
      case "client-died":
        this.#clientDied(mail.client, mail.drain);
        break;
    }
  }

  #grant(mail: Mail & { kind: "grant" }): void {
    const source = this.#clients.get(mail.from)?.handles.get(mail.handle);
    // The copy must end with what the handle was opened under: any other capability of the sender
    // might outlive it.
    if (source === undefined || source.capability !== mail.parent) return;
    source.description.references++;
    this.#dispatcher.grants.set(mail.index, {
      client: mail.to,
      description: source.description,
      rights: source.rights & mail.rights,
      flags: source.flags,
    });
  }

  /** Ends what is parked under cleared cells, and forgets the capabilities. */
  #revoked(indices: ReadonlySet<number>): void {
    for (const { client, tag } of this.#dispatcher.conflicts.takeRevoked(indices)) {
      this.#dispatcher.answers.complete(client, tag, -EACCES.errno, 0);
      client.channel.wake();
    }
    for (const index of indices) {
      this.#dispatcher.checks.capabilities.delete(index);
      const grant = this.#dispatcher.grants.get(index);
      if (grant !== undefined) this.#dispatcher.release(grant.description);
      this.#dispatcher.grants.delete(index);
    }
    for (const client of this.#clients.values()) {
      for (const pending of [...client.pending.values()]) {
        if (indices.has(pending.capability)) this.#end(pending, EACCES);
      }
      for (const handle of client.handles.all()) {
        if (!indices.has(handle.capability)) continue;
        client.handles.revoke(handle);
        this.#dispatcher.release(handle.description);
      }
    }
  }

  #clientDied(pid: number, drain: number): void {
    const client = this.#clients.get(pid);
    if (client === undefined) {
      this.#host.drained(drain);
      return;
    }
    client.gone = true;
    client.drain = drain;
    this.#dispatcher.conflicts.forget(client);
    for (const pending of client.pending.values()) this.#cancel(pending);
    this.#forgetIfDrained(client);
  }

  #forgetIfDrained(client: ProviderClient): void {
    if (client.drain === undefined || client.pending.size > 0) return;
    for (const handle of client.handles.all()) this.#dispatcher.release(handle.description);
    // It may have been connected anew in the meantime.
    if (this.#clients.get(client.pid) === client) {
      this.#clients.delete(client.pid);
      const { capabilities } = this.#dispatcher.checks;
      for (const [index, capability] of capabilities) {
        if (capability.client === client.pid) capabilities.delete(index);
      }
    }
    this.#host.drained(client.drain);
    client.drain = undefined;
    if (this.#windowEndsMs === undefined) this.#retain();
  }

  /** Tells services that keep replies whose replies are still wanted. */
  #retain(): void {
    const sessions = new Set<number>();
    for (const { session } of this.#clients.values()) sessions.add(session);
    for (const scheme of new Set(this.#dispatcher.schemes.values())) scheme.retain?.(sessions);
  }

  /** Handlers hear of it in microtasks: the loop must not sleep before those have run. */
  #cancel(pending: Pending): void {
    this.#canceled++;
    pending.cancel();
  }

  /** Answers a pending request now; what its handler says later is dropped. */
  #end(pending: Pending, errno: Errno): void {
    this.#cancel(pending);
    this.#dispatcher.answers.answer(pending, -errno.errno, 0);
  }

  #settled(pending: Pending): void {
    this.#forgetIfDrained(pending.client);
  }

  /** A hint that a request waits, for polling. */
  ready(): boolean {
    if (!this.#serving || this.#onTrial) return false;
    for (const client of this.#clients.values()) {
      if (client.channel.ready() && this.#mayTake(client)) return true;
    }
    return false;
  }

  /** True when a request can be taken now: the last look before a sleep. */
  waits(): boolean {
    if (!this.#serving || this.#trialGoesOn()) return false;
    for (const client of this.#clients.values()) if (this.#mayTake(client)) return true;
    return false;
  }

  #mayTake(client: ProviderClient): boolean {
    if (client.gone || (this.#windowEndsMs !== undefined && !client.replaying)) return false;
    return client.channel.available();
  }

  /** How long this provider may sleep, in milliseconds. */
  get sleepMs(): number {
    if (!this.#serving) return Number.POSITIVE_INFINITY;
    const nowMs = this.#host.now();
    const trialMs = this.#onTrial ? this.#trial.leftMs(nowMs) : Number.POSITIVE_INFINITY;
    const windowMs = (this.#windowEndsMs ?? Number.POSITIVE_INFINITY) - nowMs;
    return Math.max(1, Math.min(trialMs, windowMs));
  }

  setSleeping(sleeping: boolean): void {
    for (const client of this.#clients.values()) client.channel.setSleeping(sleeping);
  }

  /** Takes requests from every client in turn. Returns how many. */
  dispatch(): number {
    if (!this.#serving || this.#trialGoesOn()) return 0;
    this.#checkWindow();
    this.#host.faults.refresh();
    let taken = 0;
    for (const client of this.#clients.values()) {
      if (!client.channel.ready() || client.gone) continue;
      if (this.#windowEndsMs !== undefined && !client.replaying) continue;
      taken += this.#turn(client);
      if (this.#onTrial) break;
    }
    return taken;
  }

  /** Whether a suspect is alone at work. What that takes is added to the window. */
  #trialGoesOn(): boolean {
    if (!this.#onTrial) return false;
    const nowMs = this.#host.now();
    this.#onTrial = this.#trial.goesOn(nowMs);
    if (!this.#onTrial && this.#windowEndsMs !== undefined) {
      this.#windowEndsMs += nowMs - this.#trial.sinceMs;
    }
    return this.#onTrial;
  }

  #checkWindow(): void {
    if (this.#windowEndsMs === undefined) return;
    if (this.#host.now() < this.#windowEndsMs && this.#someoneReplays()) return;
    this.#windowEndsMs = undefined;
    if (this.#someoneReplays()) this.#dispatcher.conflicts.rememberChanges();
    this.#retain();
    this.#host.resumed(this.#replayed);
  }

  #someoneReplays(): boolean {
    for (const client of this.#clients.values()) if (client.replaying) return true;
    return false;
  }

  /**
   * Whether the request just taken is to be tried alone. Everybody else waits meanwhile, so a
   * client can ask for that only while it replays, and for as many as it can have had in flight.
   */
  #isSuspect(client: ProviderClient): boolean {
    const claims = (this.#sqe.flags & SUSPECT_REPLAY) === SUSPECT_REPLAY;
    return claims && client.replaying && client.suspects++ < RING_SLOTS;
  }

  #turn(client: ProviderClient): number {
    const { faults, words } = this.#host;
    let taken = 0;
    client.inTurn = true;
    while (taken < TURN && client.channel.available() && !client.gone) {
      if (faults.armed) faults.pass(FAULT_POINTS.submitted);
      client.channel.take(this.#sqe);
      taken++;
      // The watchdog reads these two: progress that only this loop makes, and whether it is inside.
      words[PROGRESS] = ((words[PROGRESS] as number) + 1) | 0;
      words[DISPATCHING] = 1;
      if (faults.armed) faults.pass(FAULT_POINTS.dequeued);
      // Mail was posted before the request that depends on it was published.
      if (this.#host.mailWaits()) this.#host.readMail();
      if (client.gone) break;
      this.#one(client);
      words[DISPATCHING] = 0;
      if (this.#isSuspect(client)) {
        this.#trial.begin(client, this.#sqe.tag, this.#host.now());
        this.#onTrial = true;
        if (this.#trialGoesOn()) break;
      }
      if (client.replaying === false && this.#windowEndsMs !== undefined) break;
    }
    words[DISPATCHING] = 0;
    client.inTurn = false;
    if (taken > 0) client.channel.wake();
    return taken;
  }

  #one(client: ProviderClient): void {
    const sqe = this.#sqe;
    const message = sqe.opcode === OP_RESUME || sqe.opcode === OP_CANCEL;
    const oneWay = (sqe.flags & SQE_ONEWAY) !== 0;
    // A request that wants no answer, or a message that wants one, or a tag that is in use: forged.
    if (message !== oneWay || client.pending.has(sqe.tag)) {
      if (!oneWay) client.channel.complete(sqe.tag, -EINVAL.errno, 0);
      return;
    }
    if (sqe.opcode === OP_RESUME) {
      client.replaying = false;
      this.#checkWindow();
      if (!this.#someoneReplays()) this.#dispatcher.conflicts.forgetChanges();
    } else if (sqe.opcode === OP_CANCEL) {
      const pending = client.pending.get(sqe.arg1);
      if (pending !== undefined) this.#cancelOne(pending);
      else if (this.#dispatcher.conflicts.takeHeld(client, sqe.arg1)) {
        client.channel.complete(sqe.arg1, -ECANCELED.errno, 0);
      }
    } else if ((sqe.flags & SQE_REPLAY) !== 0) this.#replay(client);
    else {
      this.#dispatcher.conflicts.note(client, sqe);
      this.#dispatcher.dispatch(client, sqe);
    }
  }

  #replay(client: ProviderClient): void {
    const sqe = this.#sqe;
    // Too late, and others have been served since: a repetition would undo their work.
    if (this.#dispatcher.conflicts.overtaken(client, sqe)) {
      client.channel.complete(sqe.tag, -EOWNERDEAD.errno, 0);
      return;
    }
    this.#replayed++;
    this.#dispatcher.dispatch(client, sqe);
  }

  #cancelOne(pending: Pending): void {
    this.#cancel(pending);
    // A parked handler answers ECANCELED itself; one that is at work answers when it is done.
    if (pending.deferred) this.#dispatcher.answers.answer(pending, -ECANCELED.errno, 0);
  }
}
