/** `ps`: lists processes and daemons, with their incarnation and what ended the last one. */

import { command } from "../command.js";
import { formatTable } from "../text-table.js";
import { writeAll } from "../transfer.js";

export default command(
  {
    name: "ps",
    usage: "[--json]",
    flags: { "--json": "one JSON array, for scripts" },
    operands: [0, 0],
    example: "ps",
  },
  (os, given) => {
    const processes = os.processes().sort((a, b) => a.pid - b.pid);
    if (given.flags.has("--json")) {
      writeAll(os.stdout, `${JSON.stringify(processes)}\n`);
      return;
    }
    const rows = processes.map((process) => [
      String(process.pid),
      process.name,
      process.state,
      String(process.incarnation),
      String(process.restarts),
      process.lastDeath ?? "",
    ]);
    const titles = [">PID", "NAME", "STATE", ">INCARNATION", ">RESTARTS", "LAST DEATH"];
    writeAll(os.stdout, formatTable(titles, rows));
  },
);
