/** `false`: ends with status 1. */

import { command } from "../command.js";

export default command(
  {
    name: "false",
    usage: "",
    operands: [0, Number.POSITIVE_INFINITY],
    verbatim: true,
    example: "false || echo reached",
  },
  () => 1,
);
