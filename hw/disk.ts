/*
 * What a block device model needs from a disk, and the disk in memory that tests and replays use.
 * Fault injection is a wrapper of the same interface (backends/faulty.ts).
 */

/** Ends a disk operation: 0, or the host's errno as a positive number. */
export type DiskDone = (errno: number) => void;

/** Bytes in shared memory: what a device and an I/O thread can both reach. */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

/**
 * A disk. Operations are positioned in bytes and within the disk: the caller checks. Several may
 * be in flight and end in any order. `done` is called exactly once, either before the operation
 * returns or later; until then the disk may read or write `bytes` at any time, and after that
 * never again.
 */
export interface DiskBackend {
  readonly sectorCount: number;
  readonly readOnly: boolean;
  read(position: number, bytes: SharedBytes, done: DiskDone): void;
  write(position: number, bytes: SharedBytes, done: DiskDone): void;
  /** Fills a range with zeroes. */
  zero(position: number, length: number, done: DiskDone): void;
  /** Makes every write that ended before durable. */
  flush(done: DiskDone): void;
  /** Ends the use of the disk; no operation may be in flight. */
  close(): Promise<void>;
}

/** Bytes of a sector. */
export const SECTOR_SIZE = 512;

/** A disk in memory: every operation ends before it returns. */
export function memoryDisk(bytes: Uint8Array, options?: { readOnly?: boolean }): DiskBackend {
  return {
    sectorCount: Math.floor(bytes.length / SECTOR_SIZE),
    readOnly: options?.readOnly ?? false,
    read(position, target, done) {
      target.set(bytes.subarray(position, position + target.length));
      done(0);
    },
    write(position, source, done) {
      bytes.set(source, position);
      done(0);
    },
    zero(position, length, done) {
      bytes.fill(0, position, position + length);
      done(0);
    },
    flush(done) {
      done(0);
    },
    async close() {},
  };
}
