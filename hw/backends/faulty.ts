/*
 * Faults for a disk: wraps a back end so that chosen operations take longer, fail, or are never
 * answered. What fails never reaches the disk.
 */
import { seededRandom } from "../../ipc/clock.js";
import { type DiskBackend, type DiskDone, SECTOR_SIZE } from "../disk.js";
import { type DiskFaults, happens } from "../faults.js";

const EIO = 5;

/** An operation as a fault rule sees it. `position` and `length` are 0 for a flush. */
export interface DiskOperation {
  kind: "read" | "write" | "zero" | "flush";
  position: number;
  length: number;
}

/**
 * What shall happen to an operation: nothing, a delay before it starts, an error instead of it, no
 * answer at all.
 */
export interface DiskFault {
  delayMs?: number;
  errno?: number;
  silent?: boolean;
}

/** Decides for each operation, in the order in which they are started. */
export type DiskFaultRule = (operation: DiskOperation) => DiskFault | undefined;

/** Options of `faultyDisk`. */
export interface FaultyDiskOptions {
  rule: DiskFaultRule;
  /** Runs a step after some time; `setTimeout` unless the clock is simulated. */
  after?: (delayMs: number, step: () => void) => void;
}

/** A disk that misbehaves as told. */
export function faultyDisk(disk: DiskBackend, options: FaultyDiskOptions): DiskBackend {
  const after = options.after ?? ((delayMs, step) => void setTimeout(step, delayMs));
  const run = (operation: DiskOperation, done: DiskDone, start: () => void): void => {
    const { delayMs = 0, errno = 0, silent = false } = options.rule(operation) ?? {};
    if (silent) return;
    const step = errno === 0 ? start : () => done(errno);
    if (delayMs === 0) step();
    else after(delayMs, step);
  };
  return {
    sectorCount: disk.sectorCount,
    readOnly: disk.readOnly,
    read(position, bytes, done) {
      const operation = { kind: "read", position, length: bytes.length } as const;
      run(operation, done, () => disk.read(position, bytes, done));
    },
    write(position, bytes, done) {
      const operation = { kind: "write", position, length: bytes.length } as const;
      run(operation, done, () => disk.write(position, bytes, done));
    },
    zero(position, length, done) {
      run({ kind: "zero", position, length }, done, () => disk.zero(position, length, done));
    },
    flush(done) {
      run({ kind: "flush", position: 0, length: 0 }, done, () => disk.flush(done));
    },
    close: () => disk.close(),
  };
}

/** The rule that a description of faults stands for. */
export function diskFaultRule(faults: DiskFaults, seed: number): DiskFaultRule {
  const random = seededRandom(seed);
  const below = (limit: number): number => random.below(limit);
  let count = 0;
  return (operation) => {
    count++;
    if (faults.silentAfter !== undefined && count > faults.silentAfter) return { silent: true };
    const jitterMs = faults.jitterMs === undefined ? 0 : below(faults.jitterMs + 1);
    const delayMs = (faults.latencyMs ?? 0) + jitterMs;
    const fails = happens(faults.errorRate, below) || touchesBad(faults, operation);
    return fails ? { delayMs, errno: EIO } : { delayMs };
  };
}

function touchesBad({ badSectors = [] }: DiskFaults, operation: DiskOperation): boolean {
  const { position, length } = operation;
  return badSectors.some(
    ({ first, count }) =>
      position < (first + count) * SECTOR_SIZE && first * SECTOR_SIZE < position + length,
  );
}
