/** What the block class needs from a disk driver. */

/** A disk. Positions and lengths are multiples of `sectorSize` and within the disk. */
export interface BlockDevice {
  readonly sectorSize: number;
  readonly sectorCount: number;
  readonly readOnly: boolean;
  /** @throws EIO */
  read(position: number, bytes: Uint8Array): Promise<void>;
  /** Resolves when the device has the bytes. @throws EIO */
  write(position: number, bytes: Uint8Array): Promise<void>;
  /** Resolves when all writes that ended before are durable. @throws EIO */
  flush(): Promise<void>;
}
