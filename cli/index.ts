/** What a program that boots machines imports. */

export { NetworkHub } from "../hw/backends/network-hub.js";
export type { BoardFaults } from "../hw/faults.js";
export { SysError } from "../ipc/sys-error.js";
export type { TraceEvent } from "../ipc/trace-line.js";
export type { AsyncSystem } from "../user/async-system.js";
export type { File, OpenOptions } from "../user/file.js";
export type { CapabilityInfo, ExitStatus, KillPoint, ProcessInfo } from "../user/system.js";
export { type BootOptions, boot, type Reboot } from "./boot.js";
export { BootError } from "./boot-error.js";
export type { DiskOption } from "./disk-option.js";
export type { LoadedDaemon, Machine, RunOptions } from "./machine.js";
export type { NetworkOption } from "./network-option.js";
