/*
 * A process that tries the models of its own tree, one of which is a mutant: it replays traces,
 * then runs unit tests. Exit status: see `ATTEMPT`. Arguments: trace files, compiled test files.
 */
import { pathToFileURL } from "node:url";
import { ATTEMPT } from "./attempt.js";
import { runTests } from "./quick-tests.js";

process.exitCode = await tryAll(process.argv.slice(2));

async function tryAll(files: readonly string[]): Promise<number> {
  const traces = files.filter((file) => !file.endsWith(".js"));
  const tests = files.filter((file) => file.endsWith(".js"));
  try {
    const { replayTrace } = await import("../replay.js");
    const { readTrace } = await import("../trace.js");
    for (const file of traces) {
      const { mismatches } = replayTrace(readTrace(file), { mismatchesMax: 1 });
      if (mismatches.length > 0) return ATTEMPT.trace;
    }
  } catch (error) {
    return error instanceof SyntaxError ? ATTEMPT.invalid : ATTEMPT.trace;
  }
  try {
    for (const file of tests) await import(pathToFileURL(file).href);
    await runTests();
  } catch {
    return ATTEMPT.test;
  }
  return ATTEMPT.survived;
}
