/**
 * A provider that can die between any two steps, for the simulation of recovery: it takes,
 * executes and completes in separate steps, and what it does to the world outlives it. It counts
 * how often each request took effect, and notices one that reached an object it was not meant for.
 */

import type { Random } from "../../ipc/clock.js";
import { encodeBody } from "../../ipc/codec.js";
import { Doorbell } from "../../ipc/doorbell.js";
import { EBADF, ENOENT } from "../../ipc/errno.js";
import { HANDLES_PER_CHANNEL_MAX } from "../../ipc/limits.js";
import {
  OP_CALL,
  OP_CLOSE,
  OP_OPEN,
  OP_READ,
  OP_REATTACH,
  OP_RESUME,
  OP_WRITE,
} from "../../ipc/opcode.js";
import { ProviderChannel } from "../../ipc/provider-channel.js";
import type { ChannelMemory } from "../../ipc/ring-block.js";
import {
  CQE_BODY_SHIFT,
  CQE_POSITIONED,
  emptySqe,
  SQE_ONEWAY,
  SQE_REPLAY,
  type Sqe,
} from "../../ipc/sqe.js";

/** What outlives every incarnation. Paths beginning with `/v` lose their contents at a death. */
export class World {
  /** The last value written to each object. */
  readonly cells = new Map<string, number>();
  /** How often each request took effect, by its number. */
  readonly effects = new Map<number, number>();
  /** Object that each request is meant for, by its number. */
  readonly meant = new Map<number, string>();
  readonly faults: string[] = [];

  /** Records that request `n` took effect on `object`. */
  note(n: number, object: string): void {
    this.effects.set(n, (this.effects.get(n) ?? 0) + 1);
    const meant = this.meant.get(n);
    if (meant !== object) this.faults.push(`request ${n} for ${meant} reached ${object}`);
  }
}

interface Taken {
  sqe: Sqe;
  body: Uint8Array;
}

interface Answer {
  /** The request that it answers. */
  sqe: Sqe;
  tag: number;
  result: number;
  flags: number;
}

/** One incarnation. */
export class MortalProvider {
  readonly #channel: ProviderChannel;
  readonly #world: World;
  readonly #incarnation: number;
  readonly #handles = new Map<number, string>();
  #opened = 0;
  #inbox: Taken[] = [];
  #answers: Answer[] = [];
  #resumed = false;

  constructor(world: World, memory: ChannelMemory, bell: SharedArrayBuffer, incarnation: number) {
    this.#channel = new ProviderChannel(memory, new Doorbell(bell));
    this.#world = world;
    this.#incarnation = incarnation;
  }

  /** Makes one step of its own choice, if there is one. Returns whether there was. */
  step(random: Random): boolean {
    const steps = [
      ...(this.#channel.available() ? [() => this.#take()] : []),
      ...(this.#mayExecute() ? [() => this.#execute()] : []),
      ...(this.#answers.length > 0 ? [() => this.#complete(random)] : []),
    ];
    steps[random.below(steps.length)]?.();
    return steps.length > 0;
  }

  #take(): void {
    const sqe = emptySqe();
    this.#channel.take(sqe);
    if ((sqe.flags & SQE_ONEWAY) !== 0) {
      if (sqe.opcode === OP_RESUME) this.#resumed = true;
      return;
    }
    if ((sqe.flags & SQE_REPLAY) !== 0 && this.#resumed) {
      this.#world.faults.push("a replay came after the end of the replays");
    }
    const view = new Uint8Array(this.#channel.arena, sqe.arenaOffset, Math.max(0, sqe.arg2));
    this.#inbox.push({ sqe, body: view.slice() });
  }

  /** Starts nothing that conflicts with what was executed and not published: the gate's rule. */
  #mayExecute(): boolean {
    const next = this.#inbox[0]?.sqe;
    if (next === undefined) return false;
    return !this.#answers.some(
      ({ sqe }) =>
        this.#handles.get(sqe.handle) === this.#handles.get(next.handle) &&
        (sqe.opcode !== OP_READ || next.opcode !== OP_READ),
    );
  }

  #execute(): void {
    const { sqe, body } = this.#inbox.shift() as Taken;
    this.#answers.push({ sqe, tag: sqe.tag, ...this.#effect(sqe, body) });
  }

  #complete(random: Random): void {
    const [answer] = this.#answers.splice(random.below(this.#answers.length), 1);
    if (answer !== undefined) this.#channel.complete(answer.tag, answer.result, answer.flags);
  }

  #effect(sqe: Sqe, body: Uint8Array): { result: number; flags: number } {
    if (sqe.opcode === OP_OPEN || sqe.opcode === OP_REATTACH) return this.#open(sqe, body);
    const object = this.#handles.get(sqe.handle);
    if (object === undefined) return { result: -EBADF.errno, flags: 0 };
    if (sqe.opcode === OP_CLOSE) {
      this.#handles.delete(sqe.handle);
      if (this.#world.meant.get(sqe.arg0) !== object && sqe.arg0 !== 0) {
        this.#world.faults.push(`a close meant for another session closed ${object}`);
      }
      return { result: 0, flags: 0 };
    }
    this.#world.note(sqe.arg0, object);
    const payload = new Uint8Array(this.#channel.arena, sqe.arenaOffset, sqe.arenaLength);
    const cells = this.#world.cells;
    if (sqe.opcode === OP_WRITE) cells.set(object, Buffer.from(body).readUInt32LE(0));
    if (sqe.opcode === OP_CALL) return { result: 0, flags: 0 };
    if (sqe.opcode === OP_READ) payload[0] = cells.get(object) ?? 0;
    return { result: 4, flags: 0 };
  }

  #open(sqe: Sqe, body: Uint8Array): { result: number; flags: number } {
    const object = Buffer.from(body).toString();
    if (!object.startsWith("/")) return { result: -ENOENT.errno, flags: 0 };
    // As the real table numbers them: each incarnation begins again with the same numbers.
    const handle = HANDLES_PER_CHANNEL_MAX + this.#opened++;
    this.#handles.set(handle, object);
    const generation = object.startsWith("/v") ? this.#incarnation : 1;
    const identity = encodeBody({ object, generation });
    new Uint8Array(this.#channel.arena, sqe.arenaOffset, identity.length).set(identity);
    const positioned = object.startsWith("/s") ? 0 : CQE_POSITIONED;
    return { result: handle, flags: positioned | (identity.length << CQE_BODY_SHIFT) };
  }
}
