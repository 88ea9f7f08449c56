/** What a program links: the system's types, flags and errors. */

export * from "../ipc/errno.js";
export * from "../ipc/open-flags.js";
export type { DirectoryEntry, Stat, StatVfs } from "../ipc/stat.js";
export { SysError } from "../ipc/sys-error.js";
export type { AsyncSystem } from "./async-system.js";
export type { BlockingFile, File, OpenOptions } from "./file.js";
export type {
  CapabilityInfo,
  Child,
  ExitStatus,
  KillPoint,
  ProcessInfo,
  Program,
  SpawnOptions,
  System,
} from "./system.js";
