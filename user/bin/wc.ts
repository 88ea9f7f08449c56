/** `wc`: counts lines, words and bytes. */

import { command, forEachOperand } from "../command.js";
import type { BlockingFile } from "../file.js";
import { readBlocks, writeAll } from "../transfer.js";

interface Counts {
  lines: number;
  words: number;
  bytes: number;
}

export default command(
  {
    name: "wc",
    usage: "[-l] [-w] [-c] [FILE…]",
    flags: { "-l": "lines", "-w": "words", "-c": "bytes" },
    operands: [0, Number.POSITIVE_INFINITY],
    notes: "Without a flag it prints all three; without a file it reads standard input.",
    example: "ls file:/ | wc -l",
  },
  (os, given) => {
    const print = (counts: Counts, name: string) => {
      const wanted = [
        ["-l", counts.lines],
        ["-w", counts.words],
        ["-c", counts.bytes],
      ] as const;
      const cells = wanted
        .filter(([flag]) => given.flags.size === 0 || given.flags.has(flag))
        .map(([, count]) => String(count));
      writeAll(os.stdout, `${cells.join(" ")}${name === "" ? "" : ` ${name}`}\n`);
    };
    if (given.operands.length === 0) {
      print(countIn(os.stdin), "");
      return 0;
    }
    const total: Counts = { lines: 0, words: 0, bytes: 0 };
    const status = forEachOperand(os, "wc", given.operands, (name) => {
      using file = os.open(os.resolve(name));
      const counts = countIn(file);
      total.lines += counts.lines;
      total.words += counts.words;
      total.bytes += counts.bytes;
      print(counts, name);
    });
    if (given.operands.length > 1) print(total, "total");
    return status;
  },
);

function countIn(file: BlockingFile): Counts {
  const counts: Counts = { lines: 0, words: 0, bytes: 0 };
  let inWord = false;
  for (const block of readBlocks(file)) {
    counts.bytes += block.length;
    for (const byte of block) {
      if (byte === 0x0a) counts.lines += 1;
      const space = byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
      if (!space && !inWord) counts.words += 1;
      inWord = !space;
    }
  }
  return counts;
}
