/**
 * The driver kit: devices that the kernel matched to this driver, with their registers, interrupts
 * and DMA memory. Everything is released when the driver ends, whichever way it ends.
 */

import {
  currentGate,
  type Descriptor,
  type DmaRegion,
  type Gate,
  type Window,
} from "../ipc/abi.js";
import type { DeviceInfo } from "../ipc/board-mail.js";
import { ENODEV, Errno } from "../ipc/errno.js";
import { O_READ, O_WRITE } from "../ipc/open-flags.js";
import { SysError } from "../ipc/sys-error.js";
import { bodyOf, callFor, checked } from "./answer.js";

/** An interrupt line. */
export interface InterruptLine {
  /** Resolves when an interrupt has come since the last call. */
  next(): Promise<void>;
  /** Says that it was served: the line may fire again. */
  acknowledge(): void;
}

/** One device of this driver. */
export interface Device {
  readonly info: DeviceInfo;
  readonly registers: Window;
  /** One for each line of the device, in the order of the device tree. */
  readonly interrupts: readonly InterruptLine[];
  /** Allocates memory that the device reaches, all zero. @param size - bytes */
  allocateDma(size: number): Promise<DmaRegion>;
  /** Resolves after a time. Needs `time:`. */
  after(milliseconds: number): Promise<void>;
}

/** The devices that the kernel matched, opened, in the order of their addresses. */
export async function openDevices(): Promise<Device[]> {
  const gate = requireGate();
  const directory = await openHandle(gate, "memory:/devices", O_READ);
  const call = callFor.call(directory, {});
  await gate.settle(call);
  checked(call, "devices");
  return await Promise.all((bodyOf(call) as DeviceInfo[]).map((info) => openDevice(gate, info)));
}

async function openDevice(gate: Gate, info: DeviceInfo): Promise<Device> {
  const [window, ...lines] = await Promise.all([
    openLocal(gate, `memory:/device/${info.name}`),
    ...info.lines.map((line) => openLocal(gate, `irq:/${line}`)),
  ]);
  const interrupts = lines.map((line) => interruptLine(gate, line));
  const alarms = alarm(gate);
  const registers = granted(gate.window(window));
  return { info, registers, interrupts, allocateDma, after: alarms };
}

/** Alarms from `time:`, so that a driver which sleeps on its doorbell wakes for them. */
function alarm(gate: Gate): (milliseconds: number) => Promise<void> {
  let clock: Promise<Descriptor> | undefined;
  return async (milliseconds) => {
    clock ??= openHandle(gate, "time:/monotonic", O_READ);
    const call = callFor.call(await clock, { afterMs: milliseconds });
    await gate.settle(call);
    checked(call, "alarm");
  };
}

/** Allocates memory that this driver's devices can reach. @param size - bytes */
export async function allocateDma(size: number): Promise<DmaRegion> {
  const gate = requireGate();
  return granted(gate.dma(await openLocal(gate, `memory:/dma/${size}`)));
}

function interruptLine(gate: Gate, descriptor: Descriptor): InterruptLine {
  let seen = 0;
  return {
    async next() {
      seen = await gate.irq(descriptor, seen);
    },
    acknowledge() {
      gate.irqAck(descriptor);
    },
  };
}

function openLocal(gate: Gate, url: string): Promise<Descriptor> {
  return openHandle(gate, url, O_READ | O_WRITE);
}

async function openHandle(gate: Gate, url: string, flags: number): Promise<Descriptor> {
  const call = gate.open(url, flags);
  await gate.settle(call);
  checked(call, "open", url);
  return gate.opened(call) as Descriptor;
}

function granted<T extends object>(value: T | Errno): T {
  if (value instanceof Errno) throw new SysError(value, { operation: "open device" });
  return value as T;
}

function requireGate(): Gate {
  const gate = currentGate();
  const hint = "a driver runs inside Anode only";
  if (gate === undefined) throw new SysError(ENODEV, { operation: "openDevices", hint });
  return gate;
}

export type { DeviceInfo, DmaRegion, Window };
