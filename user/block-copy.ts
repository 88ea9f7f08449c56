/** Copying in blocks, for `dd`: the plan, the loop, and the report that everyone knows. */

import { O_CREATE, O_TRUNCATE, O_WRITE } from "../ipc/open-flags.js";
import { formatByteSize } from "./byte-size.js";
import type { BlockingFile } from "./file.js";
import { type Progress, startProgress } from "./progress.js";
import type { System } from "./system.js";
import { readFull, writeAll } from "./transfer.js";

/** What to copy. Counts are in blocks; an undefined name means the standard stream. */
export interface CopyPlan {
  input: string | undefined;
  output: string | undefined;
  blockBytes: number;
  count: number;
  skip: number;
  seek: number;
  status: "none" | "summary" | "progress";
  /** Make it durable before the report. */
  sync: boolean;
  /** Cut off what the output had behind `seek`. */
  truncate: boolean;
}

/** What was copied: whole and partial blocks, bytes, and the time it took. */
export interface CopyReport {
  whole: number;
  partial: number;
  bytes: number;
  elapsedMs: number;
  /** The input ended before `skip` was reached. */
  shortOfSkip: boolean;
}

/** Carries out the plan. Throws what the system calls throw. */
export function copyBlocks(os: System, plan: CopyPlan): CopyReport {
  using source = plan.input === undefined ? undefined : os.open(os.resolve(plan.input));
  using target = plan.output === undefined ? undefined : openOutput(os, plan);
  const input = source ?? os.stdin;
  const output = target ?? os.stdout;
  const startedMs = os.now();
  const block = new Uint8Array(plan.blockBytes);
  const shortOfSkip = !skipInput(input, plan, block);
  if (plan.seek > 0) output.position += plan.seek * plan.blockBytes;
  const always = plan.status === "progress";
  const progress = plan.status === "none" ? undefined : startProgress(os, "dd", { always });
  const report: CopyReport = { whole: 0, partial: 0, bytes: 0, elapsedMs: 0, shortOfSkip };
  try {
    copyLoop({ input, output, block, count: plan.count, progress }, report);
  } finally {
    progress?.end();
  }
  if (plan.sync) output.sync();
  report.elapsedMs = os.now() - startedMs;
  return report;
}

interface Loop {
  input: BlockingFile;
  output: BlockingFile;
  block: Uint8Array;
  count: number;
  progress: Progress | undefined;
}

function copyLoop(loop: Loop, report: CopyReport): void {
  const { input, output, block, count, progress } = loop;
  while (report.whole < count) {
    const filled = readFull(input, block);
    if (filled === 0) return;
    writeAll(output, filled === block.length ? block : block.subarray(0, filled));
    report.bytes += filled;
    progress?.moved(filled);
    if (filled < block.length) {
      report.partial += 1;
      return;
    }
    report.whole += 1;
  }
}

/** Opens the output; a file is cut at `seek`, a device keeps its size. */
function openOutput(os: System, plan: CopyPlan): BlockingFile {
  const url = os.resolve(plan.output ?? "");
  const cut = plan.truncate && plan.seek === 0 ? O_TRUNCATE : 0;
  const file = os.open(url, { mode: O_WRITE | O_CREATE | cut });
  if (plan.truncate && plan.seek > 0 && file.stat().kind === "file") {
    file.truncate(plan.seek * plan.blockBytes);
  }
  return file;
}

/** Moves past `skip` blocks, by position or by reading. Returns false when the end came first. */
function skipInput(input: BlockingFile, plan: CopyPlan, block: Uint8Array): boolean {
  if (plan.skip === 0) return true;
  const { kind, size } = input.stat();
  if (kind !== "pipe" && kind !== "socket") {
    input.position += plan.skip * plan.blockBytes;
    return kind !== "file" || input.position <= size;
  }
  for (let skipped = 0; skipped < plan.skip; skipped++) {
    if (readFull(input, block) < block.length) return false;
  }
  return true;
}

/** Formats the report in the usual three lines. */
export function formatReport(report: CopyReport): string {
  const records = `${report.whole}+${report.partial} records`;
  const seconds = report.elapsedMs / 1000;
  const rate = seconds > 0 ? `${formatByteSize(report.bytes / seconds)}/s` : "too quick to tell";
  const size = `${report.bytes} bytes (${formatByteSize(report.bytes)})`;
  const shortage = report.shortOfSkip ? "dd: the input ended before skip= was reached\n" : "";
  return (
    `${shortage}${records} in\n${records} out\n` +
    `${size} copied, ${seconds.toFixed(3)} s, ${rate}\n`
  );
}
