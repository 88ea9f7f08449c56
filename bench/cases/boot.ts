/**
 * Boot: from the start of the process to what `echo` has written in the shell. Beside it, a cold
 * `node` that starts one empty worker and writes a line.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Case, Probe } from "../probe.js";

const ANODE = fileURLToPath(new URL("../../cli/anode.js", import.meta.url));
const COLD = fileURLToPath(new URL("../baselines/cold-node.js", import.meta.url));

/** Processes in one turn, at most; thirty in a full run are enough for a median. */
const REPEATS_MAX = 3;

/** `anode boot -c 'echo up'`, without a disk. */
export const bootTime: Case = {
  name: "boot",
  unit: "ms",
  async prepare(effort) {
    const repeats = Math.min(REPEATS_MAX, effort.repeats);
    return {
      subject: firstOutput("anode", [ANODE, "boot", "-c", "echo up"], repeats),
      baselines: [
        firstOutput("empty-worker", [COLD], repeats),
        firstOutput("bare-node", ["-e", "process.stdout.write('up')"], repeats),
      ],
      close: async () => undefined,
    };
  },
};

/** Times processes until the first byte of their output; each has ended before the next begins. */
function firstOutput(name: string, args: readonly string[], repeats: number): Probe {
  return {
    name,
    async sample() {
      const samples: number[] = [];
      for (let i = 0; i < repeats; i++) samples.push(await timeOne(args));
      return samples;
    },
  };
}

async function timeOne(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const spoke = once(child.stdout, "data").then(() => performance.now() - startMs);
  const silent = ended.then(([code]) => {
    throw new Error(`${args.join(" ")} ended with ${code} and no output`);
  });
  const elapsedMs = await Promise.race([spoke, silent]);
  silent.catch(() => undefined);
  await ended;
  return elapsedMs;
}
