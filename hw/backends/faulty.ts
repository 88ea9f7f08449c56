/*
 * Faults for a disk: wraps a back end so that chosen operations take longer or fail. What fails
 * never reaches the disk.
 */
import type { DiskBackend, DiskDone } from "../disk.js";

/** An operation as a fault rule sees it. `position` and `length` are 0 for a flush. */
export interface DiskOperation {
  kind: "read" | "write" | "zero" | "flush";
  position: number;
  length: number;
}

/** What shall happen to an operation: nothing, a delay before it starts, an error instead of it. */
export interface DiskFault {
  delayMs?: number;
  errno?: number;
}

/** Options of `faultyDisk`. */
export interface FaultyDiskOptions {
  /** Decides for each operation, in the order in which they are started. */
  rule: (operation: DiskOperation) => DiskFault | undefined;
  /** Runs a step after some time; `setTimeout` unless the clock is simulated. */
  after?: (delayMs: number, step: () => void) => void;
}

/** A disk that misbehaves as told. */
export function faultyDisk(disk: DiskBackend, options: FaultyDiskOptions): DiskBackend {
  const after = options.after ?? ((delayMs, step) => void setTimeout(step, delayMs));
  const run = (operation: DiskOperation, done: DiskDone, start: () => void): void => {
    const { delayMs = 0, errno = 0 } = options.rule(operation) ?? {};
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
