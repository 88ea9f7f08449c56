/**
 * Null calls with 64 in flight: what the channel carries when nobody waits for a single request.
 */

import { pingProbe, piscinaProbe } from "../baselines/ping.js";
import { CLIENT_DAEMON } from "../daemons.js";
import { askDaemon, bootBench, runProgram, spanOf } from "../machine.js";
import type { Case } from "../probe.js";

const CALLER = new URL("../programs/null-caller.js", import.meta.url);
const DEPTH = 64;

/** A blocking client that waits for the oldest of its requests. */
export const pipelined: Case = {
  name: "pipelined-64",
  unit: "requests/s",
  async prepare(effort) {
    const machine = await bootBench();
    const { warmMs, runMs } = effort;
    const pool = piscinaProbe(effort, DEPTH);
    return {
      subject: { name: "anode", sample: () => runProgram(machine, CALLER, [DEPTH, warmMs, runMs]) },
      baselines: [
        pingProbe("ring", "ring", spanOf(effort)),
        pingProbe("postMessage", "post", spanOf(effort), DEPTH),
        pool.probe,
      ],
      async close() {
        await pool.close();
        await machine.close();
      },
    };
  },
};

/** A daemon with 64 promises. */
export const pipelinedAsync: Case = {
  name: "pipelined-64-async",
  unit: "requests/s",
  async prepare(effort) {
    const machine = await bootBench({ client: true });
    const measurement = { url: "benchnull:/", bytes: 0, depth: DEPTH, ...spanOf(effort) };
    const pool = piscinaProbe(effort, DEPTH);
    return {
      subject: { name: "anode", sample: () => askDaemon(machine, CLIENT_DAEMON, measurement) },
      baselines: [
        pingProbe("ring", "ring", spanOf(effort)),
        pingProbe("postMessage", "post", spanOf(effort), DEPTH),
        pool.probe,
      ],
      async close() {
        await pool.close();
        await machine.close();
      },
    };
  },
};
