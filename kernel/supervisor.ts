/**
 * The supervisor of one process as a pure state machine: events in, state and effects out. The
 * kernel performs the effects. No clock, no thread, no table in here.
 */

/** When to restart. */
export type RestartPolicy = "permanent" | "transient" | "temporary";

/** The numbers of a manifest. Milliseconds. */
export interface SupervisorPolicy {
  restart: RestartPolicy;
  /** A process that ran for less gets its restart delayed. */
  minimumRunMs: number;
  backoffMs: number;
  backoffMsMax: number;
  /** More deaths than this within the window is giving up. */
  deathsMax: number;
  deathsWindowMs: number;
  readyMsMax: number;
  /** After giving up, one try this often. */
  probeMs: number;
}

/** Defaults for what a manifest leaves out. */
export const DEFAULT_POLICY: SupervisorPolicy = {
  restart: "permanent",
  minimumRunMs: 50,
  backoffMs: 10,
  backoffMsMax: 1000,
  deathsMax: 10,
  deathsWindowMs: 10_000,
  readyMsMax: 5000,
  probeMs: 30_000,
};

/*
 *  idle --start--> starting --ready--> running
 *                     |                   |
 *                     +-------death-------+--> fenced --ended--> starting   at once
 *                                                |               backoff    --due--> starting
 *                                                |               failed     --due--> starting
 *                                                +-------------> stopped
 */
/** Where a process stands. Each state carries only its own data. */
export type ProcessState =
  | { tag: "idle" }
  | { tag: "starting"; sinceMs: number }
  | { tag: "running"; sinceMs: number }
  | { tag: "fenced"; ranMs: number; ordered: boolean; clean: boolean; cause: string }
  | { tag: "backoff"; untilMs: number }
  | { tag: "failed"; sinceMs: number }
  | { tag: "stopped" };

/** A supervised process: state, and what the budget needs to remember. */
export interface Supervised {
  state: ProcessState;
  /** Moments of deaths that count. */
  deathsMs: readonly number[];
  /** Short runs in a row. */
  shortRuns: number;
  /** It had been given up and is tried once more: one death is enough now. */
  probing: boolean;
}

export type SupervisorEvent =
  | { tag: "start" }
  | { tag: "ready" }
  /** It died, or is about to be ended. `ordered`: somebody wanted that. `clean`: status 0. */
  | { tag: "death"; ordered: boolean; clean: boolean; cause: string }
  /** Its worker has ended and every provider has drained. */
  | { tag: "ended" }
  /** A timer that an effect asked for. */
  | { tag: "due" }
  | { tag: "stop" };

export type SupervisorEffect =
  | { tag: "fence" }
  | { tag: "spawn" }
  | { tag: "wake"; afterMs: number }
  | { tag: "give-up" }
  | { tag: "stopped" };

/** A process that has not been started. */
export const UNSTARTED: Supervised = {
  state: { tag: "idle" },
  deathsMs: [],
  shortRuns: 0,
  probing: false,
};

/** What follows from an event. */
export interface Step {
  next: Supervised;
  effects: SupervisorEffect[];
}

/** Makes one step. An event that has no meaning in a state changes nothing. */
export function step(
  now: Supervised,
  event: SupervisorEvent,
  context: { policy: SupervisorPolicy; nowMs: number },
): Step {
  const { policy, nowMs } = context;
  switch (event.tag) {
    case "start":
      return now.state.tag === "idle" ? start(now, nowMs, policy) : same(now);
    case "ready":
      return now.state.tag === "starting"
        ? { next: { ...now, state: { tag: "running", sinceMs: nowMs } }, effects: [] }
        : same(now);
    case "death":
      return death(now, event, nowMs);
    case "ended":
      return now.state.tag === "fenced" ? ended(now, now.state, context) : same(now);
    case "due":
      return due(now, nowMs, policy);
    case "stop":
      return stop(now);
  }
}

function same(now: Supervised): Step {
  return { next: now, effects: [] };
}

function start(now: Supervised, nowMs: number, policy: SupervisorPolicy): Step {
  return {
    next: { ...now, state: { tag: "starting", sinceMs: nowMs } },
    effects: [{ tag: "spawn" }, { tag: "wake", afterMs: policy.readyMsMax }],
  };
}

function death(now: Supervised, event: SupervisorEvent & { tag: "death" }, nowMs: number): Step {
  const { state } = now;
  if (state.tag !== "starting" && state.tag !== "running") return same(now);
  const { ordered, clean, cause } = event;
  // Deaths that somebody ordered say nothing about the process.
  const counts = !ordered;
  const fenced: ProcessState = {
    tag: "fenced",
    ranMs: state.tag === "running" ? nowMs - state.sinceMs : 0,
    ordered,
    clean,
    cause,
  };
  const deathsMs = counts ? [...now.deathsMs, nowMs] : now.deathsMs;
  return { next: { ...now, deathsMs, state: fenced }, effects: [{ tag: "fence" }] };
}

function ended(
  now: Supervised,
  fenced: ProcessState & { tag: "fenced" },
  context: { policy: SupervisorPolicy; nowMs: number },
): Step {
  const { policy, nowMs } = context;
  const wanted =
    policy.restart === "permanent" || (policy.restart === "transient" && !fenced.clean);
  if (!wanted) {
    return { next: { ...now, state: { tag: "stopped" } }, effects: [{ tag: "stopped" }] };
  }
  const deathsMs = now.deathsMs.filter((atMs) => atMs > nowMs - policy.deathsWindowMs);
  const survived = fenced.ordered || fenced.ranMs >= policy.deathsWindowMs;
  const probing = now.probing && !survived;
  if (deathsMs.length > policy.deathsMax || probing) {
    return {
      next: { ...now, deathsMs, probing: false, state: { tag: "failed", sinceMs: nowMs } },
      effects: [{ tag: "give-up" }, { tag: "wake", afterMs: policy.probeMs }],
    };
  }
  const short = !fenced.ordered && fenced.ranMs < policy.minimumRunMs;
  const shortRuns = short ? now.shortRuns + 1 : 0;
  // The first death restarts at once; only what dies young again and again is slowed down.
  if (shortRuns < 2) return start({ ...now, deathsMs, shortRuns, probing }, nowMs, policy);
  const afterMs = Math.min(policy.backoffMs * 2 ** (shortRuns - 2), policy.backoffMsMax);
  return {
    next: { deathsMs, shortRuns, probing, state: { tag: "backoff", untilMs: nowMs + afterMs } },
    effects: [{ tag: "wake", afterMs }],
  };
}

function due(now: Supervised, nowMs: number, policy: SupervisorPolicy): Step {
  const { state } = now;
  switch (state.tag) {
    case "backoff":
      return state.untilMs <= nowMs ? start(now, nowMs, policy) : same(now);
    case "failed":
      return nowMs - state.sinceMs >= policy.probeMs
        ? start({ ...now, deathsMs: [], shortRuns: 0, probing: true }, nowMs, policy)
        : same(now);
    case "starting":
      return nowMs - state.sinceMs >= policy.readyMsMax
        ? death(
            now,
            { tag: "death", ordered: false, clean: false, cause: "never got ready" },
            nowMs,
          )
        : same(now);
    default:
      return same(now);
  }
}

function stop(now: Supervised): Step {
  const { state } = now;
  if (state.tag === "stopped") return same(now);
  const alive = state.tag === "starting" || state.tag === "running";
  return {
    next: { ...now, state: { tag: "stopped" } },
    effects: alive ? [{ tag: "fence" }] : [{ tag: "stopped" }],
  };
}
