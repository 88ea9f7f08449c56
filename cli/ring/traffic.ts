/**
 * The host's calls on their way to the machine and back: those that wait, those in flight, and,
 * when the machine has died, those of which nobody knows. Order of submission is kept in all of it.
 */

import { hostClock } from "../../ipc/clock.js";
import {
  EAGAIN,
  EIO,
  EMSGSIZE,
  ENODEV,
  EOWNERDEAD,
  type Errno,
  ETIMEDOUT,
} from "../../ipc/errno.js";
import { PAYLOAD_BYTES_MAX } from "../../ipc/limits.js";
import { OP_READ, OP_WRITE } from "../../ipc/opcode.js";
import type { Outcome } from "../../ipc/sys-error.js";
import { fateOf } from "./fate.js";
import type { Frame, FrameKind, FrameParts } from "./frame.js";
import { type AnswerBody, readAnswer } from "./messages.js";
import { QueueFile } from "./queue-file.js";
import type { RemoteCall } from "./remote-call.js";

/** Calls on the link at once, and bytes that they keep it busy with. More wait here. */
const FLYING_MAX = 256;
const FLYING_BYTES_MAX = 32 * 1024 * 1024;
/** Calls that wait; more get EAGAIN. */
const QUEUE_MAX = 65_536;
/** Numbers of calls and files are 32 bits on the link. */
const NUMBER_MAX = 0xffff_ffff;

/** The way to a machine that lives. */
export interface Link {
  send(kind: FrameKind, parts?: FrameParts): void;
}

/** The calls. */
export class Traffic {
  /** Boots of the machine so far: its incarnation, as the host's errors name it. */
  boots = 0;
  link: Link | undefined;
  /** True when calls may be sent: what was open is open again. */
  serving = false;
  readonly #isFile: (number: number) => boolean;
  #failure: Errno | undefined;
  /** Sent and not answered. */
  readonly #flying = new Map<number, RemoteCall>();
  #flyingBytes = 0;
  /** Were in flight at a death. */
  #doubtful: RemoteCall[] = [];
  #queue: RemoteCall[] = [];
  /** On their way to make a new machine like the old one. */
  #restoring: RemoteCall[] = [];
  #lastNumber = 0;

  /** @param isFile - whether an open file has this number */
  constructor(isFile: (number: number) => boolean) {
    this.#isFile = isFile;
  }

  /** Takes a call: it is sent as soon as there is a machine, and room. */
  start(call: RemoteCall): void {
    if (call.number !== 0 || call.done) return;
    call.number = this.#number();
    const refusal = this.#refuse(call);
    if (refusal !== undefined) {
      end(call, refusal, "not-executed");
      return;
    }
    call.claim();
    if (call.deadlineMs > 0) this.#setTimer(call);
    this.#queue.push(call);
    this.#pump();
  }

  #number(): number {
    do {
      this.#lastNumber = (this.#lastNumber % NUMBER_MAX) + 1;
    } while (this.#flying.has(this.#lastNumber) || this.#isFile(this.#lastNumber));
    return this.#lastNumber;
  }

  #refuse(call: RemoteCall): Errno | undefined {
    if (this.#failure !== undefined) return this.#failure;
    const lost = call.parts.file?.lost;
    if (lost !== undefined) return lost;
    if (call.weight > PAYLOAD_BYTES_MAX) return EMSGSIZE;
    return this.#queue.length >= QUEUE_MAX ? EAGAIN : undefined;
  }

