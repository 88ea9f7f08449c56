/**
 * Boards by description: `virt`, `virt,disks=2,nics=1,memory=256M`, or the path of a JSON file with
 * a whole address map. What is wrong with one is said with the name of the field.
 */

import { readFileSync } from "node:fs";
import { BoardError, type BoardMap, checkBoardMap, type DeviceEntry } from "../hw/board-map.js";
import { VIRT } from "../hw/boards/virt.js";
import { planSlots, type VirtioCounts } from "../hw/virtio-slots.js";
import { EINVAL } from "../ipc/errno.js";
import { SysError } from "../ipc/sys-error.js";
import { BootError } from "./boot-error.js";

/** Boards that have a name. */
const BOARDS: Readonly<Record<string, BoardMap>> = { virt: VIRT };

/** Bytes of guest memory. Nothing is set aside for it before drivers use it. */
const MEMORY_MIN = 16 * 2 ** 20;
const MEMORY_MAX = 16 * 2 ** 30;
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };
const PAGE = 4096;

/** Bytes of a board file; more is a mistake. */
const FILE_BYTES_MAX = 1024 * 1024;

/** What can be said of a named board. */
interface Options {
  disks?: number;
  nics?: number;
  memory?: number;
}

/**
 * Reads a board's description.
 * @throws SysError EINVAL that names the option or the field that is wrong; ENOENT and others of
 *   the host for a file that cannot be read come as EINVAL too, with the host's message
 */
export async function parseBoard(text: string): Promise<BoardMap> {
  try {
    return text.endsWith(".json") ? await readBoardFile(text) : parseNamed(text);
  } catch (error) {
    if (!(error instanceof BoardError)) throw error;
    throw new SysError(EINVAL, { operation: "board", url: text, hint: error.message });
  }
}

/**
 * Checks that a board has slots for what it shall have.
 * @throws BootError EINVAL that says how many slots there are
 */
export function checkSlots(map: BoardMap | undefined, counts: VirtioCounts): void {
  try {
    planSlots(map ?? VIRT, counts);
  } catch (error) {
    if (!(error instanceof BoardError)) throw error;
    throw new BootError("EINVAL", error.message);
  }
}

function parseNamed(text: string): BoardMap {
  const [name = "", ...words] = text.split(",");
  const map = Object.hasOwn(BOARDS, name) ? BOARDS[name] : undefined;
  if (map === undefined) {
    const known = Object.keys(BOARDS).join(", ");
    throw new BoardError(`there is no board "${name}"; known: ${known}, or a path to a .json file`);
  }
  const options: Options = {};
  for (const word of words) {
    const [key = "", value, rest] = word.split("=");
    if (key !== "disks" && key !== "nics" && key !== "memory") {
      throw new BoardError(`unknown option "${key}"; known: disks, nics, memory`);
    }
    if (options[key] !== undefined) throw new BoardError(`${key}: is there twice`);
    if (value === undefined || rest !== undefined) {
      throw new BoardError(`${key}: "${word}" is not ${key}=VALUE`);
    }
    options[key] = key === "memory" ? parseMemory(value) : parseCount(key, value);
  }
  return furnished(map, options);
}

function parseCount(key: string, value: string): number {
  if (!/^\d{1,4}$/.test(value)) throw new BoardError(`${key}: "${value}" is not a number`);
  return Number(value);
}

function parseMemory(value: string): number {
  const [, digits, unit] = /^(\d{1,12})([KMG]?)$/.exec(value) ?? [];
  if (digits === undefined) {
    throw new BoardError(`memory: "${value}" is not a size, like 256M or 1G`);
  }
  const bytes = Number(digits) * (UNITS[unit ?? ""] ?? 1);
  if (bytes < MEMORY_MIN || bytes > MEMORY_MAX || bytes % PAGE !== 0) {
    throw new BoardError(`memory: "${value}" is not from 16M to 16G in whole pages`);
  }
  return bytes;
}

/** Disks take the first slots, network devices the last ones; the rest is for all but disks. */
function furnished(map: BoardMap, { disks, nics = 0, memory }: Options): BoardMap {
  const slotCount = map.devices.filter(({ kind }) => kind === "virtio-mmio").length;
  if ((disks ?? 0) + nics > slotCount) {
    const wanted = disks === undefined ? `nics=${nics}` : `disks=${disks},nics=${nics}`;
    throw new BoardError(`disks, nics: ${wanted} do not fit, ${map.name} has ${slotCount} slots`);
  }
  let slot = 0;
  const devices = map.devices.map((entry): DeviceEntry => {
    if (entry.kind !== "virtio-mmio") return entry;
    const index = slot++;
    if (index >= slotCount - nics) return { ...entry, holds: "nic" };
    if (disks === undefined) return entry;
    return { ...entry, holds: index < disks ? "disk" : "other" };
  });
  return { ...map, devices, ram: { ...map.ram, size: memory ?? map.ram.size } };
}

/** The schema is loaded only for files: it takes longer than the rest of a boot's preparation. */
async function readBoardFile(path: string): Promise<BoardMap> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new BoardError((error as Error).message);
  }
  if (text.length > FILE_BYTES_MAX) throw new BoardError("the file is longer than 1 MiB");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new BoardError(`not JSON: ${(error as Error).message}`);
  }
  const { parseBoardJson } = await import("./board-schema.js");
  const map = parseBoardJson(value);
  checkBoardMap(map);
  return map;
}
