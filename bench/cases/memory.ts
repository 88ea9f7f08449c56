/**
 * Memory of an idle process: a child boots, notes its resident memory, starts so many idle
 * programs, and notes it again. Beside it, the same with plain workers that are parked.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Case, Probe } from "../probe.js";

const CENSUS = fileURLToPath(new URL("../baselines/memory-census.js", import.meta.url));
const PROCESSES_MAX = 24;

/** Bytes that one more idle process takes. */
export const memory: Case = {
  name: "memory",
  unit: "bytes",
  async prepare({ repeats }) {
    const count = Math.min(PROCESSES_MAX, 4 * repeats);
    return {
      subject: census("anode", "anode", count),
      baselines: [census("empty-worker", "worker", count)],
      close: async () => undefined,
    };
  },
};

/** Measures in a process of its own. @param kind - what is to be idle */
export function census(name: string, kind: "anode" | "confined" | "worker", count: number): Probe {
  return {
    name,
    async sample() {
      const run = promisify(execFile);
      const { stdout } = await run(process.execPath, [CENSUS, kind, String(count)]);
      return [Number(stdout)];
    },
  };
}
