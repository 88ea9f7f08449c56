/**
 * Null calls: a request that carries nothing to a daemon and back. From a program that blocks,
 * from a daemon with promises, and from the host's own event loop; with both cores free and
 * without.
 */

import { startBusyThreads } from "../baselines/busy.js";
import { pingProbe, piscinaProbe } from "../baselines/ping.js";
import { CLIENT_DAEMON } from "../daemons.js";
import { askDaemon, bootBench, runProgram, spanOf } from "../machine.js";
import type { Case, Effort, Prepared } from "../probe.js";
import { sampleAsyncCalls } from "../sampling.js";

const CALLER = new URL("../programs/null-caller.js", import.meta.url);
/** Beside two that call each other, on two cores. */
const BUSY_THREADS = 2;

async function prepareBlocking(effort: Effort): Promise<Prepared> {
  const machine = await bootBench();
  const pool = piscinaProbe(effort);
  const { warmMs, runMs } = effort;
  return {
    subject: { name: "anode", sample: () => runProgram(machine, CALLER, [1, warmMs, runMs]) },
    baselines: [
      pingProbe("spin", "spin", spanOf(effort)),
      pingProbe("park", "park", spanOf(effort)),
      pingProbe("postMessage", "post", spanOf(effort)),
      pool.probe,
    ],
    async close() {
      await pool.close();
      await machine.close();
    },
  };
}

/** A program that blocks for each call. */
export const nullCall: Case = { name: "null-call", unit: "ns", prepare: prepareBlocking };

/** The same with more runnable threads than cores. */
export const nullCallOversubscribed: Case = {
  name: "null-call-oversubscribed",
  unit: "ns",
  async prepare(effort) {
    const prepared = await prepareBlocking(effort);
    const stop = await startBusyThreads(BUSY_THREADS);
    return {
      ...prepared,
      async close() {
        await stop();
        await prepared.close();
      },
    };
  },
};

/** A daemon that awaits each call. */
export const nullCallAsync: Case = {
  name: "null-call-async",
  unit: "ns",
  async prepare(effort) {
    const machine = await bootBench({ client: true });
    const measurement = { url: "benchnull:/", bytes: 0, depth: 1, ...spanOf(effort) };
    const pool = piscinaProbe(effort);
    return {
      subject: { name: "anode", sample: () => askDaemon(machine, CLIENT_DAEMON, measurement) },
      baselines: [
        pingProbe("spin", "spin", spanOf(effort)),
        pingProbe("park", "park", spanOf(effort)),
        pingProbe("postMessage", "post", spanOf(effort)),
        pool.probe,
      ],
      async close() {
        await pool.close();
        await machine.close();
      },
    };
  },
};

/** The program that booted the machine, from its event loop: what `machine.open` users get. */
export const nullCallHost: Case = {
  name: "null-call-host",
  unit: "ns",
  async prepare(effort) {
    const machine = await bootBench();
    const file = await machine.open("benchnull:/");
    const nothing = new Uint8Array(0);
    const pool = piscinaProbe(effort);
    return {
      subject: {
        name: "anode",
        sample: () => sampleAsyncCalls(() => file.read(nothing), effort),
      },
      baselines: [pingProbe("postMessage", "post", spanOf(effort)), pool.probe],
      async close() {
        await pool.close();
        await file.close();
        await machine.close();
      },
    };
  },
};
