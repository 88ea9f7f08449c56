/**
 * A listing of a whole file system, made by this code in the very form in which the oracle
 * (tests/interop/oracle/) makes it from the real code, so that the two can be compared as text.
 */

import { O_READ, O_STAT, O_SYMLINK } from "../../ipc/open-flags.js";
import type { FileSystem, OpenFile } from "../../schemes/fs/file-system.js";
import { seaHash } from "../../schemes/fs/sea-hash.js";

const PIECE_BYTES = 65536;
/** Entries that one step of a listing asks for. */
const LISTED = 256;

/** One line per object, sorted by path, then how the blocks are divided. */
export async function listing(fs: FileSystem): Promise<string> {
  const lines: string[] = [];
  await walk(fs, "", lines);
  const { blocks, blocksFree } = fs.statVfs();
  lines.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return `${lines.join("")}space ${blocks} ${blocksFree} ${blocks - blocksFree}\n`;
}

async function walk(fs: FileSystem, path: string, lines: string[]): Promise<void> {
  const name = path === "" ? "/" : path;
  const file = await fs.open(name, { flags: O_STAT | O_SYMLINK });
  const stat = fs.attributes(file);
  const { kind, user, group, links, size, blocks, modified } = stat;
  const hash = kind === "directory" ? 0n : await hashOf(fs, file, size);
  const words = [
    ...[name, kind, stat.mode.toString(8), user, group, links, size, blocks],
    `${modified.seconds}.${modified.nanoseconds}`,
    hash.toString(16).padStart(16, "0"),
  ];
  lines.push(`${words.join(" ")}\n`);
  await fs.close(file);
  if (kind !== "directory") return;
  const directory = await fs.open(name, { flags: O_READ });
  for (let cursor = 0; ; ) {
    const listed = await fs.list(directory, cursor, LISTED);
    if (listed.length === 0) break;
    for (const entry of listed) await walk(fs, `${path}/${entry.name}`, lines);
    cursor = listed.at(-1)?.cursor ?? 0;
  }
  await fs.close(directory);
}

/** Sum over pieces of 64 KiB that are not zero: their hash, rotated by their number. */
async function hashOf(fs: FileSystem, { node }: OpenFile, size: number): Promise<bigint> {
  const bytes = Buffer.alloc(PIECE_BYTES);
  const zeros = Buffer.alloc(PIECE_BYTES);
  let sum = 0n;
  for (let offset = 0; offset < size; offset += PIECE_BYTES) {
    const count = await fs.volume.read(() => fs.volume.records.read(node, offset, bytes));
    if (zeros.compare(bytes, 0, count, 0, count) === 0) continue;
    const { low, high } = seaHash(bytes, 0, count);
    const hash = (BigInt(high) << 32n) | BigInt(low);
    const turn = BigInt((offset / PIECE_BYTES) % 64);
    const turned = (hash << turn) | (hash >> (64n - turn));
    sum = BigInt.asUintN(64, sum + BigInt.asUintN(64, turned));
  }
  return sum;
}

/** Free and used blocks of a listing must make up the whole disk. */
export function spaceOf(listed: string): { total: number; free: number; used: number } {
  const [, total, free, used] = (listed.trim().split("\n").at(-1) ?? "").split(" ").map(Number);
  return { total: total ?? 0, free: free ?? 0, used: used ?? 0 };
}
