/** `pwd`: prints the current directory as a URL. */

import { command } from "../command.js";
import { writeAll } from "../transfer.js";

export default command({ name: "pwd", usage: "", operands: [0, 0], example: "pwd" }, (os) =>
  writeAll(os.stdout, `${os.cwd}\n`),
);