  #setTimer(call: RemoteCall): void {
    const afterMs = Math.max(0, call.deadlineMs - hostClock.now());
    call.timer = setTimeout(() => {
      this.abandon(call, ETIMEDOUT);
    }, afterMs);
  }

  /** Gives up on a call: the caller is answered now, the machine is told. */
  abandon(call: RemoteCall, errno: Errno): void {
    if (call.done) return;
    const flies = this.#flying.get(call.number) === call;
    if (flies) {
      this.#land(call);
      this.link?.send("cancel", { call: call.number });
    }
    this.#queue = this.#queue.filter((other) => other !== call);
    this.#doubtful = this.#doubtful.filter((other) => other !== call);
    // One that waits to be repeated may have been done by a machine that died.
    end(call, errno, flies || call.deaths > 0 ? "unknown" : "not-executed");
    this.#pump();
  }

  /** Sends what waits, as far as there is room. */
  #pump(): void {
    while (this.serving && this.#flying.size < FLYING_MAX) {
      const [next] = this.#queue;
      if (next === undefined) return;
      const full = this.#flyingBytes + next.weight > FLYING_BYTES_MAX;
      if (full && this.#flying.size > 0) return;
      this.#queue.shift();
      this.#send(next);
    }
  }

  #send(call: RemoteCall): void {
    if (call.done) return;
    const lost = call.parts.file?.lost;
    if (lost !== undefined) {
      end(call, lost, call.deaths > 0 ? "unknown" : "not-executed");
      return;
    }
    const frame = call.parts.frame(call);
    if (frame === undefined || call.done) return;
    this.#flying.set(call.number, call);
    this.#flyingBytes += call.weight;
    this.link?.send(call.parts.kind, { ...frame, call: call.number });
  }

  #land(call: RemoteCall): void {
    this.#flying.delete(call.number);
    this.#flyingBytes -= call.weight;
  }

  /** Takes an answer from the machine. */
  answer(frame: Frame): void {
    const call = this.#flying.get(frame.call);
    const answer = readAnswer(frame.body);
    if (call === undefined) {
      // Given up in the meantime; a file that was opened all the same is not wanted.
      const unwanted = answer?.opened !== undefined && !this.#isFile(frame.call);
      if (unwanted) this.link?.send("close", { call: frame.call });
      return;
    }
    this.#land(call);
    if (answer === undefined || !takePayload(call, answer, frame.payload)) {
      end(call, EIO, "unknown");
    } else {
      call.incarnation = answer.incarnation;
      if (answer.result >= 0) call.parts.landed?.(call, answer);
      call.finish(answer.result, answer.outcome);
    }
    this.#pump();
  }

  /** Sends a call before all that waits, and resolves when it is done or its machine has died. */
  async restore(call: RemoteCall): Promise<void> {
    if (this.link === undefined) {
      end(call, EOWNERDEAD, "unknown");
      return;
    }
    if (call.number === 0) call.number = this.#number();
    this.#restoring.push(call);
    this.#send(call);
    await call.whenDone();
    this.#restoring = this.#restoring.filter((other) => other !== call);
  }

  /** The machine has died; all that it had answered has been taken. */
  died(): void {
    const restoring = this.#restoring.splice(0);
    const flying = [...this.#flying.values()].filter((call) => !restoring.includes(call));
    this.link = undefined;
    this.serving = false;
    this.#flying.clear();
    this.#flyingBytes = 0;
    for (const call of flying) call.deaths++;
    this.#doubtful = [...flying, ...this.#doubtful];
    for (const call of restoring) end(call, EOWNERDEAD, "unknown");
  }

  /** A new machine serves: decides on what was in flight; then everything that waits is sent. */
  resume(): void {
    this.serving = true;
    const repeats: RemoteCall[] = [];
    const ended: [RemoteCall, Outcome][] = [];
    for (const call of this.#doubtful.splice(0)) {
      const { file } = call.parts;
      const fate = fateOf(call.deed, call.deaths);
      const closed = file !== undefined && !this.#isFile(file.number);
      if (fate === "repeat" && !closed) repeats.push(call);
      else ended.push([call, fate === "poison" ? "poison" : "unknown"]);
    }
    this.#queue = [...repeats, ...this.#queue];
    this.#pump();
    // Only now: whoever is answered may submit something, which must not get before the repeats.
    for (const [call, outcome] of ended) {
      if (outcome === "poison") end(call, EIO, outcome);
      else this.disown(call);
    }
  }

  /** Nobody knows what the dead machine did of it. */
  disown(call: RemoteCall): void {
    call.incarnation = { old: this.boots - 1, now: this.boots };
    end(call, EOWNERDEAD, "unknown");
  }

  /** There will be no machine any more: everything that waits ends. */
  givenUp(): void {
    this.died();
    this.#failure = ENODEV;
    for (const call of [...this.#doubtful.splice(0), ...this.#queue.splice(0)]) {
      end(call, ENODEV, call.deaths > 0 ? "unknown" : "not-executed");
    }
  }
}

/** Ends a call with an error. */
export function end(call: RemoteCall, errno: Errno, outcome: Outcome): void {
  call.finish(-errno.errno, outcome);
}

/** Takes what an answer brought; false when it is not what was asked for. */
function takePayload(call: RemoteCall, { result }: AnswerBody, payload: Buffer): boolean {
  if (result < 0) return true;
  const asked = call.bytes?.length ?? 0;
  if (call.opcode === OP_READ && !(call.parts.file instanceof QueueFile)) {
    if (payload.length !== result || result > asked) return false;
    call.bytes?.set(payload);
    return true;
  }
  if (call.opcode === OP_WRITE && result > asked) return false;
  if (payload.length > 0) call.body = payload;
  return true;
}
