/** `dd` from `zero:` to `null:`: a blocking program that moves blocks through two daemons. */

import { hostDdProbes, passesProbe, postedProbe } from "../baselines/copy.js";
import { bootBench, runProgram, spanOf } from "../machine.js";
import type { Case } from "../probe.js";

const LOOP = new URL("../programs/dd-loop.js", import.meta.url);
const SMALL_BYTES = 4 * 2 ** 10;
const LARGE_BYTES = 4 * 2 ** 20;
/** What the host's `dd` moves in a millisecond of run time, roughly. */
const HOST_BYTES_PER_MS = { small: 2 ** 20, large: 8 * 2 ** 20 };

function dd(name: string, blockBytes: number, hostBytesPerMs: number): Case {
  return {
    name,
    unit: "bytes/s",
    async prepare(effort) {
      const machine = await bootBench();
      const { warmMs, runMs } = effort;
      const args = ["zero:/", "null:/", blockBytes, warmMs, runMs];
      return {
        subject: { name: "anode", sample: () => runProgram(machine, LOOP, args) },
        baselines: [
          passesProbe(blockBytes, spanOf(effort)),
          postedProbe(blockBytes, spanOf(effort)),
          ...hostDdProbes(blockBytes, runMs * hostBytesPerMs),
        ],
        close: () => machine.close(),
      };
    },
  };
}

/** Blocks of 4 KiB: mostly requests. */
export const ddSmall: Case = dd("dd-4k", SMALL_BYTES, HOST_BYTES_PER_MS.small);
/** Blocks of 4 MiB: mostly memory. */
export const ddLarge: Case = dd("dd-4m", LARGE_BYTES, HOST_BYTES_PER_MS.large);
