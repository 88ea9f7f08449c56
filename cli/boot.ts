/**
 * `boot()`: puts host, kernel and board threads together and resolves to the running machine. With
 * `process: "child"` all of that happens in a process of its own (cli/ring/), and again when that
 * process dies.
 */

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { BoardFaults } from "../hw/faults.js";
import type { BoardBoot, BoardReport } from "../hw/thread.js";
import { hostTimers, hostTurn } from "../ipc/clock.js";
import { allocateDoorbell, Doorbell } from "../ipc/doorbell.js";
import { ARENA_BYTES, SPARES } from "../ipc/limits.js";
import { allocateMachineClock, MachineClock } from "../ipc/machine-clock.js";
import { KERNEL_PID, type Mail } from "../ipc/mail.js";
import { allocateChannel } from "../ipc/ring-block.js";
import { allocateTick } from "../ipc/tick.js";
import { Connection } from "../kernel/gate/connection.js";
import { ProcessGate } from "../kernel/gate/gate.js";
import type { BootRecord } from "../kernel/kernel-parts.js";
import type { FromKernel, KernelBoot, ToKernel } from "../kernel/thread.js";
import { PROGRAMS } from "../user/programs.js";
import { checkSlots, parseBoard } from "./board-option.js";
import { BootError } from "./boot-error.js";
import { type DiskOptions, disksOf } from "./disk-option.js";
import { Machine, type MachineParts } from "./machine.js";
import { boardNetworks, type NetworkOptions, networkList } from "./network-option.js";
import { confinement, type FilesOn, packagesOf } from "./packages.js";
import type { RebootBudget } from "./ring/reboots.js";

/** How to boot. Everything has a default. */
export interface BootOptions {
  /** Image of the first disk, or all of them in order. Default: none. */
  disk?: DiskOptions;
  /**
   * The board: `virt` (the default), `virt,disks=2,nics=1,memory=256M`, or the path of a JSON file
   * with an address map. `docs/board.md` describes them.
   */
  board?: string;
  /** Where the serial console leads: nowhere, or to this port. Default "none". */
  console?: "none" | { port: MessagePort };
  /** The first network, or all of them in order. Default: none, and no network device. */
  network?: NetworkOptions;
  /** Where the second terminals lead (`console:/0` and on). Default: there are none. */
  consolePorts?: readonly MessagePort[];
  /** What shall go wrong on the board: for tests. Default: nothing. */
  faults?: BoardFaults;
  /** Where `file:` is: in memory, or a RedoxFS on the first disk (`anode mkfs`). Default "ram". */
  files?: FilesOn;
  /** Names of built-in daemons to leave out, so that others can take their schemes and devices. */
  omit?: readonly string[];
  /** Names of built-in daemons to run confined (docs/daemons.md). Default: none. */
  confine?: readonly string[];
  /**
   * Called when a worker cannot be ended (it is in a blocking native call): the machine cannot be
   * trusted any more. Default: a process warning.
   */
  onStuck?: (name: string) => void;
  /** Warm workers that are kept for restarts; default 1. */
  spares?: number;
  /** Seed of what is random in the kernel (kills at random moments); default: from the clock. */
  seed?: number;
  /**
   * Where the machine runs: in this process, or in a child process that is rebooted when it dies
   * (docs/crash-contract.md, "The outermost ring"). Default "own".
   */
  process?: "own" | "child";
  /** With `process: "child"`: called when the machine was rebooted and serves again. */
  onReboot?: (reboot: Reboot) => void;
  /** With `process: "child"`: called when the machine is given up. Default: a process warning. */
  onGivenUp?: (end: { reason: string }) => void;
  /** With `process: "child"`: when it is given up. Default: 5 deaths in 10 s are rebooted. */
  budget?: RebootBudget;
  /** With `process: "child"`: keeps a second process ready to take over. Default true. */
  standby?: boolean;
}

/** One reboot of a machine in a child process. */
export interface Reboot {
  /** How often the machine was booted by now: 2 at the first reboot. */
  count: number;
  /** Why it was rebooted, in words: "SIGKILL", "virtio-blkd cannot be ended". */
  reason: string;
  /** From the death (or the verdict that it is stuck) to serving again. */
  tookMs: number;
  /** Number of the operating-system process that it runs in now. */
  pid: number;
  /** Daemons that had been loaded and could not be loaded again. */
  lost: readonly string[];
}

/**
 * Boots a machine.
 * Rejects with a `SysError` that says what to do when a disk image is missing, busy or unusable.
 */
export async function boot(options: BootOptions = {}): Promise<Machine> {
  if (options.process === "child") {
    const { bootInChild } = await import("./ring/boot-in-child.js");
    return await bootInChild(options);
  }
  const threads = await startThreads(options, { boots: { count: 1, reason: "" }, held: false });
  const onStuck = options.onStuck ?? warnStuck;
  threads.kernel.on("message", (message: FromKernel) => {
    if (message.kind === "stuck") onStuck(message.name);
  });
  return new Machine(threads);
}

/** The threads of a machine in this process, and what they are reached through. */
export interface Threads extends MachineParts {
  readonly gate: ProcessGate;
  readonly kernel: Worker;
  readonly board: Worker;
  /** The kernel's tick (ipc/tick.ts). */
  readonly tick: SharedArrayBuffer;
}

/** What only the outermost ring says about a boot. */
export interface BootCircumstances {
  boots: BootRecord;
  /** Another process holds the disk images for this one. */
  held: boolean;
}

