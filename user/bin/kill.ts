/**
 * `kill`: ends processes and daemons, at once or at a named point of the life of a coming request.
 * A daemon whose manifest says `permanent` comes back by itself.
 */

import { command, forEachOperand, misused } from "../command.js";
import type { KillPoint } from "../system.js";

const POINTS: readonly KillPoint[] = ["submitted", "dequeued", "handled", "completed", "random"];

export default command(
  {
    name: "kill",
    usage: "[--at POINT] [--nth N] NAME|PID…",
    values: {
      "--at": `POINT  wait for a request to be ${POINTS.join(", ")}`,
      "--nth": "N  at the N-th such request, counted from 1",
    },
    operands: [1, Number.POSITIVE_INFINITY],
    example: "kill --at dequeued --nth 3 virtio-blkd",
  },
  (os, given) => {
    const atText = given.values.get("--at");
    const nthText = given.values.get("--nth");
    const at = POINTS.find((point) => point === atText);
    if (atText !== undefined && at === undefined) {
      return misused(os, "kill", `--at ${atText}: must be one of ${POINTS.join(", ")}`);
    }
    if (nthText !== undefined && !/^[1-9]\d{0,8}$/.test(nthText)) {
      return misused(os, "kill", `--nth ${nthText}: must be a number from 1`);
    }
    if (nthText !== undefined && at === undefined) {
      return misused(os, "kill", "--nth needs --at");
    }
    return forEachOperand(os, "kill", given.operands, (word) => {
      const target = /^\d+$/.test(word) ? Number(word) : word;
      if (at === undefined) os.kill(target);
      else os.kill(target, nthText === undefined ? { at } : { at, nth: Number(nthText) });
    });
  },
);
