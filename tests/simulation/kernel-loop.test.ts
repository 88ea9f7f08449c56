/**
 * The kernel's loop misses no fault: one that is reached between its look at the workers and its
 * sleep wakes it.
 */

import { describe, expect, it } from "vitest";
import { FAULT_REACHED } from "../../ipc/process-block.js";
import { opened, type Scheme } from "../../ipc/scheme.js";
import { simMachine } from "./sim-machine.js";
import { World } from "./world.js";

const idle: Scheme<string> = { open: (path) => opened(path, {}) };

/** A machine with one daemon at rest, and its kernel asleep. */
async function resting(seed: number) {
  const world = new World(seed);
  const machine = await simMachine(world, {
    daemons: [
      {
        manifest: { name: "idle", provides: ["idle"], restart: "permanent" },
        code: (gate) => gate.serve(idle as Scheme, true),
      },
    ],
    programs: {},
  });
  const victim = machine.kernel.processes.find("idle");
  if (victim === undefined) throw new RangeError("no daemon");
  await world.run(() => victim.supervised.state.tag === "running", 1000);
  return { world, machine, victim };
}

describe("kernel loop", () => {
  for (const moment of ["count", "parkAsync"] as const) {
    it(`a fault that is reached just before the kernel's "${moment}" is seen`, async () => {
      const { world, machine, victim } = await resting(1);
      const { bell } = machine;
      const original = bell[moment].bind(bell) as (count: number) => never;
      let reached = false;
      // What the victim's gate does at a fault point, at the worst moment for the kernel.
      const reach = (count: number): never => {
        const { slot } = victim;
        if (!reached && slot !== undefined) {
          reached = true;
          Atomics.store(slot.words, FAULT_REACHED, 1);
          bell.ring();
        }
        return original(count);
      };
      Object.assign(bell, { [moment]: reach });
      bell.ring();
      expect(await world.run(() => victim.incarnation === 2, 1000)).toBe(true);
    });
  }
});
