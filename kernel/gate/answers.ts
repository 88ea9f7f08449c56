/**
 * Answers: from what a handler returned (a value or a promise) to the completion in the ring. Each
 * request is answered once; an answer that comes after that, or after the client has gone, is
 * dropped.
 */

import { encodeBody } from "../../ipc/codec.js";
import { EACCES, EIO, EMSGSIZE, errnoOf } from "../../ipc/errno.js";
import { OP_SYSCALL } from "../../ipc/opcode.js";
import { FAULT_POINTS } from "../../ipc/process-block.js";
import { CQE_BODY_SHIFT } from "../../ipc/sqe.js";
import type { Checks } from "./checks.js";
import type { Conflicts } from "./conflicts.js";
import type { Pending } from "./contexts.js";
import type { FaultPoints } from "./fault-points.js";
import type { ProviderClient } from "./provider-client.js";

/** A count or errno, or a body with the completion's flags. */
export type Answer = number | { body: Uint8Array; flags: number; result?: number };

/** Turns what a handler returned into an answer. */
export type Convert = (value: unknown, pending: Pending) => Answer;

/** What the answers need. */
export interface AnswersHost {
  checks: Checks;
  /** Reads mail that has come: what was revoked must be known before an answer is judged. */
  refresh(): void;
  conflicts: Conflicts;
  faults: FaultPoints;
  /** A handler threw what is no errno. */
  bug(error: unknown): void;
  /** A promise was answered; requests that it held up are in `released`. */
  settled(pending: Pending, released: ReturnType<Conflicts["end"]>): void;
}

/** Publishes completions. */
export class Answers {
  readonly #host: AnswersHost;
  /** Answers that came as promises so far. */
  promises = 0;

  constructor(host: AnswersHost) {
    this.#host = host;
  }

  /** Answers with a handler's value, now or later. */
  deliver(pending: Pending, value: unknown, convert: Convert): void {
    if (value instanceof Promise) this.#later(pending, value, convert);
    else this.#publish(pending, convert(value, pending));
  }

  #later(pending: Pending, promise: Promise<unknown>, convert: Convert): void {
    this.promises++;
    pending.client.pending.set(pending.tag, pending);
    this.#host.conflicts.begin(pending);
    promise.then(
      (value) => {
        this.#finish(pending, () => convert(value, pending));
      },
      (thrown: unknown) => {
        this.#finish(pending, () => {
          throw thrown;
        });
      },
    );
  }

  #finish(pending: Pending, make: () => Answer): void {
    // First of all: a revocation that is waiting in the mail ends this request as well.
    this.#host.refresh();
    const { conflicts, checks } = this.#host;
    const { client } = pending;
    if (client.pending.get(pending.tag) === pending) client.pending.delete(pending.tag);
    try {
      const answer = make();
      // A revoked capability stops even an answer that is ready: nothing completes with data.
      if (checks.cell(pending.capability) === 0 && pending.opcode !== OP_SYSCALL) throw EACCES;
      this.#publish(pending, answer);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === undefined) this.#host.bug(thrown);
      else this.answer(pending, -errno.errno, 0);
    }
    this.#host.settled(pending, conflicts.end(pending));
  }

  /** Answers with what was thrown: an errno is the answer, anything else a bug. */
  fail(client: ProviderClient, tag: number, thrown: unknown): void {
    const errno = errnoOf(thrown);
    if (errno === undefined) this.#host.bug(thrown);
    else this.complete(client, tag, -errno.errno, 0);
  }

  #publish(pending: Pending, answer: Answer): void {
    if (typeof answer === "number") {
      this.answer(pending, answer, 0);
      return;
    }
    if (pending.answered) return;
    const { client, arenaOffset, arenaLength } = pending;
    const { length } = answer.body;
    if (length > arenaLength || !client.channel.inArena(arenaOffset, arenaLength)) {
      this.answer(pending, -EMSGSIZE.errno, 0);
      return;
    }
    if (length > 0) client.view(arenaOffset, length).set(answer.body);
    this.answer(pending, answer.result ?? length, answer.flags | (length << CQE_BODY_SHIFT));
  }

  /** Publishes a completion for `pending`, once. */
  answer(pending: Pending, result: number, flags: number): void {
    if (pending.answered) return;
    pending.answered = true;
    if (pending.client.gone) return;
    this.complete(pending.client, pending.tag, result, flags);
    // A synchronous answer is announced at the end of the client's turn, with all others.
    if (!pending.client.inTurn) pending.client.channel.wake();
  }

  /** Publishes a completion. */
  complete(client: ProviderClient, tag: number, result: number, flags: number): void {
    const { faults } = this.#host;
    if (faults.armed) faults.pass(FAULT_POINTS.handled);
    client.channel.complete(tag, result, flags);
    if (faults.armed) faults.pass(FAULT_POINTS.completed);
  }
}

/** A count of bytes; more than was asked for would hand the client bytes that are not its own. */
export function asTransfer(value: unknown, { limit }: Pending): number {
  const count = value as number;
  return Number.isInteger(count) && count >= 0 && count <= limit ? count : -EIO.errno;
}

/** Any whole number from 0 up. */
export function asCount(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : -EIO.errno;
}

/** Success without a value. */
export function asZero(): number {
  return 0;
}

/** A small value as the answer's body. */
export function asBody(value: unknown): Answer {
  return { body: encodeBody(value ?? null), flags: 0 };
}
