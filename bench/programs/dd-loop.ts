/** Program: the loop of `dd` between two files, measured from inside. */

import type { System } from "../../user/system.js";
import { sampleRate } from "../sampling.js";
import { writeResult } from "./result.js";

export default function main(os: System): void {
  const [result = "", from = "", to = "", blockBytes, warmMs, runMs] = os.args;
  using source = os.open(from);
  using target = os.open(to, { mode: "write" });
  const block = new Uint8Array(Number(blockBytes));
  const step = (): number => {
    const count = source.read(block);
    return target.write(count === block.length ? block : block.subarray(0, count));
  };
  writeResult(os, result, sampleRate(step, { warmMs: Number(warmMs), runMs: Number(runMs) }));
}
