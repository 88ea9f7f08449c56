/** `true`: ends with status 0. */

import { command } from "../command.js";

export default command(
  {
    name: "true",
    usage: "",
    operands: [0, Number.POSITIVE_INFINITY],
    verbatim: true,
    example: "true && echo reached",
  },
  () => 0,
);
