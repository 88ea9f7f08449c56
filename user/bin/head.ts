/** `head`: prints the first lines, or bytes, of files or of standard input. */

import { parseByteSize } from "../byte-size.js";
import { command, forEachOperand, misused } from "../command.js";
import type { BlockingFile } from "../file.js";
import type { System } from "../system.js";
import { readBlocks, writeAll } from "../transfer.js";

const LINES_DEFAULT = "10";
const NEWLINE = 0x0a;

export default command(
  {
    name: "head",
    usage: "[-n LINES | -c BYTES] [FILE…]",
    values: {
      "-n": "LINES  how many lines (default 10)",
      "-c": "BYTES  how many bytes (4K, 1M …)",
    },
    operands: [0, Number.POSITIVE_INFINITY],
    example: "head -c 16 rand:",
  },
  (os, given) => {
    const bytesText = given.values.get("-c");
    const text = bytesText ?? given.values.get("-n") ?? LINES_DEFAULT;
    const limit = parseByteSize(text);
    if (limit === undefined) return misused(os, "head", `${text}: not a count`);
    const print = bytesText === undefined ? printLines : printBytes;
    const files = given.operands.length === 0 ? ["-"] : given.operands;
    return forEachOperand(os, "head", files, (name) => {
      if (name === "-") {
        print(os, os.stdin, limit);
        return;
      }
      using file = os.open(os.resolve(name));
      print(os, file, limit);
    });
  },
);

function printBytes(os: System, file: BlockingFile, limit: number): void {
  const buffer = new Uint8Array(Math.min(limit, 64 * 1024));
  let left = limit;
  while (left > 0) {
    const count = file.read(left < buffer.length ? buffer.subarray(0, left) : buffer);
    if (count === 0) return;
    writeAll(os.stdout, buffer.subarray(0, count));
    left -= count;
  }
}

function printLines(os: System, file: BlockingFile, limit: number): void {
  let left = limit;
  if (left === 0) return;
  for (const block of readBlocks(file, 4096)) {
    for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) {
      left -= 1;
      if (left > 0) continue;
      writeAll(os.stdout, block.subarray(0, at + 1));
      return;
    }
    writeAll(os.stdout, block);
  }
}
