/**
 * Conflicts: a transfer waits while one that overlaps it on the same object is at work. What was
 * executed and not published yet may be replayed after a death; without this rule the repetition
 * could land on top of a newer write that was acknowledged already.
 */

import { OP_FTRUNCATE, OP_READ, OP_WRITE, operation } from "../../ipc/opcode.js";
import type { Sqe } from "../../ipc/sqe.js";
import type { Pending } from "./contexts.js";
import type { Handle, ProviderClient } from "./provider-client.js";

/** Bytes of an object that an operation touches. */
interface Range {
  object: string;
  start: number;
  end: number;
  changes: boolean;
}

/** A request that waits for others. */
interface Held {
  client: ProviderClient;
  sqe: Sqe;
  range: Range;
  /** Under which its handle was opened; the handle itself may be closed by now. */
  capability: number;
}

/** Changes that are remembered one by one; beyond, everything counts as changed. */
const CHANGES_MAX = 4096;

/** Who is at work on what. */
export class Conflicts {
  /** What was changed since the replay window closed, while somebody is still late. */
  #changes: Range[] | undefined;
  #changedAll = false;
  readonly #atWork = new Map<Pending, Range>();
  #held: Held[] = [];

  /** Holds a request back if it conflicts with one at work or one held before. */
  hold(client: ProviderClient, sqe: Sqe): boolean {
    if (this.#atWork.size === 0 && this.#held.length === 0) return false;
    const handle = client.handles.get(sqe.handle);
    const range = rangeOf(handle, sqe);
    if (handle === undefined || range === undefined) return false;
    let clash = this.#held.some((held) => conflict(held.range, range));
    for (const other of this.#atWork.values()) clash ||= conflict(other, range);
    const { capability } = handle;
    if (clash) this.#held.push({ client, sqe: { ...sqe }, range, capability });
    return clash;
  }

  /** A handler has begun and not answered yet. */
  begin(pending: Pending): void {
    const range = rangeOf(pending.handle, pending);
    if (range !== undefined) this.#atWork.set(pending, range);
  }

  /** It has answered: returns the requests that were held, to be tried again in their order. */
  end(pending: Pending): Held[] {
    this.#atWork.delete(pending);
    if (this.#held.length === 0) return [];
    const held = this.#held;
    this.#held = [];
    return held;
  }

  /** From now on remembers what is changed: somebody has not replayed yet. */
  rememberChanges(): void {
    this.#changes = [];
    this.#changedAll = false;
  }

  get #remembering(): boolean {
    return this.#changes !== undefined;
  }

  /** Everybody has replayed. */
  forgetChanges(): void {
    this.#changes = undefined;
  }

  /** Notes a request that is about to change something. */
  note(client: ProviderClient, sqe: Sqe): void {
    if (this.#changes === undefined || sqe.opcode === OP_READ) return;
    const range = rangeOf(client.handles.get(sqe.handle), sqe);
    if (range === undefined) return;
    if (this.#changes.length < CHANGES_MAX) this.#changes.push(range);
    else this.#changedAll = true;
  }

  /**
   * Whether a late replay would land on a newer change. What nobody has touched since can be
   * repeated at any time, and a read is as good late as early.
   */
  overtaken(client: ProviderClient, sqe: Sqe): boolean {
    const range = rangeOf(client.handles.get(sqe.handle), sqe);
    // The service knows by the reply's name whether it was done: it is never done twice.
    if (range === undefined || !range.changes || sqe.sequence !== 0) return false;
    if (client.replaying && !this.#remembering) return false;
    // Without a record nothing can be known of what was changed since.
    if (!client.replaying || this.#changedAll) return true;
    return (this.#changes ?? []).some((change) => conflict(change, range));
  }

  /** Takes a request that waits out of the line. */
  takeHeld(client: ProviderClient, tag: number): boolean {
    const before = this.#held.length;
    this.#held = this.#held.filter((held) => held.client !== client || held.sqe.tag !== tag);
    return this.#held.length < before;
  }

  /** Takes out what waits on handles under one of these capabilities. */
  takeRevoked(indices: ReadonlySet<number>): { client: ProviderClient; tag: number }[] {
    const taken = this.#held.filter(({ capability }) => indices.has(capability));
    if (taken.length > 0) this.#held = this.#held.filter((held) => !taken.includes(held));
    return taken.map(({ client, sqe }) => ({ client, tag: sqe.tag }));
  }

  /** Drops what a dead client has waiting. */
  forget(client: ProviderClient): void {
    this.#held = this.#held.filter((held) => held.client !== client);
  }
}

function rangeOf(
  handle: Handle | undefined,
  request: { opcode: number; offset: number; arenaLength: number },
): Range | undefined {
  const { opcode, offset, arenaLength } = request;
  if (opcode !== OP_READ && opcode !== OP_WRITE && opcode !== OP_FTRUNCATE) return undefined;
  const identity = handle?.description.identity;
  // What will be refused holds nobody up, and changes nothing.
  if (((handle?.rights ?? 0) & operation(opcode).rights) === 0) return undefined;
  if (handle === undefined || identity === undefined || !handle.description.positioned) {
    return undefined;
  }
  const whole = opcode === OP_FTRUNCATE || offset < 0;
  const start = whole ? 0 : offset + (identity.base ?? 0);
  const end = whole ? Number.MAX_SAFE_INTEGER : start + arenaLength;
  return { object: identity.object, start, end, changes: opcode !== OP_READ };
}

function conflict(a: Range, b: Range): boolean {
  return (a.changes || b.changes) && a.object === b.object && a.start < b.end && b.start < a.end;
}
