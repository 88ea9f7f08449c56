/**
 * Finds a machine that stands still: its kernel's tick does not move, or its host thread does not
 * report. Time in which the thread wanted to run and could not is not counted, nor is time in which
 * this process itself did not run, or in which somebody has stopped the machine: a starved or
 * suspended machine is not rebooted.
 */

/** What the host's system says about a thread. */
export interface ThreadTimes {
  /** How long it has run, in nanoseconds. */
  ranNs: number;
  /** "waits": it sleeps. "stopped": by a signal or a debugger. */
  state: "runs" | "waits" | "stopped";
}

/** One thread under suspicion. */
export interface Suspect {
  progress: number;
  ranNs: number;
  /** How long it has stood still, of its own time, in milliseconds. */
  stillMs: number;
}

/** A new look at a thread. */
export interface Look extends ThreadTimes {
  /** Anything that changes when the thread is well. */
  progress: number;
  /** Since the last look, in milliseconds. */
  elapsedMs: number;
}

/** Adds a look to what is known. */
export function suspect(known: Suspect | undefined, look: Look): Suspect {
  const { progress, ranNs, state, elapsedMs } = look;
  if (known?.progress !== progress) return { progress, ranNs, stillMs: 0 };
  const countedMs = { runs: (ranNs - known.ranNs) / 1e6, waits: elapsedMs, stopped: 0 }[state];
  return { progress, ranNs, stillMs: known.stillMs + countedMs };
}