/** Starts a machine's threads in this process. Rejects as `boot` does. */
export async function startThreads(
  options: BootOptions,
  circumstances: BootCircumstances,
): Promise<Threads> {
  const outfit = await outfitOf(options);
  const bells = {
    kernel: allocateDoorbell(),
    host: allocateDoorbell(),
    board: allocateDoorbell(),
  };
  const hostChannel = allocateChannel(ARENA_BYTES);
  const clock = allocateMachineClock();
  const mail = new MessageChannel();
  const control = new MessageChannel();
  const board = startBoard({
    bell: bells.board,
    kernelPort: control.port2,
    held: circumstances.held,
    ...outfit,
  });
  const tick = allocateTick();
  const kernel = startKernel({
    bell: bells.kernel,
    hostPort: mail.port2,
    hostBell: bells.host,
    hostChannel,
    boardPort: control.port1,
    boardBell: bells.board,
    clock,
    packages: packagesOf(options),
    programs: new URL("../user/bin/", import.meta.url).href,
    programNames: Object.keys(PROGRAMS),
    programRuntime: new URL("../user/program-main.js", import.meta.url).href,
    confinement: confinement(),
    spares: options.spares ?? SPARES,
    seed: options.seed ?? Date.now() >>> 0,
    boots: circumstances.boots,
    tick,
  });
  const gate = hostGate(mail.port1, bells.host, {
    memory: hostChannel,
    bell: bells.kernel,
    clock: new MachineClock(clock),
  });
  mail.port1.unref();
  try {
    await Promise.all([powered(board), ready(kernel)]);
  } catch (error) {
    await Promise.all([kernel.terminate(), board.terminate()]);
    mail.port1.close();
    throw error;
  }
  return {
    gate,
    kernel,
    board,
    tick,
    trace: (listener) => {
      kernel.on("message", (message: FromKernel) => {
        if (message.kind === "trace") listener(message.event);
      });
      kernel.postMessage({ kind: "trace" } satisfies ToKernel);
    },
    outside: (message) => {
      board.postMessage(message);
    },
    async halt() {
      await halted(kernel);
      await Promise.all([kernel.terminate(), board.terminate()]);
      mail.port1.close();
    },
  };
}

/** Has the kernel stop all processes and flush the disks; resolves when it has, or has died. */
function halted(kernel: Worker): Promise<void> {
  return new Promise((resolve) => {
    kernel.on("message", (message: FromKernel) => {
      if (message.kind === "halted") resolve();
    });
    kernel.on("exit", () => {
      resolve();
    });
    kernel.postMessage({ kind: "halt" } satisfies ToKernel);
  });
}

/** What stands on the board, and where its lines lead. Rejects before anything is started. */
async function outfitOf(
  options: BootOptions,
): Promise<Omit<BoardBoot, "bell" | "kernelPort" | "held">> {
  const { console: serial = "none", consolePorts = [], faults } = options;
  const board = options.board === undefined ? undefined : await parseBoard(options.board);
  const disks = disksOf(options.disk);
  const networks = networkList(options.network);
  checkSlots(board, {
    disks: disks.length,
    networks: networks.length,
    consoles: consolePorts.length,
  });
  return {
    terminalPort: serial === "none" ? undefined : serial.port,
    disks,
    networks: boardNetworks(networks),
    consolePorts: [...consolePorts],
    faults,
    board,
  };
}

function startBoard(data: BoardBoot): Worker {
  const ports = [data.kernelPort, ...data.consolePorts];
  if (data.terminalPort !== undefined) ports.push(data.terminalPort);
  for (const network of data.networks) if (network.kind === "hub") ports.push(network.port);
  return new Worker(new URL("../hw/thread.js", import.meta.url), {
    workerData: data,
    transferList: ports,
    name: "anode-board",
  });
}

function startKernel(data: KernelBoot): Worker {
  return new Worker(new URL("../kernel/thread.js", import.meta.url), {
    workerData: data,
    transferList: [data.hostPort, data.boardPort],
    name: "anode-kernel",
  });
}

function hostGate(
  port: MessagePort,
  bellMemory: SharedArrayBuffer,
  machine: {
    memory: ReturnType<typeof allocateChannel>;
    bell: SharedArrayBuffer;
    clock: MachineClock;
  },
): ProcessGate {
  const kernel = new Connection(KERNEL_PID);
  kernel.connected(machine.memory, machine.bell, 0);
  return new ProcessGate({
    bell: new Doorbell(bellMemory),
    clock: machine.clock,
    timers: hostTimers,
    receive: () => receiveMessageOnPort(port)?.message as Mail | undefined,
    kernel,
    turn: hostTurn,
    mayBlock: true,
    bug: (error) => {
      throw error;
    },
    onStart: () => undefined,
  });
}

function warnStuck(name: string): void {
  process.emitWarning(`${name} cannot be ended; the machine should be closed and booted again`);
}

/** Resolves when the board has its disks. */
function powered(board: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    board.once("error", reject);
    board.once("message", (report: BoardReport) => {
      if (report.kind === "powered") resolve();
      else reject(new BootError(report.code, report.message));
    });
  });
}

/** Resolves when the kernel has started its packages. */
function ready(kernel: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    kernel.once("error", reject);
    kernel.on("message", (message: FromKernel) => {
      if (message.kind === "ready") resolve();
    });
  });
}
