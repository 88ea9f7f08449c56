/**
 * Sampling in turns, and what comes of it. Medians everywhere: on a shared machine a mean tells of
 * the neighbours. Ratios are taken within each round and then their median, so that a slow spell
 * that lasts a round cancels out.
 */

import { type Case, type Effort, isRate, type Prepared, type Probe, type Unit } from "./probe.js";

/** What is known of one probe after all its turns. */
interface Summary {
  /** The median of the rounds' medians. */
  readonly median: number;
  /** The bad end of all samples: 99 of 100 are better. */
  readonly p99: number;
  /** Median of each round. */
  readonly rounds: readonly number[];
}

/** A baseline, and how the subject compares. */
export interface BaselineResult extends Summary {
  readonly name: string;
  /** Subject divided by baseline: the median over the rounds. */
  readonly ratio: number;
}

/** A measured case. */
export interface CaseResult extends Summary {
  readonly name: string;
  readonly unit: Unit;
  readonly baselines: readonly BaselineResult[];
}

/** Measures a case. `tick` is told of each turn. */
export async function measure(
  one: Case,
  effort: Effort,
  tick: (probe: string, round: number) => void,
): Promise<CaseResult[]> {
  const prepared = await one.prepare(effort);
  try {
    const turns = await takeTurns(prepared, effort.rounds, tick);
    return results(one, prepared, turns);
  } finally {
    await prepared.close();
  }
}

type Turns = ReadonlyMap<Probe, readonly (readonly number[])[]>;

/** Round by round, every second one backwards: nobody is always first after a pause. */
async function takeTurns(
  { subject, baselines }: Prepared,
  rounds: number,
  tick: (probe: string, round: number) => void,
): Promise<Turns> {
  const probes = [subject, ...baselines];
  const turns = new Map<Probe, number[][]>(probes.map((probe) => [probe, []]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? probes : [...probes].reverse();
    for (const probe of order) {
      tick(probe.name, round);
      turns.get(probe)?.push(Array.from(await probe.sample()));
    }
  }
  return turns;
}

function results(one: Case, prepared: Prepared, turns: Turns): CaseResult[] {
  const { unit } = one;
  const summaryOf = (probe: Probe): Summary => summarize(turns.get(probe) ?? [], unit);
  const subject = summaryOf(prepared.subject);
  const baselines = prepared.baselines.map((probe) => {
    const summary = summaryOf(probe);
    const ratios = subject.rounds.map((value, i) => value / (summary.rounds[i] ?? Number.NaN));
    return { name: probe.name, ratio: median(ratios), ...summary };
  });
  const more = Object.entries(one.also ?? {}).map(([name, baseline]) => {
    const found = baselines.find((other) => other.name === baseline) as BaselineResult;
    const { median: middle, p99, rounds } = found;
    return { name, unit, median: middle, p99, rounds, baselines: [] };
  });
  return [{ name: one.name, unit, ...subject, baselines }, ...more];
}

function summarize(turns: readonly (readonly number[])[], unit: Unit): Summary {
  const all = turns.flat();
  const p99 = quantile(all, isRate(unit) ? 0.01 : 0.99);
  // A fast round has more samples than a slow one, and yet only one vote.
  const rounds = turns.map((samples) => median(samples));
  return { median: median(rounds), p99, rounds };
}

/** The middle of a list. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that `share` of the list lies below; the nearest that occurs. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
