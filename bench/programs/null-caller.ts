/**
 * Program: makes null calls, one at a time, each blocking; or many in flight, the oldest awaited.
 */

import { type Call, currentGate } from "../../ipc/abi.js";
import { assert } from "../../ipc/assert.js";
import { OP_READ } from "../../ipc/opcode.js";
import { O_READ } from "../../ipc/open-flags.js";
import type { System } from "../../user/system.js";
import { type Span, sampleCalls, sampleRate } from "../sampling.js";
import { writeResult } from "./result.js";

const URL_OF_NULL = "benchnull:/";

export default function main(os: System): void {
  const [result = "", depth, warmMs, runMs] = os.args;
  const span = { warmMs: Number(warmMs), runMs: Number(runMs) };
  const samples = Number(depth) === 1 ? oneByOne(os, span) : pipelined(Number(depth), span);
  writeResult(os, result, samples);
}

function oneByOne(os: System, span: Span): Float64Array {
  using file = os.open(URL_OF_NULL);
  const nothing = new Uint8Array(0);
  return sampleCalls(() => file.read(nothing), span);
}

/** The file interface blocks for each request; a pipelined client talks to the gate itself. */
function pipelined(depth: number, span: Span): Float64Array {
  const gate = currentGate();
  assert(gate !== undefined, "this program runs inside Anode only");
  const opening = gate.open(URL_OF_NULL, O_READ);
  gate.wait(opening);
  const file = gate.opened(opening);
  assert(file !== undefined, "benchnull: does not open");
  const nothing = new Uint8Array(0);
  const submit = (): Call => {
    const call = file.call(OP_READ);
    call.bytes = nothing;
    call.offset = 0;
    gate.start(call);
    return call;
  };
  const flying = Array.from({ length: depth }, submit);
  const step = (): number => {
    for (let lane = 0; lane < depth; lane++) {
      gate.wait(flying[lane] as Call);
      flying[lane] = submit();
    }
    return depth;
  };
  const samples = sampleRate(step, span);
  for (const call of flying) gate.wait(call);
  return samples;
}
