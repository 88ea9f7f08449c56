/** `sh`: the shell. With -c or a script it runs commands and ends; on a terminal it prompts. */

import { EFBIG } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import { command, misused } from "../command.js";
import type { BlockingFile } from "../file.js";
import { runInteractively } from "../shell/interactive.js";
import { Shell } from "../shell/shell.js";
import { inputIsTerminal } from "../shell/terminal.js";
import type { System } from "../system.js";
import { readBlocks } from "../transfer.js";

const SCRIPT_BLOCK_BYTES = 64 * 1024;
const SCRIPT_BYTES_MAX = 1024 * 1024;

export default command(
  {
    name: "sh",
    usage: "[-c COMMANDS | SCRIPT]",
    values: {
      "-c": "COMMANDS  run these",
      "--status": "N  what $? is at first",
    },
    operands: [0, 1],
    notes: "Without either it reads commands from standard input, with a prompt on a terminal.",
    example: "sh -c 'echo a | wc -c && echo done'",
  },
  (os, given) => {
    const statusText = given.values.get("--status") ?? "0";
    if (!/^\d{1,3}$/.test(statusText))
      return misused(os, "sh", `--status ${statusText}: not a status`);
    const status = Number(statusText);
    const text = given.values.get("-c");
    if (text !== undefined) return runText(os, text, status);
    const [script] = given.operands;
    if (script !== undefined) {
      using file = os.open(os.resolve(script));
      return runText(os, readText(file), status);
    }
    if (!inputIsTerminal(os)) return runText(os, readText(os.stdin), status);
    return runInteractively(new Shell(os, { interactive: true, status }));
  },
);

function runText(os: System, text: string, status: number): number {
  const shell = new Shell(os, { interactive: false, status });
  const problem = shell.run(text);
  if (problem !== undefined) shell.reportProblem(text, problem);
  return shell.status;
}

/** Reads a script whole. @throws EFBIG, so that `sh < zero:` ends */
function readText(file: BlockingFile): string {
  const blocks: Buffer[] = [];
  let bytes = 0;
  for (const block of readBlocks(file, SCRIPT_BLOCK_BYTES)) {
    bytes += block.length;
    if (bytes > SCRIPT_BYTES_MAX) throw new SysError(EFBIG, { operation: "read", url: file.url });
    blocks.push(Buffer.from(block));
  }
  return Buffer.concat(blocks).toString();
}
