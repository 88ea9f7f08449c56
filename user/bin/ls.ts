/** `ls`: lists directories by name; with -l kind, mode, links, size and time as well. */

import { errnoOf } from "../../ipc/errno.js";
import { O_STAT, O_SYMLINK } from "../../ipc/open-flags.js";
import type { FileKind, Stat } from "../../ipc/stat.js";
import { command, forEachOperand } from "../command.js";
import type { System } from "../system.js";
import { writeAll } from "../transfer.js";
import { childUrl } from "../url-path.js";

const LETTERS: Readonly<Record<FileKind, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  device: "c",
  pipe: "p",
  socket: "s",
};

interface Row {
  name: string;
  url: string;
  kind: FileKind;
}

export default command(
  {
    name: "ls",
    usage: "[-l] [PATH…]",
    flags: { "-l": "long: kind and mode, links, size in bytes, time, name" },
    operands: [0, Number.POSITIVE_INFINITY],
    example: "ls -l file:/etc",
  },
  (os, given) => {
    const long = given.flags.has("-l");
    const paths = given.operands.length === 0 ? ["."] : given.operands;
    let first = true;
    return forEachOperand(os, "ls", paths, (path) => {
      const url = os.resolve(path);
      const rows = rowsOf(os, path, url);
      const title = paths.length > 1 && rows.directory ? `${first ? "" : "\n"}${path}:\n` : "";
      first = false;
      writeAll(os.stdout, title + format(os, rows.list, long));
    });
  },
);

function rowsOf(os: System, path: string, url: string): { directory: boolean; list: Row[] } {
  const stat = os.stat(url);
  if (stat.kind !== "directory") {
    return { directory: false, list: [{ name: path, url, kind: stat.kind }] };
  }
  using directory = os.open(url, { mode: "list" });
  const list = directory.list().map(({ name, kind }) => ({ name, url: childUrl(url, name), kind }));
  list.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { directory: true, list };
}

function format(os: System, rows: Row[], long: boolean): string {
  if (!long) return rows.map((row) => `${row.name}${mark(row.kind)}\n`).join("");
  const cells = rows.map((row) => longCells(os, row));
  const widths = [0, 1, 2, 3].map((column) =>
    Math.max(0, ...cells.map((line) => (line[column] ?? "").length)),
  );
  return cells
    .map((line) => {
      const [mode = "", links = "", size = "", time = "", name = ""] = line;
      const [, linksWidth = 0, sizeWidth = 0, timeWidth = 0] = widths;
      const numbers = `${links.padStart(linksWidth)} ${size.padStart(sizeWidth)}`;
      return `${mode} ${numbers} ${time.padEnd(timeWidth)} ${name}\n`;
    })
    .join("");
}

function mark(kind: FileKind): string {
  if (kind === "directory") return "/";
  return kind === "symlink" ? "@" : "";
}

function longCells(os: System, row: Row): string[] {
  const stat = statOfName(os, row.url);
  if (stat === undefined) return [`${LETTERS[row.kind]}?????????`, "?", "?", "?", row.name];
  const target = stat.kind === "symlink" ? ` -> ${os.readlink(row.url)}` : "";
  return [
    LETTERS[stat.kind] + formatMode(stat.mode),
    String(stat.links ?? 1),
    String(stat.size),
    stat.modifiedMs === undefined ? "-" : formatTime(stat.modifiedMs),
    row.name + target,
  ];
}

/** Attributes of the name itself; undefined when it vanished or may not be looked at. */
function statOfName(os: System, url: string): Stat | undefined {
  try {
    using file = os.open(url, { mode: O_STAT | O_SYMLINK });
    return file.stat();
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}

function formatMode(mode: number): string {
  let text = "";
  for (let bit = 8; bit >= 0; bit--) {
    text += (mode & (1 << bit)) !== 0 ? "xwr"[bit % 3] : "-";
  }
  return text;
}

function formatTime(atMs: number): string {
  const iso = new Date(atMs).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}
