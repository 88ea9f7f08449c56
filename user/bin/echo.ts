/** `echo`: prints its arguments, separated by one space. */

import { command } from "../command.js";
import { writeAll } from "../transfer.js";

export default command(
  {
    name: "echo",
    usage: "[-n] [WORD…]",
    operands: [0, Number.POSITIVE_INFINITY],
    verbatim: true,
    notes: "With -n as the first argument, no newline follows.",
    example: "echo hello > ram:/greeting",
  },
  (os, given) => {
    const bare = given.operands[0] === "-n";
    const words = bare ? given.operands.slice(1) : given.operands;
    writeAll(os.stdout, words.join(" ") + (bare ? "" : "\n"));
  },
);
