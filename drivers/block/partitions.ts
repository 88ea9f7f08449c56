/**
 * Partition tables: MBR and GPT (UEFI 2.10 §5). Total: whatever the sectors hold, the result is a
 * list of partitions that lie within the disk.
 */

/** One partition, in sectors. `number` counts from 1. */
export interface Partition {
  number: number;
  start: number;
  count: number;
}

/*
 * MBR: OFFSET SIZE MEANING
 *        446    64 four entries of 16 bytes: type at 4, first sector u32 at 8, count u32 at 12
 *        510     2 signature 55 aa
 */
const MBR = { entries: 446, entrySize: 16, type: 4, first: 8, count: 12, signature: 510 } as const;
const MBR_SIGNATURE = 0xaa55;
const TYPE_EMPTY = 0;
const TYPE_PROTECTIVE = 0xee;
const MBR_ENTRIES = 4;

/*
 * GPT header (sector 1): OFFSET SIZE MEANING
 *                             0    8 "EFI PART"
 *                            72    8 first sector of the entries
 *                            80    4 number of entries
 *                            84    4 bytes of an entry
 * GPT entry: 0 16 type (all zero: unused) · 32 8 first sector · 40 8 last sector
 */
const GPT = { entriesAt: 72, entryCount: 80, entrySize: 84 } as const;
const GPT_ENTRY = {
  type: 0,
  typeHigh: 8,
  first: 32,
  last: 40,
  sizeMin: 128,
  sizeMax: 4096,
} as const;
const GPT_SIGNATURE = "EFI PART";
const GPT_ENTRIES_MAX = 128;

/** Reads sectors of the disk being looked at. */
export type ReadSectors = (first: number, count: number) => Promise<Uint8Array>;

/** Finds the partitions of a disk. @param sectorSize - bytes of a sector */
export async function findPartitions(
  read: ReadSectors,
  disk: { sectorSize: number; sectorCount: number },
): Promise<Partition[]> {
  if (disk.sectorCount < 2) return [];
  const first = await read(0, 1);
  const view = viewOf(first);
  if (view.getUint16(MBR.signature, true) !== MBR_SIGNATURE) return [];
  const entries = mbrEntries(view);
  const found = entries.some(({ type }) => type === TYPE_PROTECTIVE)
    ? await gptPartitions(read, disk)
    : entries.filter(({ type }) => type !== TYPE_EMPTY);
  return found
    .filter(({ start, count }) => start > 0 && count > 0 && start + count <= disk.sectorCount)
    .map(({ number, start, count }) => ({ number, start, count }));
}

function mbrEntries(view: DataView): (Partition & { type: number })[] {
  return Array.from({ length: MBR_ENTRIES }, (_, i) => {
    const at = MBR.entries + MBR.entrySize * i;
    return {
      number: i + 1,
      type: view.getUint8(at + MBR.type),
      start: view.getUint32(at + MBR.first, true),
      count: view.getUint32(at + MBR.count, true),
    };
  });
}

async function gptPartitions(
  read: ReadSectors,
  disk: { sectorSize: number; sectorCount: number },
): Promise<Partition[]> {
  const header = await read(1, 1);
  if (Buffer.from(header.subarray(0, GPT_SIGNATURE.length)).toString("latin1") !== GPT_SIGNATURE) {
    return [];
  }
  const view = viewOf(header);
  const entriesAt = Number(view.getBigUint64(GPT.entriesAt, true));
  const count = Math.min(view.getUint32(GPT.entryCount, true), GPT_ENTRIES_MAX);
  const size = view.getUint32(GPT.entrySize, true);
  if (size < GPT_ENTRY.sizeMin || size > GPT_ENTRY.sizeMax || count === 0) return [];
  const sectors = Math.ceil((count * size) / disk.sectorSize);
  if (!Number.isSafeInteger(entriesAt) || entriesAt + sectors > disk.sectorCount) return [];
  const table = viewOf(await read(entriesAt, sectors));
  const partitions: Partition[] = [];
  for (let i = 0; i < count; i++) {
    const at = i * size;
    const low = table.getBigUint64(at + GPT_ENTRY.type, true);
    const used = low !== 0n || table.getBigUint64(at + GPT_ENTRY.typeHigh, true) !== 0n;
    const start = Number(table.getBigUint64(at + GPT_ENTRY.first, true));
    const last = Number(table.getBigUint64(at + GPT_ENTRY.last, true));
    if (used && last >= start) partitions.push({ number: i + 1, start, count: last - start + 1 });
  }
  return partitions;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
