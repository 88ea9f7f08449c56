/**
 * Random probes: programs and daemons try everything that their numbers might let them do, and an
 * oracle knows what they may. A run is repeated by its seed.
 */

import { closeAll, controlProbe } from "./control-probes.js";
import { Ground } from "./ground.js";
import { releaseWaiting, requestProbe } from "./request-probes.js";

/** One probe in so many is a system call or a death. */
const CONTROL_EACH = 25;
/** Requests that may wait at once: a ring must never be full of them. */
const WAITING_MAX = 24;
/** The tables are compared this often. */
const COMPARE_EACH = 2000;
/** A world is given up for a fresh one after so many: then everything must be back. */
const WORLD_PROBES = 100_000;

/** How to run. */
export interface ProbeOptions {
  count: number;
  seed: number;
  /** The canary: revoked capabilities are put back behind the oracle's back. */
  sabotage?: boolean;
  progress?: (count: number) => void;
}

/** What came of it. */
export interface ProbeResult {
  count: number;
  allowed: number;
  /** Capabilities that were made, and those of them that were revoked. */
  made: number;
}

/** Runs probes. Rejects with the number of the probe and the seed when the oracle disagrees. */
export async function probe(options: ProbeOptions): Promise<ProbeResult> {
  const total: ProbeResult = { count: 0, allowed: 0, made: 0 };
  for (let world = 0; total.count < options.count; world++) {
    const count = Math.min(WORLD_PROBES, options.count - total.count);
    // Each world's seed can be given alone.
    const seed = (options.seed + world) >>> 0;
    const result = await oneWorld({ ...options, count, seed }, total.count);
    total.count += count;
    total.allowed += result.allowed;
    total.made += result.made;
  }
  return total;
}

async function oneWorld(options: ProbeOptions, before: number): Promise<ProbeResult> {
  const ground = new Ground(options.seed);
  ground.sabotage = options.sabotage ?? false;
  await ground.start();
  await ground.connectAll();
  const baseline = ground.world.capabilities.size;
  while (ground.count < options.count) {
    ground.count++;
    if (ground.random.below(CONTROL_EACH) === 0) await controlProbe(ground);
    else requestProbe(ground);
    if (ground.waiting.length > WAITING_MAX || ground.random.below(200) === 0) {
      await releaseWaiting(ground);
    }
    if (ground.count % COMPARE_EACH === 0) {
      ground.compare();
      options.progress?.(before + ground.count);
    }
  }
  await releaseWaiting(ground);
  await closeAll(ground);
  ground.what = "the end";
  for (const [name, vault] of ground.vaults) {
    if (vault.open !== 0) ground.fail(`${vault.open} objects of ${name} are still open`);
  }
  if (ground.world.bugs.length > 0)
    ground.fail(`a gate has a bug: ${String(ground.world.bugs[0])}`);
  ground.revokeAll();
  const left = ground.world.capabilities.size;
  if (left !== baseline) ground.fail(`${left} capabilities are left, there were ${baseline}`);
  await ground.world.close();
  return { count: ground.count, allowed: ground.allowed, made: ground.made };
}
