/**
 * The watchdog: finds daemons that hang. A daemon hangs when a dispatch was entered and not left,
 * or requests are published and not taken, and its dispatch loop made no progress for 150 ms of its
 * own time. Time in which the thread wanted to run and could not is not counted, nor is time in
 * which the kernel itself did not tick: a starved or suspended machine kills nobody.
 */

import { readFile } from "node:fs/promises";
import { HANG_MS } from "../ipc/limits.js";
import { DISPATCHING, PROGRESS, THREAD_ID } from "../ipc/process-block.js";
import { CQ_HEAD, CQ_TAIL, SQ_HEAD, SQ_TAIL } from "../ipc/ring-block.js";
import type { Kernel } from "./kernel.js";
import type { Process } from "./process.js";

/** The kernel's tick. A longer pause between two ticks counts as one. */
const TICK_MS = 25;

/** What is known of a daemon that may hang. */
interface Suspect {
  incarnation: number;
  progress: number;
  suspectMs: number;
  ranNs: number;
}

/** Watches all daemons. */
export class Watchdog {
  readonly #kernel: Kernel;
  readonly #suspects = new Map<number, Suspect>();
  #lastMs = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  start(): void {
    this.#lastMs = this.#kernel.parts.now();
    this.#next();
  }

  #next(): void {
    const { timers, tick } = this.#kernel.parts;
    timers.after(TICK_MS, () => {
      tick();
      // Looking takes files: the next tick does not wait for it, the next look does.
      if (!this.#looking) void this.#tick();
      this.#next();
    });
  }

  #looking = false;
  async #tick(): Promise<void> {
    this.#looking = true;
    try {
      await this.#lookAtAll();
    } finally {
      this.#looking = false;
    }
  }

  async #lookAtAll(): Promise<void> {
    const nowMs = this.#kernel.parts.now();
    const elapsedMs = Math.min(nowMs - this.#lastMs, 2 * TICK_MS);
    this.#lastMs = nowMs;
    for (const process of this.#kernel.processes.all()) {
      if (process.facts.role !== "daemon" || process.slot === undefined) continue;
      if (process.supervised.state.tag !== "running") this.#suspects.delete(process.pid);
      else await this.#look(process, elapsedMs);
    }
  }

  async #look(process: Process, elapsedMs: number): Promise<void> {
    const words = process.slot?.words;
    if (words === undefined) return;
    const progress = Atomics.load(words, PROGRESS);
    const known = this.#suspects.get(process.pid);
    const stuck = Atomics.load(words, DISPATCHING) !== 0 || hasUntaken(process);
    if (!stuck) {
      this.#suspects.delete(process.pid);
      return;
    }
    const thread = await threadTimes(Atomics.load(words, THREAD_ID));
    const { incarnation } = process;
    const { ranNs } = thread;
    if (known?.progress !== progress || known.incarnation !== incarnation) {
      this.#suspects.set(process.pid, { incarnation, progress, suspectMs: 0, ranNs });
      return;
    }
    // One that wants to run and cannot is starved, not hung: only what it ran counts. One that
    // sleeps while there is work is hung all the time.
    known.suspectMs += thread.runnable ? (ranNs - known.ranNs) / 1e6 : elapsedMs;
    known.ranNs = ranNs;
    if (known.suspectMs < HANG_MS - TICK_MS) return;
    this.#suspects.delete(process.pid);
    if (process.incarnation !== incarnation) return;
    this.#kernel.recorder.record(process, "detect", { by: "watchdog" });
    const cause = `hung: no progress for ${Math.round(known.suspectMs)} ms`;
    this.#kernel.lifecycle.die(process, { ordered: false, clean: false, cause });
  }
}

/** A hint: some client has published what this provider has not taken. */
function hasUntaken(process: Process): boolean {
  for (const { memory } of process.clients.values()) {
    if (memory === undefined) continue;
    const words = new Int32Array(memory.ring);
    // A client that does not collect its completions holds its provider up, not the reverse.
    if (Atomics.load(words, CQ_TAIL) !== Atomics.load(words, CQ_HEAD)) continue;
    if (Atomics.load(words, SQ_TAIL) !== Atomics.load(words, SQ_HEAD)) return true;
  }
  return false;
}

/**
 * How long a thread has run, and whether it runs or wants to. Without /proc: it counts as asleep.
 */
async function threadTimes(threadId: number): Promise<{ ranNs: number; runnable: boolean }> {
  if (threadId === 0) return { ranNs: 0, runnable: false };
  try {
    const folder = `/proc/self/task/${threadId}`;
    const times = await readFile(`${folder}/schedstat`, "utf8");
    const stat = await readFile(`${folder}/stat`, "utf8");
    // The state stands behind the name, which is in parentheses and may hold any character.
    const state = stat[stat.lastIndexOf(")") + 2];
    return { ranNs: Number(times.split(" ")[0]), runnable: state === "R" || state === "D" };
  } catch {
    return { ranNs: 0, runnable: false };
  }
}
