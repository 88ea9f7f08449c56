/** Background jobs of one shell. */

import type { Child } from "../system.js";

/** A pipeline in the background. */
export interface Job {
  readonly number: number;
  readonly source: string;
  readonly children: readonly Child[];
}

/** The jobs that have not been reported as ended. */
export class JobTable {
  #jobs: Job[] = [];

  /** Adds a job under the lowest number above all others. */
  add(source: string, children: readonly Child[]): Job {
    const number = (this.#jobs.at(-1)?.number ?? 0) + 1;
    const job: Job = { number, source, children };
    this.#jobs.push(job);
    return job;
  }

  all(): readonly Job[] {
    return this.#jobs;
  }

  find(number: number): Job | undefined {
    return this.#jobs.find((job) => job.number === number);
  }

  remove(job: Job): void {
    this.#jobs = this.#jobs.filter((one) => one !== job);
  }

  /** Takes out the jobs that have ended, with a line for each. */
  reap(): string[] {
    const lines: string[] = [];
    for (const job of this.#jobs) {
      const state = jobState(job);
      if (state === "running") continue;
      this.remove(job);
      lines.push(formatJob(job, state));
    }
    return lines;
  }
}

/** Says how a job stands: `running`, `done`, or `status N`. */
export function jobState(job: Job): string {
  const statuses = job.children.map((child) => child.poll());
  if (statuses.includes(undefined)) return "running";
  const status = statuses.at(-1)?.status ?? 0;
  return status === 0 ? "done" : `status ${status}`;
}

/** Formats a job as `jobs` shows it. */
export function formatJob(job: Job, state: string): string {
  return `[${job.number}] ${state.padEnd(10)} ${job.source}\n`;
}
