/**
 * Watches a machine's process from outside: takes its beats and looks at its threads' times.
 */

import { readdirSync, readFileSync } from "node:fs";
import type { BeatBody } from "./messages.js";
import { type Suspect, suspect, type ThreadTimes } from "./stall.js";

/** A machine that stands still for this long, of its own time, is rebooted. */
const STALL_MS = 1000;
/** Between two looks. A longer pause (this process did not run) counts as two. */
const LOOK_MS = 100;

/** What to watch. */
export interface WatchOptions {
  /** Process id; it is also the host thread's. */
  pid: number;
  /** Called once, with what stands still, in words. */
  stalled: (what: string) => void;
  timesOf?: (pid: number, thread: number) => ThreadTimes;
}

/** Watches one process until `stop`. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #timer: NodeJS.Timeout;
  #beats = 0;
  #beatsSeen = -1;
  #last: BeatBody = { tick: 0, thread: 0 };
  #main: Suspect | undefined;
  #kernel: Suspect | undefined;
  #lastMs = performance.now();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** The machine's host thread has reported. */
  beat(beat: BeatBody): void {
    this.#beats++;
    this.#last = beat;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { pid, timesOf = threadTimes } = this.#options;
    const nowMs = performance.now();
    const elapsedMs = Math.min(nowMs - this.#lastMs, 2 * LOOK_MS);
    this.#lastMs = nowMs;
    const look = (known: Suspect | undefined, progress: number, thread: number): Suspect =>
      suspect(known, { progress, elapsedMs, times: () => timesOf(pid, thread) });
    this.#main = look(this.#main, this.#beats, pid);
    if (this.#main.stillMs >= STALL_MS) this.#verdict("the machine's host thread");
    // The kernel is judged by news only.
    if (this.#beats === this.#beatsSeen) return;
    this.#beatsSeen = this.#beats;
    this.#kernel = look(this.#kernel, this.#last.tick, this.#last.thread);
    if (this.#kernel.stillMs >= STALL_MS) this.#verdict("the kernel's tick");
  }

  #verdict(what: string): void {
    this.stop();
    this.#options.stalled(`${what} stood still for ${(STALL_MS / 1000).toFixed(0)} s`);
  }
}

/** Looks a thread up in /proc. Without one it counts as waiting: then all of the time counts. */
function threadTimes(pid: number, thread: number): ThreadTimes {
  const folder = `/proc/${pid}/task`;
  try {
    const stat = readFileSync(`${folder}/${thread}/stat`, "utf8");
    // The state stands behind the name, which is in parentheses and may hold any character.
    const letter = stat[stat.lastIndexOf(")") + 2] ?? "S";
    const state = "RD".includes(letter) ? "runs" : "Tt".includes(letter) ? "stopped" : "waits";
    const all = readdirSync(folder).map((each) => schedule(`${folder}/${each}`).delayedNs);
    const delayedNs = all.reduce((sum, each) => sum + each, 0);
    return { ranNs: schedule(`${folder}/${thread}`).ranNs, state, delayedNs };
  } catch {
    return { ranNs: 0, state: "waits", delayedNs: 0 };
  }
}

/** Time on a processor and time ready without one; 0 for a thread that has ended by now. */
function schedule(folder: string): { ranNs: number; delayedNs: number } {
  try {
    const [ranNs, delayedNs] = readFileSync(`${folder}/schedstat`, "utf8").split(" ").map(Number);
    return { ranNs: ranNs ?? 0, delayedNs: delayedNs ?? 0 };
  } catch {
    return { ranNs: 0, delayedNs: 0 };
  }
}
