/** `boot()`: puts host, kernel and board threads together and resolves to the running machine. */

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { BoardBoot, BoardReport } from "../hw/thread.js";
import { hostClock } from "../ipc/clock.js";
import { allocateDoorbell, Doorbell } from "../ipc/doorbell.js";
import { EIO } from "../ipc/errno.js";
import { ARENA_BYTES, SPARES } from "../ipc/limits.js";
import { KERNEL_PID, type Mail } from "../ipc/mail.js";
import { allocateChannel } from "../ipc/ring-block.js";
import { SysError } from "../ipc/sys-error.js";
import { Connection } from "../kernel/gate/connection.js";
import { ProcessGate } from "../kernel/gate/gate.js";
import type { FromKernel, KernelBoot } from "../kernel/thread.js";
import { PROGRAMS } from "../user/programs.js";
import { Machine } from "./machine.js";
import { confinement, packagesOf } from "./packages.js";

/** A disk image for the board. */
export interface DiskOption {
  path: string;
  readOnly?: boolean;
}

/** How to boot. Everything has a default. */
export interface BootOptions {
  /** Image of the first disk, or all of them in order. Default: none. */
  disk?: string | DiskOption | readonly (string | DiskOption)[];
  /** Where the serial console leads: nowhere, or to this port. Default "none". */
  console?: "none" | { port: MessagePort };
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
}

/**
 * Boots a machine.
 * Rejects with a `SysError` that says what to do when a disk image is missing, busy or unusable.
 */
export async function boot(options: BootOptions = {}): Promise<Machine> {
  const bells = {
    kernel: allocateDoorbell(),
    host: allocateDoorbell(),
    board: allocateDoorbell(),
  };
  const hostChannel = allocateChannel(ARENA_BYTES);
  const mail = new MessageChannel();
  const control = new MessageChannel();
  const terminalPort =
    options.console === undefined || options.console === "none" ? undefined : options.console.port;
  const board = startBoard({
    bell: bells.board,
    kernelPort: control.port2,
    terminalPort,
    disks: disksOf(options.disk),
  });
  const kernel = startKernel({
    bell: bells.kernel,
    hostPort: mail.port2,
    hostBell: bells.host,
    hostChannel,
    boardPort: control.port1,
    boardBell: bells.board,
    packages: packagesOf(options),
    programs: new URL("../user/bin/", import.meta.url).href,
    programNames: Object.keys(PROGRAMS),
    programRuntime: new URL("../user/program-main.js", import.meta.url).href,
    confinement: confinement(),
    spares: options.spares ?? SPARES,
    seed: options.seed ?? Date.now() >>> 0,
  });
  const gate = hostGate(mail.port1, bells.host, { memory: hostChannel, bell: bells.kernel });
  const machine = new Machine({ gate, kernel, board, release: () => mail.port1.close() });
  mail.port1.unref();
  const onStuck = options.onStuck ?? warnStuck;
  kernel.on("message", (message: FromKernel) => {
    if (message.kind === "stuck") onStuck(message.name);
  });
  try {
    await Promise.all([powered(board), ready(kernel)]);
  } catch (error) {
    await Promise.all([kernel.terminate(), board.terminate()]);
    mail.port1.close();
    throw error;
  }
  return machine;
}

function disksOf(disk: BootOptions["disk"]): BoardBoot["disks"] {
  const list = disk === undefined ? [] : Array.isArray(disk) ? disk : [disk];
  return (list as readonly (string | DiskOption)[]).map((item) =>
    typeof item === "string"
      ? { path: item, readOnly: false }
      : { path: item.path, readOnly: item.readOnly ?? false },
  );
}

function startBoard(data: BoardBoot): Worker {
  const ports = [data.kernelPort, ...(data.terminalPort === undefined ? [] : [data.terminalPort])];
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
  kernelEnd: { memory: ReturnType<typeof allocateChannel>; bell: SharedArrayBuffer },
): ProcessGate {
  const kernel = new Connection(KERNEL_PID);
  kernel.connected(kernelEnd.memory, kernelEnd.bell, 0);
  return new ProcessGate({
    bell: new Doorbell(bellMemory),
    clock: hostClock,
    receive: () => receiveMessageOnPort(port)?.message as Mail | undefined,
    kernel,
    turn: () => new Promise((resolve) => setImmediate(resolve)),
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

/** The machine cannot boot; the message says what to do. */
export class BootError extends SysError {
  readonly reason: string;

  constructor(reason: string, hint: string) {
    super(EIO, { operation: "boot", hint });
    this.name = "BootError";
    this.reason = reason;
    this.message = hint;
  }
}
