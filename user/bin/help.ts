/** `help`: lists the programs, or shows one program's own help. */

import { command, complain } from "../command.js";
import { formatPrograms, isProgram } from "../programs.js";
import { writeAll } from "../transfer.js";

export default command(
  {
    name: "help",
    usage: "[PROGRAM]",
    operands: [0, 1],
    example: "help dd",
  },
  (os, given) => {
    const [program] = given.operands;
    if (program === undefined) {
      writeAll(os.stdout, `Programs (NAME --help tells more):\n${formatPrograms()}`);
      return 0;
    }
    if (!isProgram(program)) return complain(os, "help", `${program}: no such program`);
    return os.spawn({ program, args: ["--help"] }).wait().status;
  },
);
