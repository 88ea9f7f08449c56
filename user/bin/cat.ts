/** `cat`: copies files, or standard input, to standard output. */

import { command, forEachOperand } from "../command.js";
import { copyAll } from "../transfer.js";

export default command(
  {
    name: "cat",
    usage: "[FILE…]",
    operands: [0, Number.POSITIVE_INFINITY],
    notes: "Without a file, or for `-`, it reads standard input.",
    example: "cat file:/etc/motd",
  },
  (os, given) => {
    const files = given.operands.length === 0 ? ["-"] : given.operands;
    return forEachOperand(os, "cat", files, (name) => {
      if (name === "-") {
        copyAll(os.stdin, os.stdout);
        return;
      }
      using file = os.open(os.resolve(name));
      copyAll(file, os.stdout);
    });
  },
);
