/** `sha256sum`: prints the SHA-256 sum of files or of standard input. */

import { createHash } from "node:crypto";
import { command, forEachOperand } from "../command.js";
import type { BlockingFile } from "../file.js";
import { startProgress } from "../progress.js";
import type { System } from "../system.js";
import { readBlocks, writeAll } from "../transfer.js";

const BLOCK_BYTES = 4 * 1024 * 1024;

export default command(
  {
    name: "sha256sum",
    usage: "[FILE…]",
    operands: [0, Number.POSITIVE_INFINITY],
    notes: "Without a file, or for `-`, it reads standard input.",
    example: "sha256sum disk:/0",
  },
  (os, given) => {
    const files = given.operands.length === 0 ? ["-"] : given.operands;
    return forEachOperand(os, "sha256sum", files, (name) => {
      if (name === "-") {
        writeAll(os.stdout, `${sumOf(os, os.stdin, undefined)}  -\n`);
        return;
      }
      using file = os.open(os.resolve(name));
      const { size } = file.stat();
      const sum = sumOf(os, file, size > 0 ? size : undefined);
      writeAll(os.stdout, `${sum}  ${name}\n`);
    });
  },
);

function sumOf(os: System, file: BlockingFile, total: number | undefined): string {
  const hash = createHash("sha256");
  const progress = startProgress(os, "sha256sum", { total });
  try {
    for (const block of readBlocks(file, BLOCK_BYTES)) {
      hash.update(block);
      progress.moved(block.length);
    }
  } finally {
    progress.end();
  }
  return hash.digest("hex");
}
