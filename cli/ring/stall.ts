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
  /**
   * How long threads of its process have been ready and got no processor, all added up. One that
   * waits may wait for one of these: V8's own helpers, for example.
   */
  delayedNs: number;
}

/** One thread under suspicion. */
export interface Suspect {
  /** Anything that changes when the thread is well. */
  progress: number;
  /** Its times when it was last looked at; undefined: it was well then. */
  times: ThreadTimes | undefined;
  /** How long it has stood still, of its own time, in milliseconds. */
  stillMs: number;
}

/** A new look at a thread. */
export interface Look {
  progress: number;
  /** Since the last look, in milliseconds. */
  elapsedMs: number;
  /** Asked only when there is no progress. */
  times(): ThreadTimes;
}

/** Of the time that a thread waits in a starved process, at least this part counts. */
const COUNTED_MIN = 0.1;

/** Adds a look to what is known. */
export function suspect(known: Suspect | undefined, look: Look): Suspect {
  const { progress, elapsedMs } = look;
  if (known?.progress !== progress) return { progress, times: undefined, stillMs: 0 };
  const times = look.times();
  const { times: before, stillMs } = known;
  if (before === undefined) return { progress, times, stillMs };
  const delayedMs = (times.delayedNs - before.delayedNs) / 1e6;
  const countedMs = {
    runs: (times.ranNs - before.ranNs) / 1e6,
    waits: Math.max(elapsedMs - delayedMs, elapsedMs * COUNTED_MIN),
    stopped: 0,
  }[times.state];
  return { progress, times, stillMs: stillMs + countedMs };
}
