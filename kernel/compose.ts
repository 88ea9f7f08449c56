/**
 * Composes the kernel of its parts and runs its loop. What differs between a kernel thread and a
 * simulation (clock, timers, where processes run, the way to the board) comes from outside.
 */

import type { Clock, Random, Timers } from "../ipc/clock.js";
import type { Doorbell } from "../ipc/doorbell.js";
import { ENOSYS } from "../ipc/errno.js";
import { KERNEL_PID } from "../ipc/mail.js";
import { allocateProcessBlock, processWords } from "../ipc/process-block.js";
import type { Scheme } from "../ipc/scheme.js";
import { CapabilityTable } from "./capability.js";
import type { Devices } from "./devices.js";
import type { SyscallHandler } from "./gate/dispatcher.js";
import { FaultPoints } from "./gate/fault-points.js";
import { Provider, type ProviderHost } from "./gate/provider.js";
import { Kernel } from "./kernel.js";
import type { BootRecord } from "./kernel-parts.js";
import { irqScheme, memoryScheme } from "./schemes/hardware.js";
import { pipeScheme } from "./schemes/pipe.js";
import { sysScheme } from "./schemes/sys.js";
import { timeScheme } from "./schemes/time.js";
import type { Slots } from "./slot.js";
import { syscallHandler } from "./syscalls.js";

const SCHEMES = ["event", "irq", "memory", "pipe", "time", "sys", "log"];

/** What is not the kernel's own. */
export interface Surroundings {
  bell: Doorbell;
  /** The machine's clock, and what keeps it going. */
  clock: Clock;
  tick(): void;
  hostClock: Clock;
  date(): Date;
  timers: Timers;
  /** Takes a macrotask turn. */
  turn(): Promise<void>;
  random: Random;
  slots: Slots;
  devices: Devices;
  /** URL of the folder of programs, their names, and the module that runs one. */
  programs: string;
  programNames: readonly string[];
  programRuntime: string;
  boots: BootRecord;
  /** A worker cannot be ended. */
  stuck(name: string): void;
}

/** A kernel that can run. */
export interface ComposedKernel {
  kernel: Kernel;
  /** Serves system calls and kernel schemes, for ever. */
  run(): Promise<never>;
}

/** What the kernel's own provider needs before the kernel itself is made. */
interface Late {
  kernel: Kernel | undefined;
  answer: SyscallHandler;
}

/** Makes the kernel; it serves its schemes when `run` is called. */
export function composeKernel(surroundings: Surroundings): ComposedKernel {
  const { clock, hostClock, slots } = surroundings;
  const late: Late = {
    kernel: undefined,
    answer: () => {
      throw ENOSYS;
    },
  };
  const capabilities = new CapabilityTable();
  const cells = new Int32Array(capabilities.cells(KERNEL_PID));
  const provider = new Provider(providerHost(surroundings, late), cells, false);
  const kernel = new Kernel({
    ...surroundings,
    capabilities,
    provider,
    loader: slots,
    now: () => clock.now(),
    hostNow: () => hostClock.now(),
    schemes: SCHEMES,
  });
  late.kernel = kernel;
  late.answer = syscallHandler(kernel);
  provider.serve(schemesOf(kernel));
  return { kernel, run: () => loop(kernel, provider, surroundings) };
}

/** The kernel is a provider like any other, without mail and without faults. */
function providerHost({ bell, clock }: Surroundings, late: Late): ProviderHost {
  const words = processWords(allocateProcessBlock());
  return {
    words,
    faults: new FaultPoints(words, bell),
    now: () => clock.now(),
    readMail: () => undefined,
    mailWaits: () => false,
    joined: () => {
      bell.ring();
    },
    drained: (drain) => {
      late.kernel?.lifecycle.drained(KERNEL_PID, drain);
    },
    resumed: () => undefined,
    bug: (error) => {
      throw error;
    },
    syscall: (context, number, body) => late.answer(context, number, body),
  };
}

function schemesOf(kernel: Kernel): Map<string, Scheme> {
  const { timers, date } = kernel.parts;
  const sinceBootMs = (): number => kernel.parts.hostNow() - kernel.bootMs;
  const nameOf = (pid: number): string => kernel.processes.get(pid)?.name ?? String(pid);
  return new Map<string, Scheme>([
    ["irq", irqScheme(kernel) as Scheme],
    ["memory", memoryScheme(kernel)],
    ["pipe", pipeScheme(kernel)],
    ["time", timeScheme({ sinceBootMs, date, timers })],
    ["sys", sysScheme(kernel)],
    ["log", kernel.log.scheme(nameOf, kernel.parts.boots.count) as Scheme],
  ]);
}

/** A turn of the event loop after each batch of promises; asleep when there is nothing to do. */
async function loop(
  kernel: Kernel,
  provider: Provider,
  { bell, turn }: Surroundings,
): Promise<never> {
  let promises = 0;
  for (;;) {
    // Before all looks: whoever rings after one of them keeps the kernel awake.
    const count = bell.count();
    const worked = provider.dispatch() > 0;
    kernel.lifecycle.scan();
    if (promises !== provider.promises) {
      promises = provider.promises;
      await turn();
    } else if (!worked) {
      provider.setSleeping(true);
      if (!provider.waits()) await bell.parkAsync(count);
      provider.setSleeping(false);
    } else await turn();
  }
}
