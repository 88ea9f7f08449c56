/**
 * When a machine is rebooted, and when it is given up: a pure state machine. Reboots have a budget,
 * so that what kills every machine at once does not go on for ever.
 */

/** How often a machine may die. */
export interface RebootBudget {
  /** Deaths within the window after which it is rebooted; one more is giving up. */
  deathsMax: number;
  /** Length of the window, in milliseconds. */
  windowMs: number;
}

/** What holds when nobody says otherwise. */
export const REBOOT_BUDGET: RebootBudget = { deathsMax: 5, windowMs: 10_000 };

/** A machine that dies before it serves is rebooted after 10 ms, 20, 40 … at most this. */
const BACKOFF_FIRST_MS = 10;
const BACKOFF_MS_MAX = 1000;

/**
 * booting → serving → rebooting → serving; serving, rebooting → given-up; any → closed. `deaths`
 * are the moments of the window; `failures` the boots in a row that did not get to serve.
 */
export type RingState =
  | { tag: "booting" }
  | { tag: "serving"; deaths: readonly number[] }
  | { tag: "rebooting"; deaths: readonly number[]; failures: number }
  | { tag: "given-up" }
  | { tag: "closed" };

/** What happens to it. */
export type RingEvent =
  | { tag: "served" }
  /** The machine's process has ended. */
  | { tag: "died"; atMs: number }
  /** The machine says that it cannot boot. */
  | { tag: "refused" }
  | { tag: "close" };

/** What to do. "fail": the first boot has failed, and boot() says so. */
export type RingEffect =
  | { tag: "none" }
  | { tag: "fail" }
  | { tag: "reboot"; afterMs: number }
  | { tag: "give-up" };

const NONE: RingEffect = { tag: "none" };

/** One step. */
export function step(
  state: RingState,
  event: RingEvent,
  budget: RebootBudget,
): [RingState, RingEffect] {
  if (state.tag === "closed" || state.tag === "given-up") return [state, NONE];
  switch (event.tag) {
    case "close":
      return [{ tag: "closed" }, NONE];
    case "served":
      return [{ tag: "serving", deaths: state.tag === "booting" ? [] : state.deaths }, NONE];
    case "refused":
      if (state.tag === "booting") return [{ tag: "closed" }, { tag: "fail" }];
      return [{ tag: "given-up" }, { tag: "give-up" }];
    case "died":
      if (state.tag === "booting") return [{ tag: "closed" }, { tag: "fail" }];
      return died(state, event.atMs, budget);
  }
}

function died(
  state: RingState & { tag: "serving" | "rebooting" },
  atMs: number,
  { deathsMax, windowMs }: RebootBudget,
): [RingState, RingEffect] {
  const deaths = [...state.deaths.filter((before) => atMs - before < windowMs), atMs];
  if (deaths.length > deathsMax) return [{ tag: "given-up" }, { tag: "give-up" }];
  if (state.tag === "serving") {
    return [
      { tag: "rebooting", deaths, failures: 0 },
      { tag: "reboot", afterMs: 0 },
    ];
  }
  const failures = state.failures + 1;
  const afterMs = Math.min(BACKOFF_FIRST_MS * 2 ** (failures - 1), BACKOFF_MS_MAX);
  return [
    { tag: "rebooting", deaths, failures },
    { tag: "reboot", afterMs },
  ];
}
