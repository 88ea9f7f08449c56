/**
 * Watches a machine's process from outside: takes its beats and looks at its threads' times.
 */

import { readFileSync } from "node:fs";
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
    const main = { ...timesOf(pid, pid), progress: this.#beats, elapsedMs };
    this.#main = suspect(this.#main, main);
    if (this.#main.stillMs >= STALL_MS) this.#verdict("the machine's host thread");
    // The kernel is judged by news only.
    if (this.#beats === this.#beatsSeen) return;
    this.#beatsSeen = this.#beats;
    const { tick, thread } = this.#last;
    const kernel = { ...timesOf(pid, thread), progress: tick, elapsedMs };
    this.#kernel = suspect(this.#kernel, kernel);
    if (this.#kernel.stillMs >= STALL_MS) this.#verdict("the kernel's tick");
  }

  #verdict(what: string): void {
    this.stop();
    this.#options.stalled(`${what} stood still for ${(STALL_MS / 1000).toFixed(0)} s`);
  }
}

/** Looks a thread up in /proc. Without one it counts as waiting: then all of the time counts. */
function threadTimes(pid: number, thread: number): ThreadTimes {
  if (thread === 0) return { ranNs: 0, state: "waits" };
  try {
    const folder = `/proc/${pid}/task/${thread}`;
    const times = readFileSync(`${folder}/schedstat`, "utf8");
    const stat = readFileSync(`${folder}/stat`, "utf8");
    // The state stands behind the name, which is in parentheses and may hold any character.
    const letter = stat[stat.lastIndexOf(")") + 2] ?? "S";
    const state = "RD".includes(letter) ? "runs" : "Tt".includes(letter) ? "stopped" : "waits";
    return { ranNs: Number(times.split(" ")[0]), state };
  } catch {
    return { ranNs: 0, state: "waits" };
  }
}
