/** A whole machine in one thread: the real kernel, the real gates, and a board without devices. */

import { VIRT } from "../../hw/boards/virt.js";
import { boardDeviceTree } from "../../hw/device-tree.js";
import type { FromBoard, ToBoard } from "../../ipc/board-mail.js";
import { allocateDoorbell, type Doorbell } from "../../ipc/doorbell.js";
import type { Mail } from "../../ipc/mail.js";
import { allocateProcessBlock } from "../../ipc/process-block.js";
import { allocateChannel } from "../../ipc/ring-block.js";
import { composeKernel } from "../../kernel/compose.js";
import { Devices } from "../../kernel/devices.js";
import { composeGate } from "../../kernel/gate/compose.js";
import type { ProcessGate } from "../../kernel/gate/gate.js";
import type { Kernel } from "../../kernel/kernel.js";
import type { Manifest } from "../../kernel/manifest.js";
import { Watchdog } from "../../kernel/watchdog.js";
import { type SimCode, SimSlots } from "./sim-slots.js";
import type { SimThread, World } from "./world.js";

const ARENA_BYTES = 64 * 1024;
const BASE = "sim:/";

/** A daemon of the machine; its code is found under the manifest's entry. */
export interface SimDaemon {
  manifest: Pick<Manifest, "name" | "provides"> & Partial<Manifest>;
  code: SimCode;
}

/** What a machine is made of. */
export interface SimMachineParts {
  daemons: readonly SimDaemon[];
  /** Programs by name. */
  programs: Readonly<Record<string, SimCode>>;
  exitsEarly?: boolean;
}

/** A simulated machine. */
export interface SimMachine {
  kernel: Kernel;
  kernelThread: SimThread;
  /** The kernel's own doorbell. */
  bell: Doorbell;
  /** The host's gate, as `boot` makes it. */
  host: ProcessGate;
  hostThread: SimThread;
}

/** Puts a machine together; it runs when the world does. */
export async function simMachine(world: World, parts: SimMachineParts): Promise<SimMachine> {
  const kernelThread = world.thread("kernel");
  const hostThread = world.thread("host");
  const bell = world.doorbell(kernelThread, allocateDoorbell());
  const devices = new Devices(boardless(), allocateDoorbell());
  const code = new Map<string, SimCode>();
  for (const { manifest, code: run } of parts.daemons) code.set(`${BASE}${manifest.name}`, run);
  code.set(`${BASE}program`, (gate, thread) => {
    const name = gate.self.program.slice(BASE.length).replace(/\.js$/, "");
    return (parts.programs[name] as SimCode)(gate, thread);
  });
  const { exitsEarly = false } = parts;
  const { kernel, run } = composeKernel({
    bell,
    clock: world,
    tick: () => undefined,
    hostClock: world,
    date: () => new Date(world.now()),
    timers: world.timers(kernelThread),
    turn: () => world.turn(kernelThread),
    random: world.random,
    slots: new SimSlots({ world, kernelBell: bell, code, exitsEarly }),
    devices,
    programs: BASE,
    programNames: Object.keys(parts.programs),
    programRuntime: `${BASE}program`,
    boots: { count: 1, reason: "" },
    stuck: (name) => {
      throw new RangeError(`${name} cannot be ended`);
    },
  });
  const host = addHost(world, hostThread, { kernel, bell });
  await devices.ready;
  for (const { manifest } of parts.daemons) {
    const full = { version: "1.0.0", abi: "^1.0", entry: manifest.name, ...manifest };
    kernel.lifecycle.handle(kernel.addPackage({ manifest: full as Manifest, base: BASE }), {
      tag: "start",
    });
  }
  new Watchdog(kernel).start();
  void run();
  return { kernel, kernelThread, bell, host, hostThread };
}

function addHost(
  world: World,
  thread: SimThread,
  to: { kernel: Kernel; bell: ReturnType<World["doorbell"]> },
): ProcessGate {
  const bell = world.doorbell(thread, allocateDoorbell());
  const kernelChannel = allocateChannel(ARENA_BYTES);
  const mailbox: Mail[] = [];
  const gate = composeGate({
    bell,
    block: allocateProcessBlock(),
    kernelChannel,
    kernelBell: to.bell,
    clock: world,
    timers: world.timers(thread),
    turn: () => world.turn(thread),
    mayBlock: false,
    receive: () => mailbox.shift(),
    started: () => undefined,
    bug: (error) => {
      throw error;
    },
  });
  to.kernel.addHost({
    bell,
    kernelChannel,
    mail: (mail) => {
      mailbox.push(structuredClone(mail));
      bell.ringMail();
    },
  });
  return gate;
}

/** A board without devices: it describes itself, and fences nothing at once. */
function boardless(): ConstructorParameters<typeof Devices>[0] {
  let tell: (message: FromBoard) => void = () => undefined;
  return {
    on(_event, listener) {
      tell = listener;
      queueMicrotask(() => {
        listener({ kind: "ready", tree: boardDeviceTree(VIRT), windows: [] });
      });
    },
    postMessage(message: ToBoard) {
      if (message.kind === "fence") tell({ kind: "fenced", domain: message.domain });
      if (message.kind === "halt") tell({ kind: "halted" });
    },
    close: () => undefined,
  };
}
