/**
 * The fault log: what somebody should look at. Requests that were given up as poison, and stores
 * that were set aside. Bounded; `sys:/faults` shows it.
 */

import { FAULTS_KEPT } from "../ipc/limits.js";

/** One entry. */
export interface Fault {
  /** Milliseconds since boot. */
  atMs: number;
  /** The process at fault. */
  subject: string;
  kind: "poison" | "store";
  detail: Readonly<Record<string, string | number>>;
  /** A store that was set aside, for a debugger. */
  memory?: SharedArrayBuffer;
}

/** The last faults. */
export class FaultLog {
  readonly #now: () => number;
  readonly #faults: Fault[] = [];

  /** @param now - milliseconds since boot */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(fault: Omit<Fault, "atMs">): void {
    this.#faults.push({ atMs: this.#now(), ...fault });
    if (this.#faults.length > FAULTS_KEPT) this.#faults.shift();
  }

  all(): readonly Fault[] {
    return this.#faults;
  }

  /** One line for each. */
  text(): string {
    return this.#faults
      .map(({ atMs, subject, kind, detail }) => {
        const fields = Object.entries(detail).map(
          ([key, value]) => `${key}=${JSON.stringify(value)}`,
        );
        return `+${atMs.toFixed(3)} ${subject} ${kind} ${fields.join(" ")}\n`;
      })
      .join("");
  }
}
