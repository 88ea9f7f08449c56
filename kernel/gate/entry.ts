/**
 * What a process worker runs first: sets the gate up, waits for the mail that says what to become,
 * and only then loads that code. Whatever ends the code ends the thread, with its last words
 * written.
 */

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { installGate } from "../../ipc/abi.js";
import { hostTimers, hostTurn } from "../../ipc/clock.js";
import type { LinkedModule } from "../../ipc/confined.js";
import { Doorbell } from "../../ipc/doorbell.js";
import { MachineClock } from "../../ipc/machine-clock.js";
import type { Mail, StartMail } from "../../ipc/mail.js";
import { processWords, THREAD_ID, writeDeathRecord } from "../../ipc/process-block.js";
import type { WorkerParts } from "../loader.js";
import { composeGate } from "./compose.js";
import type { Confined } from "./confined/confine.js";
import { threadId } from "./thread-id.js";

const {
  bell: bellMemory,
  block,
  kernelChannel,
  kernelBell: kernelBellMemory,
  port,
  clock: clockMemory,
  preload,
  confined: runtime,
} = workerData as WorkerParts;
const words = processWords(block);
const bell = new Doorbell(bellMemory);
const kernelBell = new Doorbell(kernelBellMemory);

// Daemon code must find neither the port nor a way to the kernel's event loop.
for (const key of Object.keys(workerData as object)) {
  delete (workerData as Record<string, unknown>)[key];
}
parentPort?.close();
words[THREAD_ID] = threadId();
process.on("uncaughtException", die);
process.on("unhandledRejection", die);

let started: StartMail | undefined;
/** Set in a worker for confined code. */
let confined: Confined | undefined;
const gate = composeGate({
  bell,
  block,
  kernelChannel,
  kernelBell,
  clock: new MachineClock(clockMemory),
  timers: hostTimers,
  turn: hostTurn,
  mayBlock: true,
  receive: () => receiveMessageOnPort(port)?.message as Mail | undefined,
  started: (mail) => {
    started = mail;
  },
  bug: die,
});
installGate(gate);

for (const url of preload) await import(url);
if (runtime !== undefined) confined = await confineThread(runtime);

// Warm: everything above is loaded. Sleep until the kernel says what this worker is to be.
while (started === undefined) {
  const count = bell.count();
  if (gate.mailWaits()) gate.readMail();
  else bell.park(count, Number.POSITIVE_INFINITY);
}
// An event loop with nothing but an untimed waitAsync would end.
setInterval(() => undefined, 2 ** 30);
if (confined !== undefined) void confined.run(started as StartMail);
else import((started as StartMail).entry).catch(die);

/** What is loaded for confined code only. */
async function confineThread(modules: readonly LinkedModule[]): Promise<Confined> {
  const { confine } = await import("./confined/confine.js");
  return await confine({ gate, runtime: modules, die: end });
}

/** Writes why, tells the kernel, and ends this thread. */
function die(error: unknown): never {
  end(lastWords(error));
}

function end(words: string): never {
  writeDeathRecord(block, words);
  kernelBell.ring();
  process.exit(1);
}

/** Describes anything that can be thrown, without letting it run code for long. */
function lastWords(error: unknown): string {
  // What confined code threw is described by confined code: looking at it would run it here.
  if (confined !== undefined) return confined.words(error);
  try {
    if (error instanceof Error) return error.stack ?? `${error.name}: ${error.message}`;
    return `threw ${String(error)}`;
  } catch {
    return "threw something that cannot be shown";
  }
}
