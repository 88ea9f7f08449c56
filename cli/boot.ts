/** `boot()`: puts host, kernel and board threads together and resolves to the running machine. */

import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import { parseNetwork } from "../hw/backends/network.js";
import { NetworkHub } from "../hw/backends/network-hub.js";
import type { BoardFaults } from "../hw/faults.js";
import type { BoardBoot, BoardNetwork, BoardReport } from "../hw/thread.js";
import { hostTimers, hostTurn } from "../ipc/clock.js";
import { allocateDoorbell, Doorbell } from "../ipc/doorbell.js";
import { EIO } from "../ipc/errno.js";
import { ARENA_BYTES, SPARES } from "../ipc/limits.js";
import { allocateMachineClock, MachineClock } from "../ipc/machine-clock.js";
import { KERNEL_PID, type Mail } from "../ipc/mail.js";
import { allocateChannel } from "../ipc/ring-block.js";
import { SysError } from "../ipc/sys-error.js";
import { Connection } from "../kernel/gate/connection.js";
import { ProcessGate } from "../kernel/gate/gate.js";
import type { FromKernel, KernelBoot } from "../kernel/thread.js";
import { PROGRAMS } from "../user/programs.js";
import { checkSlots, parseBoard } from "./board-option.js";
import { Machine } from "./machine.js";
import { builtinPackages } from "./packages.js";

/** A disk image for the board. */
export interface DiskOption {
  path: string;
  readOnly?: boolean;
}

/**
 * A network for the board: `none`, `socket:PATH[,listen]` or `udp:HOST:PORT,HOST:PORT`, each with
 * `,pcap=FILE` and `,mac=ADDRESS`; or a hub, of which the machine gets a port.
 */
export type NetworkOption = string | NetworkHub;

/** How to boot. Everything has a default. */
export interface BootOptions {
  /** Image of the first disk, or all of them in order. Default: none. */
  disk?: string | DiskOption | readonly (string | DiskOption)[];
  /**
   * The board: `virt` (the default), `virt,disks=2,nics=1,memory=256M`, or the path of a JSON file
   * with an address map. `docs/board.md` describes them.
   */
  board?: string;
  /** Where the serial console leads: nowhere, or to this port. Default "none". */
  console?: "none" | { port: MessagePort };
  /** The first network, or all of them in order. Default: none, and no network device. */
  network?: NetworkOption | readonly NetworkOption[];
  /** Where the second terminals lead (`console:/0` and on). Default: there are none. */
  consolePorts?: readonly MessagePort[];
  /** What shall go wrong on the board: for tests. Default: nothing. */
  faults?: BoardFaults;
  /** Names of built-in daemons to leave out, so that others can take their schemes and devices. */
  omit?: readonly string[];
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
  const map = options.board === undefined ? undefined : await parseBoard(options.board);
  const disks = disksOf(options.disk);
  const { consolePorts = [] } = options;
  const networkList = [options.network ?? []].flat() as readonly NetworkOption[];
  checkSlots(map, {
    disks: disks.length,
    networks: networkList.length,
    consoles: consolePorts.length,
  });
  const networks = networkList.map(boardNetwork);
  const bells = {
    kernel: allocateDoorbell(),
    host: allocateDoorbell(),
    board: allocateDoorbell(),
  };
  const hostChannel = allocateChannel(ARENA_BYTES);
  const clock = allocateMachineClock();
  const mail = new MessageChannel();
  const control = new MessageChannel();
  const terminalPort =
    options.console === undefined || options.console === "none" ? undefined : options.console.port;
  const board = startBoard({
    bell: bells.board,
    kernelPort: control.port2,
    terminalPort,
    disks,
    networks,
    consolePorts: [...consolePorts],
    faults: options.faults,
    board: map,
  });
  const kernel = startKernel({
    bell: bells.kernel,
    hostPort: mail.port2,
    hostBell: bells.host,
    hostChannel,
    boardPort: control.port1,
    boardBell: bells.board,
    clock,
    packages: builtinPackages().filter(
      ({ manifest }) => options.omit?.includes(manifest.name) !== true,
    ),
    programs: new URL("../user/bin/", import.meta.url).href,
    programNames: Object.keys(PROGRAMS),
    programRuntime: new URL("../user/program-main.js", import.meta.url).href,
    spares: options.spares ?? SPARES,
    seed: options.seed ?? Date.now() >>> 0,
  });
  const gate = hostGate(mail.port1, bells.host, {
    memory: hostChannel,
    bell: bells.kernel,
    clock: new MachineClock(clock),
  });
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

function boardNetwork(option: NetworkOption): BoardNetwork {
  if (option instanceof NetworkHub) return { kind: "hub", ...option.plug() };
  try {
    return parseNetwork(option);
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    throw new BootError(code, message);
  }
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
