/** The kernel thread: sets the kernel up from what the host hands over, and runs its loop. */

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { hostClock, seededRandom } from "../ipc/clock.js";
import { Doorbell } from "../ipc/doorbell.js";
import { ENOSYS } from "../ipc/errno.js";
import { KERNEL_PID, type Mail } from "../ipc/mail.js";
import { allocateProcessBlock, processWords } from "../ipc/process-block.js";
import type { ChannelMemory } from "../ipc/ring-block.js";
import type { Scheme } from "../ipc/scheme.js";
import type { TraceEvent } from "../ipc/trace-line.js";
import { CapabilityTable } from "./capability.js";
import { Devices } from "./devices.js";
import type { SyscallHandler } from "./gate/dispatcher.js";
import { FaultPoints } from "./gate/fault-points.js";
import { Provider, type ProviderHost } from "./gate/provider.js";
import { Kernel } from "./kernel.js";
import { type Confinement, Loader } from "./loader.js";
import type { Package } from "./manifest.js";
import { irqScheme, memoryScheme } from "./schemes/hardware.js";
import { pipeScheme } from "./schemes/pipe.js";
import { sysScheme } from "./schemes/sys.js";
import { timeScheme } from "./schemes/time.js";
import { syscallHandler } from "./syscalls.js";
import { Watchdog } from "./watchdog.js";

/** What the host hands over. */
export interface KernelBoot {
  bell: SharedArrayBuffer;
  hostPort: MessagePort;
  hostBell: SharedArrayBuffer;
  hostChannel: ChannelMemory;
  boardPort: MessagePort;
  boardBell: SharedArrayBuffer;
  packages: Package[];
  programs: string;
  programNames: string[];
  programRuntime: string;
  confinement: Confinement;
  spares: number;
  seed: number;
}

/** Host to kernel thread, beside the channel. */
export type ToKernel = { kind: "halt" } | { kind: "trace" };

/** Kernel thread to host. */
export type FromKernel =
  | { kind: "ready" }
  | { kind: "halted" }
  | { kind: "stuck"; name: string }
  | { kind: "trace"; event: TraceEvent };

const SCHEMES = ["event", "irq", "memory", "pipe", "time", "sys", "log"];

/** Spares are made this long after the boot, in milliseconds. */
const WARM_AFTER_MS = 100;

/** What the kernel's own provider needs before the kernel itself is made. */
interface Late {
  kernel: Kernel | undefined;
  answer: SyscallHandler;
}

const tell = (message: FromKernel): void => parentPort?.postMessage(message);

async function main(): Promise<void> {
  const boot = workerData as KernelBoot;
  const bell = new Doorbell(boot.bell);
  const { kernel, provider, loader } = makeKernel(boot, bell);
  provider.serve(schemesOf(kernel));
  addHost(kernel, boot);
  parentPort?.on("message", (message: ToKernel) => {
    if (message.kind === "trace") kernel.recorder.listen((event) => tell({ kind: "trace", event }));
    else void halt(kernel).then(() => tell({ kind: "halted" }));
  });
  await kernel.devices.ready;
  const codes = await kernel.codeOf(boot.packages);
  for (const pack of boot.packages) {
    const process = kernel.addPackage(pack, codes.get(pack));
    if (pack.manifest.start !== "demand") kernel.lifecycle.handle(process, { tag: "start" });
  }
  tell({ kind: "ready" });
  new Watchdog(kernel).start();
  // Not at once: the first programs of a boot need the processors more.
  setTimeout(() => {
    loader.warm();
  }, WARM_AFTER_MS);
  await loop(kernel, provider, bell);
}

function makeKernel(
  boot: KernelBoot,
  bell: Doorbell,
): { kernel: Kernel; provider: Provider; loader: Loader } {
  const late: Late = {
    kernel: undefined,
    answer: () => {
      throw ENOSYS;
    },
  };
  const capabilities = new CapabilityTable();
  const cells = new Int32Array(capabilities.cells(KERNEL_PID));
  const provider = new Provider(providerHost(bell, late), cells, false);
  const loader = new Loader({
    kernelBell: boot.bell,
    entry: new URL("./gate/entry.js", import.meta.url),
    spares: boot.spares,
    confinement: boot.confinement,
  });
  const kernel = new Kernel({
    capabilities,
    provider,
    loader,
    devices: new Devices(boot.boardPort, boot.boardBell),
    now: () => hostClock.now(),
    random: seededRandom(boot.seed),
    programs: boot.programs,
    programNames: boot.programNames,
    programRuntime: boot.programRuntime,
    schemes: SCHEMES,
    stuck: (name) => {
      tell({ kind: "stuck", name });
    },
  });
  late.kernel = kernel;
  late.answer = syscallHandler(kernel);
  return { kernel, provider, loader };
}

/** The kernel is a provider like any other, without mail and without faults. */
function providerHost(bell: Doorbell, late: Late): ProviderHost {
  const words = processWords(allocateProcessBlock());
  return {
    words,
    faults: new FaultPoints(words, bell),
    now: () => hostClock.now(),
    readMail: () => undefined,
    mailWaits: () => false,
    joined: () => {
      bell.ring();
    },
    drained: (drain) => {
      late.kernel?.lifecycle.drained(drain);
    },
    resumed: () => undefined,
    bug: (error) => {
      throw error;
    },
    syscall: (context, number, body) => late.answer(context, number, body),
  };
}

function schemesOf(kernel: Kernel): Map<string, Scheme> {
  const sinceBoot = (): number => kernel.parts.now() - kernel.bootMs;
  const nameOf = (pid: number): string => kernel.processes.get(pid)?.name ?? String(pid);
  return new Map<string, Scheme>([
    ["irq", irqScheme(kernel) as Scheme],
    ["memory", memoryScheme(kernel)],
    ["pipe", pipeScheme(kernel)],
    ["time", timeScheme(sinceBoot)],
    ["sys", sysScheme(kernel)],
    ["log", kernel.log.scheme(nameOf) as Scheme],
  ]);
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

/**
 * Serves system calls and kernel schemes; a turn of the event loop after each batch of promises.
 */
async function loop(kernel: Kernel, provider: Provider, bell: Doorbell): Promise<never> {
  let promises = 0;
  for (;;) {
    const worked = provider.dispatch() > 0;
    kernel.lifecycle.scan();
    if (promises !== provider.promises) {
      promises = provider.promises;
      await turn();
    } else if (!worked) {
      const count = bell.count();
      provider.setSleeping(true);
      if (!provider.waits()) await bell.parkAsync(count);
      provider.setSleeping(false);
    } else await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

void main();
