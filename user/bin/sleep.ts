/** `sleep`: waits for some seconds, with a fraction if need be. */

import { command, misused } from "../command.js";

/** Longest sleep in seconds: what a 32-bit timer of milliseconds holds, rounded down. */
const SECONDS_MAX = 2_000_000;

export default command(
  {
    name: "sleep",
    usage: "SECONDS",
    operands: [1, 1],
    example: "sleep 0.5",
  },
  (os, given) => {
    const text = given.operands[0] ?? "";
    const seconds = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(seconds <= SECONDS_MAX)) {
      return misused(os, "sleep", `${text}: not a number of seconds up to ${SECONDS_MAX}`);
    }
    os.sleep(seconds * 1000);
    return 0;
  },
);
