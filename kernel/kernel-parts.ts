/** What the kernel is made with: whatever is not its own, and whatever is not deterministic. */

import type { Random, Timers } from "../ipc/clock.js";
import type { CapabilityTable } from "./capability.js";
import type { Devices } from "./devices.js";
import type { Provider } from "./gate/provider.js";
import type { Slots } from "./slot.js";

/** How often this machine was booted, and what ended it the last time. */
export interface BootRecord {
  /** 1 at the first boot; a machine that its outermost ring reboots counts on. */
  count: number;
  /** Why the boot before this one ended, in words; empty at the first. */
  reason: string;
}

/** What the kernel is made with. */
export interface KernelParts {
  capabilities: CapabilityTable;
  provider: Provider;
  loader: Slots;
  devices: Devices;
  /** Milliseconds of the machine's clock, which stands still when the machine does. */
  now(): number;
  /** Milliseconds of the host's clock, for what people read; and the date. */
  hostNow(): number;
  date(): Date;
  timers: Timers;
  /** Runs with each tick of the watchdog: the machine is alive. */
  tick(): void;
  /** Takes a macrotask turn. */
  turn(): Promise<void>;
  random: Random;
  /** URL of the folder of programs, their names, and the module that runs one. */
  programs: string;
  programNames: readonly string[];
  programRuntime: string;
  /** Names of schemes that the kernel itself provides. */
  schemes: readonly string[];
  boots: BootRecord;
  stuck(name: string): void;
}
