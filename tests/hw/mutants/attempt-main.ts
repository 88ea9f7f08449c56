/*
 * A process that replays traces on the models of its own tree, one of which is a mutant. Exit
 * status: 0 nothing was found, 1 a step differed or a model threw, 3 the mutant is no program.
 * Arguments: the trace files.
 */
import { ATTEMPT } from "./attempt.js";

process.exitCode = await replayAll(process.argv.slice(2));

async function replayAll(files: readonly string[]): Promise<number> {
  try {
    const { replayTrace } = await import("../replay.js");
    const { readTrace } = await import("../trace.js");
    for (const file of files) {
      const { mismatches } = replayTrace(readTrace(file), { mismatchesMax: 1 });
      if (mismatches.length > 0) return ATTEMPT.caught;
    }
    return ATTEMPT.survived;
  } catch (error) {
    return error instanceof SyntaxError ? ATTEMPT.invalid : ATTEMPT.caught;
  }
}
