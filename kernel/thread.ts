/** The kernel thread: sets the kernel up from what the host hands over, and runs its loop. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { hostClock, hostTimers, hostTurn, seededRandom } from "../ipc/clock.js";
import { Doorbell } from "../ipc/doorbell.js";
import { MachineClock } from "../ipc/machine-clock.js";
import type { Mail } from "../ipc/mail.js";
import type { ChannelMemory } from "../ipc/ring-block.js";
import { tick } from "../ipc/tick.js";
import type { TraceEvent } from "../ipc/trace-line.js";
import { composeKernel, type Surroundings } from "./compose.js";
import { Devices } from "./devices.js";
import { threadId } from "./gate/thread-id.js";
import type { Kernel } from "./kernel.js";
import type { BootRecord } from "./kernel-parts.js";
import { type Confinement, Loader } from "./loader.js";
import { checkOrder, type Package } from "./manifest.js";
import { Watchdog } from "./watchdog.js";

/** What the host hands over. */
export interface KernelBoot {
  bell: SharedArrayBuffer;
  hostPort: MessagePort;
  hostBell: SharedArrayBuffer;
  hostChannel: ChannelMemory;
  boardPort: MessagePort;
  boardBell: SharedArrayBuffer;
  /** Of the machine (ipc/machine-clock.ts). */
  clock: SharedArrayBuffer;
  packages: Package[];
  programs: string;
  programNames: string[];
  programRuntime: string;
  confinement: Confinement;
  spares: number;
  seed: number;
  boots: BootRecord;
  /** Whoever watches the kernel looks here. */
  tick: SharedArrayBuffer;
}

/** Host to kernel thread, beside the channel. */
export type ToKernel = { kind: "halt" } | { kind: "trace" };

/** Kernel thread to host. */
export type FromKernel =
  | { kind: "ready" }
  | { kind: "halted" }
  | { kind: "stuck"; name: string }
  | { kind: "trace"; event: TraceEvent };

/** Milliseconds between two ticks. */
const TICK_MS = 50;

/** Spares are made this long after the boot, in milliseconds. */
const WARM_AFTER_MS = 100;

const tell = (message: FromKernel): void => parentPort?.postMessage(message);

async function main(): Promise<void> {
  const boot = workerData as KernelBoot;
  const { kernel, run } = composeKernel(surroundings(boot));
  const thread = threadId();
  setInterval(() => {
    tick(boot.tick, thread);
  }, TICK_MS);
  addHost(kernel, boot);
  parentPort?.on("message", (message: ToKernel) => {
    if (message.kind === "trace") kernel.recorder.listen((event) => tell({ kind: "trace", event }));
    else void halt(kernel).then(() => tell({ kind: "halted" }));
  });
  await kernel.devices.ready;
  checkOrder(boot.packages);
  const codes = await kernel.codeOf(boot.packages);
  for (const pack of boot.packages) {
    const process = kernel.addPackage(pack, codes.get(pack));
    if (pack.manifest.start !== "demand") kernel.lifecycle.handle(process, { tag: "start" });
  }
  tell({ kind: "ready" });
  new Watchdog(kernel).start();
  // Not at once: the first programs of a boot need the processors more.
  hostTimers.after(WARM_AFTER_MS, () => {
    kernel.parts.loader.warm();
  });
  await run();
}

function surroundings(boot: KernelBoot): Surroundings {
  const clock = new MachineClock(boot.clock);
  // From here on the kernel keeps it going; loading this thread was no standstill.
  clock.tick();
  return {
    ...boot,
    bell: new Doorbell(boot.bell),
    clock,
    tick: () => {
      clock.tick();
    },
    hostClock,
    date: () => new Date(),
    timers: hostTimers,
    turn: hostTurn,
    random: seededRandom(boot.seed),
    slots: new Loader({
      kernelBell: boot.bell,
      clock: boot.clock,
      timers: hostTimers,
      entry: new URL("./gate/entry.js", import.meta.url),
      spares: boot.spares,
      confinement: boot.confinement,
    }),
    devices: new Devices(boot.boardPort, boot.boardBell),
    stuck: (name) => {
      tell({ kind: "stuck", name });
    },
  };
}

function addHost(kernel: Kernel, boot: KernelBoot): void {
  const bell = new Doorbell(boot.hostBell);
  kernel.addHost({
    bell,
    kernelChannel: boot.hostChannel,
    mail: (mail: Mail) => {
      boot.hostPort.postMessage(mail);
      bell.ringMail();
    },
  });
}

async function halt(kernel: Kernel): Promise<void> {
  await kernel.lifecycle.stopAll();
  await kernel.devices.halt();
}

void main();
