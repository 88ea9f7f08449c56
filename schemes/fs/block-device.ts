/**
 * What a file system stands on: a row of blocks that can be read, written and flushed. Inside Anode
 * it is `disk:`, in tools a host file, in tests memory. Nothing else of a disk is used.
 */

/** Bytes of a block, the unit of everything in RedoxFS. */
export const BLOCK_BYTES = 4096;

/** A device of `blocks` blocks. */
export interface BlockDevice {
  readonly blocks: number;
  readonly readOnly: boolean;
  /** Fills `bytes`, a whole number of blocks, from block `index` on. @throws EIO */
  read(index: number, bytes: Buffer): Promise<void>;
  /** Writes `bytes`, a whole number of blocks. @throws EIO, EROFS */
  write(index: number, bytes: Buffer): Promise<void>;
  /** Resolves when everything written before it will survive a power cut. @throws EIO */
  flush(): Promise<void>;
}
