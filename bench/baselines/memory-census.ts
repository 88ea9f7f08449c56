/**
 * Counts what idle processes (or parked workers) add to this process's resident memory and prints
 * the bytes for each of them. Run as a process of its own, so that nothing else is counted.
 */

import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { boot } from "../../cli/boot.js";

const IDLE = new URL("../programs/idle.js", import.meta.url);
const PARKED = new URL("./parked-worker.js", import.meta.url);
const LOOK_MS = 100;
const LOOKS_MAX = 50;
/** Two looks that differ by less are the same. */
const CALM_BYTES = 2 ** 18;

const [kind, count = "8"] = process.argv.slice(2);
const bytes = await (kind === "worker"
  ? ofWorkers(Number(count))
  : ofAnode(Number(count), kind === "confined" ? "confined" : "thread"));
process.stdout.write(String(Math.round(bytes)));
// Parked workers would keep the process, and nothing of it is worth an orderly end.
process.exit(0);

/** The first program is not counted: with it comes what all of them share. */
async function ofAnode(processes: number, isolation: "thread" | "confined"): Promise<number> {
  const machine = await boot();
  const start = (): void => {
    void machine.run(IDLE, { stdio: "null:/", isolation });
  };
  const running = (count: number): Promise<void> =>
    allRunning(async () => {
      const all = await machine.processes();
      return all.filter(({ name }) => name.startsWith("idle")).length === count;
    });
  start();
  await running(1);
  const before = await settledRss();
  for (let i = 0; i < processes; i++) start();
  await running(processes + 1);
  return ((await settledRss()) - before) / processes;
}

async function ofWorkers(workers: number): Promise<number> {
  const start = async (): Promise<void> => {
    await once(new Worker(PARKED), "online");
  };
  await start();
  const before = await settledRss();
  for (let i = 0; i < workers; i++) await start();
  return ((await settledRss()) - before) / workers;
}

async function allRunning(running: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < LOOKS_MAX && !(await running()); i++) await pause(LOOK_MS);
}

/** Resident memory once it has stopped to change. */
async function settledRss(): Promise<number> {
  let last = 0;
  for (let i = 0; i < LOOKS_MAX; i++) {
    await pause(LOOK_MS);
    const now = process.memoryUsage.rss();
    if (Math.abs(now - last) < CALM_BYTES) return now;
    last = now;
  }
  return last;
}
