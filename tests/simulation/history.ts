/**
 * Judges a history of registers with one writer each, and of calls. Such a register is
 * linearizable exactly when every read gives a value that is not older than the last write that had
 * ended and not newer than the last that had begun, and no read gives an older value than one that
 * had ended before.
 */

import type { Storage } from "./stores.js";

/** One operation of a client. Moments are the scheduler's steps. */
export interface Operation {
  kind: "read" | "write" | "call" | "add";
  client: number;
  cell: number;
  value: number;
  from: number;
  to: number;
  /** "ok", an error code, or "never". */
  ended: string;
}

/** What is wrong with a history. */
export function judge(history: readonly Operation[], storage: Storage, sum: number): string[] {
  const wrong: string[] = [];
  const done = history.filter(({ ended }) => ended === "ok");
  const writes = history.filter(({ kind }) => kind === "write");
  const reads = done.filter(({ kind }) => kind === "read");
  for (const read of reads) {
    const mine = writes.filter(({ cell }) => cell === read.cell);
    const oldest = highest(mine.filter(({ ended, to }) => ended === "ok" && to < read.from));
    const newest = highest(mine.filter(({ from }) => from <= read.to));
    if (read.value < oldest || read.value > newest) {
      wrong.push(`${say(read)}: not within ${oldest} and ${newest}`);
    }
    const earlier = reads.filter(({ cell, to }) => cell === read.cell && to < read.from);
    if (read.value < highest(earlier)) {
      wrong.push(`${say(read)}: ${highest(earlier)} had been read before`);
    }
  }
  for (const call of history.filter(({ kind }) => kind === "call")) {
    const effects = storage.calls.filter((number) => number === call.value).length;
    if (effects > 1) wrong.push(`${say(call)}: done ${effects} times`);
    if (call.ended === "ok" && effects === 0) wrong.push(`${say(call)}: never done`);
  }
  return [...wrong, ...judgeSums(history, sum)];
}

/**
 * Every addition was done once: no two gave the same sum, the last sum is their number, and sums
 * rise with time.
 */
function judgeSums(history: readonly Operation[], sum: number): string[] {
  const adds = history.filter(({ kind }) => kind === "add");
  const wrong: string[] = [];
  if (sum !== adds.length) wrong.push(`${adds.length} additions gave ${sum}`);
  if (new Set(adds.map(({ value }) => value)).size !== adds.length) {
    wrong.push("two additions gave the same sum");
  }
  for (const add of adds) {
    const earlier = highest(adds.filter(({ to }) => to < add.from));
    if (add.value <= earlier) wrong.push(`${say(add)}: ${earlier} was given before`);
  }
  return wrong;
}

function highest(operations: readonly Operation[]): number {
  return Math.max(0, ...operations.map(({ value }) => value));
}

function say({ kind, client, cell, value, from, to }: Operation): string {
  return `client ${client}: ${kind} of cell ${cell} gave ${value} in steps ${from} to ${to}`;
}
