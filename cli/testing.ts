/**
 * The test kit: boots a machine for one test, and orders deaths at exact points of a request's
 * life. Works with any test runner and imports none.
 */

import { AssertionError } from "../ipc/assert.js";
import type { TraceEvent } from "../ipc/trace-line.js";
import type { KillPoint } from "../user/system.js";
import { type BootOptions, boot } from "./boot.js";
import type { Machine } from "./machine.js";

/** How long `killAt` waits for the point to be reached and the victim to come back. */
const DEATH_MS_MAX = 30_000;

/** How long things may take to be taken apart before they count as left over. */
const LEAK_MS_MAX = 5000;

/** What became of an ordered death. */
export interface Death {
  /** Point at which it happened. */
  at: KillPoint | "hang";
  /** From the kernel noticing to the first request that could be served again, in milliseconds. */
  recoveredMs: number;
  /** Requests that the dead one had taken and the new one served again. */
  replayed: number;
  /** The flight recorder's lines from the fault to the end. */
  trace: readonly TraceEvent[];
}

/** Options of `killAt`. */
export interface KillAtOptions {
  /** The point must be passed this many times; default 1. */
  nth?: number;
  /** For "random": seed of the delay. */
  seed?: number;
}

/** A machine under test. */
export interface TestMachine extends Machine {
  /**
   * Has `name` end at a point of its next requests: "submitted" (published, not taken), "dequeued"
   * (taken, not handled), "handled" (done, not answered), "completed" (answered), or "random"
   * (after up to 20 ms, between any two instructions). Resolves when it is back.
   */
  killAt(name: string, point: KillPoint, options?: KillAtOptions): Promise<Death>;
  /**
   * Has `name` loop for ever at its next request; resolves when the watchdog has brought it back.
   */
  hang(name: string): Promise<Death>;
  /** Fails if processes, capabilities or pipe ends are left over since `bootForTest`. */
  expectNoLeaks(): Promise<void>;
}

/**
 * Boots a machine with the defaults of a test: no console, one spare that is warm from the start.
 */
export async function bootForTest(options: BootOptions = {}): Promise<TestMachine> {
  const machine = await boot(options);
  // From here on: a listener that came with the order could miss the first lines of a quick death.
  machine.trace(() => undefined);
  const baseline = await counters(machine);
  const load = machine.load.bind(machine);
  const deathOf = async (
    name: string,
    at: KillPoint | "hang",
    killOptions: KillAtOptions,
  ): Promise<Death> => {
    const { death, armed } = watchDeath(machine, name, at);
    try {
      await machine.kill(name, { at, ...killOptions });
    } catch (error) {
      armed(false);
      throw error;
    }
    return await death;
  };
  return Object.assign(machine, {
    killAt: (name: string, point: KillPoint, killOptions: KillAtOptions = {}) =>
      deathOf(name, point, killOptions),
    hang: (name: string) => deathOf(name, "hang", {}),
    // A daemon that was loaded is meant to stay.
    load: async (folder: URL) => {
      const before = await counters(machine);
      const daemon = await load(folder);
      for (const [name, value] of await counters(machine)) {
        baseline.set(name, (baseline.get(name) ?? 0) + value - (before.get(name) ?? 0));
      }
      return daemon;
    },
    expectNoLeaks: () => expectNoLeaks(machine, baseline),
  });
}

function watchDeath(
  machine: Machine,
  name: string,
  at: KillPoint | "hang",
): { death: Promise<Death>; armed: (stillOn: boolean) => void } {
  const trace: TraceEvent[] = [];
  let stop: () => void = () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const death = new Promise<Death>((resolve, reject) => {
    timer = setTimeout(() => {
      stop();
      const seen = trace.map(({ event }) => event).join(", ") || "nothing";
      const what = `${name} did not die at "${at}" and come back within ${DEATH_MS_MAX} ms`;
      reject(new AssertionError(`${what}; seen: ${seen}`));
    }, DEATH_MS_MAX);
    stop = machine.trace((event) => {
      if (event.subject !== name) return;
      if (trace.length === 0 && !BEGINNINGS.has(event.event)) return;
      trace.push(event);
      if (event.event !== "resume") return;
      stop();
      clearTimeout(timer);
      const [first] = trace as [TraceEvent];
      const replayed = Number(event.detail?.["replayed"] ?? 0);
      resolve({ at, recoveredMs: event.atMs - first.atMs, replayed, trace });
    });
  });
  return {
    death,
    armed: (stillOn) => {
      if (stillOn) return;
      stop();
      clearTimeout(timer);
    },
  };
}

/** Events with which a death begins. */
const BEGINNINGS: ReadonlySet<string> = new Set(["fault", "detect", "fence"]);

/** Counters that must come back to where they were. */
const LEAKS = ["processes", "capabilities", "pipe_ends"];

async function counters(machine: Machine): Promise<Map<string, number>> {
  const file = await machine.open("sys:/counters");
  const text = (await file.readAll()).toString();
  await file.close();
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line) => line.split("\t") as [string, string])
      .map(([name, value]) => [name, Number(value)]),
  );
}

async function expectNoLeaks(machine: Machine, baseline: Map<string, number>): Promise<void> {
  // What has ended is taken apart beside the answers: it may take some more turns.
  const endMs = performance.now() + LEAK_MS_MAX;
  for (;;) {
    const now = await counters(machine);
    const grown = LEAKS.filter((name) => (now.get(name) ?? 0) > (baseline.get(name) ?? 0));
    if (grown.length === 0) return;
    if (performance.now() < endMs) continue;
    const list = grown.map((name) => `${name}: ${baseline.get(name)} → ${now.get(name)}`);
    throw new AssertionError(`left over: ${list.join(", ")}`);
  }
}
