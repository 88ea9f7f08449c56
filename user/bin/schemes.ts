/** `schemes`: lists the schemes that this process can name. */

import { command } from "../command.js";
import { writeAll } from "../transfer.js";

export default command(
  { name: "schemes", usage: "", operands: [0, 0], example: "schemes" },
  (os) => {
    const names = [...os.schemes()].sort();
    writeAll(os.stdout, names.map((name) => `${name}:\n`).join(""));
  },
);
