/** The address map of `docs/board.md`, made from the board itself. */

import { type DeviceEntry, deviceName, type Range } from "../../hw/board-map.js";
import { VIRT } from "../../hw/boards/virt.js";
import { SPI_BASE } from "../../hw/regs/gicv2.js";

/** What stands around the generated part of the page. */
const BEGIN = "<!-- made by npm run board-map -->\n";
const END = "<!-- end of the map -->";

/** The page with the map made anew. @throws RangeError if its marks are not there */
export function withBoardTable(page: string): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length;
  const end = page.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new RangeError("docs/board.md has no marks");
  return page.slice(0, begin) + boardTable() + page.slice(end);
}

function boardTable(): string {
  const { gic, ram } = VIRT;
  const rows = [
    row("interrupt controller: distributor", gic.distributor, gic.compatible[0]),
    row("interrupt controller: CPU interface", gic.cpuInterface, gic.compatible[0]),
    ...deviceRows(VIRT.devices),
    row("memory", ram, undefined),
  ];
  const lines = rows.sort((a, b) => a.base - b.base).map(({ line }) => line);
  const head = ["| what | from | to | `compatible` | interrupt |", "|---|---|---|---|---|"];
  return `${[...head, ...lines].join("\n")}\n`;
}

/** One row for each device; slots, which differ by their number only, have one together. */
function deviceRows(devices: readonly DeviceEntry[]): { base: number; line: string }[] {
  const slots = devices.filter(({ kind }) => kind === "virtio-mmio");
  const [first] = slots;
  const last = slots.at(-1);
  const rows = devices
    .filter(({ kind }) => kind !== "virtio-mmio")
    .map((entry) =>
      row(`\`${deviceName(entry)}\``, entry.window, entry.compatible[0], lineOf(entry)),
    );
  if (first === undefined || last === undefined) return rows;
  const base = first.window.base;
  const size = last.window.base + last.window.size - base;
  const lines = `${(first.spi ?? 0) + SPI_BASE} to ${(last.spi ?? 0) + SPI_BASE}, ${first.trigger}`;
  const name = `${slots.length} virtio slots of ${hex(first.window.size)} bytes`;
  return [...rows, row(name, { base, size }, first.compatible[0], lines)];
}

function lineOf({ spi, trigger }: DeviceEntry): string {
  return spi === undefined ? "none" : `${spi + SPI_BASE}, ${trigger}`;
}

function row(
  name: string,
  { base, size }: Range,
  compatible: string | undefined,
  line = "",
): { base: number; line: string } {
  const what = compatible === undefined ? "" : `\`${compatible}\``;
  return { base, line: `| ${name} | ${hex(base)} | ${hex(base + size - 1)} | ${what} | ${line} |` };
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
