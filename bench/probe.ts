/**
 * Probes and cases: what the bench measures. A case has one subject and the baselines that it
 * stands beside; all of them are probes. The harness samples them in turns within one run, so
 * that whatever else the machine is doing falls on all of them alike.
 */

/** How much to measure. */
export interface Effort {
  /** Turns that each probe gets. */
  readonly rounds: number;
  /** Time a probe runs before it counts, and while it counts, in milliseconds. */
  readonly warmMs: number;
  readonly runMs: number;
  /** Kills, boots or processes in one turn, for what is too slow to be timed by the thousand. */
  readonly repeats: number;
}

/** What `npm run bench` does. */
export const FULL: Effort = { rounds: 10, warmMs: 120, runMs: 250, repeats: 8 };
/** A smoke: every case runs, no figure means anything. */
export const QUICK: Effort = { rounds: 1, warmMs: 10, runMs: 20, repeats: 1 };

/** For rates, more is better; for all the others, less. */
export type Unit = "ns" | "ms" | "bytes" | "bytes/s" | "requests/s";

/** One way to do what the case measures. */
export interface Probe {
  readonly name: string;
  /** Takes one turn and resolves to its samples, in the unit of the case. */
  sample(): Promise<ArrayLike<number>>;
}

/** A case that is set up and can be sampled. */
export interface Prepared {
  readonly subject: Probe;
  readonly baselines: readonly Probe[];
  /** Ends everything that the set-up has started. */
  close(): Promise<void>;
}

/** A case of the bench. */
export interface Case {
  readonly name: string;
  readonly unit: Unit;
  /** Baselines that are reported as cases of their own, too: the case's name to the baseline's. */
  readonly also?: Readonly<Record<string, string>>;
  prepare(effort: Effort): Promise<Prepared>;
}

/** True when more is better. */
export function isRate(unit: Unit): boolean {
  return unit.endsWith("/s");
}
