/*
 * QEMU's firmware configuration device, read-only: items of bytes that describe the machine, and
 * named files among them. Whoever boots reads them by register, or in one go by DMA. What is not
 * there, and what is behind an item's end, reads as zeroes.
 */
import type { AccessSize, Device } from "../device.js";
import type { GuestMemory } from "../memory.js";
import {
  FW_CFG,
  FW_CFG_DIR,
  FW_CFG_DMA,
  FW_CFG_DMA_CTL,
  FW_CFG_DMA_SIGNATURE,
  FW_CFG_FILE,
  FW_CFG_ID,
  FW_CFG_KEY,
  FW_CFG_NAME_MAX,
} from "../regs/fw-cfg.js";

/** A named file. */
export interface FwCfgFile {
  name: string;
  bytes: Uint8Array;
}

/** Options of a `FwCfg`. */
export interface FwCfgOptions {
  memory: GuestMemory;
  cpuCount: number;
  files: readonly FwCfgFile[];
}

/** Most files of one machine. */
export const FW_CFG_FILES_MAX = 256;
/** A key has 14 bits; the other two mark writes and architecture-specific items. */
const KEY_MASK = 0x3fff;
const NOTHING = new Uint8Array();

/** A firmware configuration device. */
export class FwCfg implements Device {
  readonly #memory: GuestMemory;
  readonly #items: ReadonlyMap<number, Uint8Array>;
  #item: Uint8Array = NOTHING;
  #position = 0;
  #addressHigh = 0;

  /** @throws RangeError for too many files, and for a name that is too long or there twice. */
  constructor(options: FwCfgOptions) {
    this.#memory = options.memory;
    this.#items = itemsOf(options);
    this.reset();
  }

  read(offset: number, size: AccessSize): number {
    if (offset < FW_CFG.Selector) return this.#readData(size);
    if (size !== 4) return 0;
    if (offset === FW_CFG.DmaHigh) return FW_CFG_DMA_SIGNATURE.high;
    return offset === FW_CFG.DmaLow ? FW_CFG_DMA_SIGNATURE.low : 0;
  }

  write(offset: number, size: AccessSize, value: number): void {
    if (offset === FW_CFG.Selector && size === 2) this.#select(swap32(value) >>> 16);
    if (size !== 4) return;
    if (offset === FW_CFG.DmaHigh) this.#addressHigh = swap32(value);
    if (offset !== FW_CFG.DmaLow) return;
    const address = this.#addressHigh * 2 ** 32 + swap32(value);
    this.#addressHigh = 0;
    this.#transfer(address);
  }

  reset(): void {
    this.#addressHigh = 0;
    this.#select(FW_CFG_KEY.SIGNATURE);
  }

  #select(key: number): void {
    this.#item = this.#items.get(key & KEY_MASK) ?? NOTHING;
    this.#position = 0;
  }

  #readData(size: AccessSize): number {
    let value = 0;
    for (let byte = 0; byte < size; byte++) value += this.#next() * 256 ** byte;
    return value;
  }

  #next(): number {
    return this.#item[this.#position++] ?? 0;
  }

  /** Performs a DMA request. One that cannot be read is dropped: there is nowhere to say so. */
  #transfer(at: number): void {
    const bytes = this.#memory.view(at, FW_CFG_DMA.SIZE, true);
    if (bytes === undefined) return;
    const request = new DataView(bytes.buffer, bytes.byteOffset, FW_CFG_DMA.SIZE);
    const control = request.getUint32(FW_CFG_DMA.control);
    const length = request.getUint32(FW_CFG_DMA.length);
    const address = Number(request.getBigUint64(FW_CFG_DMA.address));
    if ((control & FW_CFG_DMA_CTL.SELECT) !== 0) this.#select(control >>> 16);
    const done = this.#perform(control, address, length);
    request.setUint32(FW_CFG_DMA.control, done ? 0 : FW_CFG_DMA_CTL.ERROR);
  }

  #perform(control: number, address: number, length: number): boolean {
    if ((control & FW_CFG_DMA_CTL.READ) !== 0) {
      const target = length === 0 ? NOTHING : this.#memory.view(address, length, true);
      if (target === undefined) return false;
      const rest = this.#item.subarray(this.#position, this.#position + length);
      target.fill(0);
      target.set(rest);
    } else if ((control & FW_CFG_DMA_CTL.WRITE) !== 0) {
      return false;
    } else if ((control & FW_CFG_DMA_CTL.SKIP) === 0) {
      return true;
    }
    this.#position += length;
    return true;
  }
}

function itemsOf({ cpuCount, files }: FwCfgOptions): Map<number, Uint8Array> {
  if (files.length > FW_CFG_FILES_MAX) {
    throw new RangeError(`fw_cfg has ${files.length} files, the limit is ${FW_CFG_FILES_MAX}`);
  }
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const items = new Map<number, Uint8Array>([
    [FW_CFG_KEY.SIGNATURE, new TextEncoder().encode("QEMU")],
    [FW_CFG_KEY.ID, littleEndian(FW_CFG_ID.TRADITIONAL | FW_CFG_ID.DMA, 4)],
    [FW_CFG_KEY.NB_CPUS, littleEndian(cpuCount, 2)],
    [FW_CFG_KEY.FILE_DIR, directory(sorted)],
  ]);
  sorted.forEach(({ bytes }, index) => items.set(FW_CFG_KEY.FILE_FIRST + index, bytes));
  return items;
}

function directory(files: readonly FwCfgFile[]): Uint8Array {
  const bytes = new Uint8Array(FW_CFG_DIR.entries + FW_CFG_FILE.SIZE * files.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(FW_CFG_DIR.count, files.length);
  files.forEach((file, index) => {
    const name = new TextEncoder().encode(file.name);
    if (name.length >= FW_CFG_NAME_MAX) {
      throw new RangeError(
        `fw_cfg file ${file.name} has a name of ${FW_CFG_NAME_MAX} bytes or more`,
      );
    }
    if (files[index + 1]?.name === file.name) {
      throw new RangeError(`fw_cfg has two files ${file.name}`);
    }
    const at = FW_CFG_DIR.entries + FW_CFG_FILE.SIZE * index;
    view.setUint32(at + FW_CFG_FILE.size, file.bytes.length);
    view.setUint16(at + FW_CFG_FILE.select, FW_CFG_KEY.FILE_FIRST + index);
    bytes.set(name, at + FW_CFG_FILE.name);
  });
  return bytes;
}

function littleEndian(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, byte) => (value >>> (8 * byte)) & 0xff);
}

/** A 32-bit word with its bytes in the other order. */
function swap32(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return view.getUint32(0);
}
