/* All recorded traces, replayed on the models: no step may differ. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { describeMismatch, replayTrace } from "./replay.js";
import { parseTrace, readTrace } from "./trace.js";

// Tests run compiled, from dist/tests/hw; the traces stay with the sources.
const TRACES = fileURLToPath(new URL("../../../tests/traces/", import.meta.url));

describe("replay: every recorded step has the recorded outcome", () => {
  for (const file of readdirSync(TRACES).filter((name) => name.endsWith(".jsonl.gz"))) {
    test(file, () => {
      const { steps, mismatches } = replayTrace(readTrace(join(TRACES, file)));
      expect(steps).toBeGreaterThan(100);
      expect(mismatches.slice(0, 10).map(describeMismatch)).toEqual([]);
    });
  }
});

describe("replay: canary", () => {
  test("a changed value, a missing interrupt and a step for another device are found", () => {
    const trace = [
      '{"o":"hdr","format":1,"device":"pl011","base":"0x9000000"}',
      '{"o":"note","s":"wrong"}',
      '{"o":"r","a":"0x18","s":4,"v":"0x91"}',
      '{"o":"w","a":"0x44","s":4,"v":"0x7ff","irq":[[1,1]]}',
      '{"o":"ntx","d":"00"}',
    ];
    const { mismatches } = replayTrace(parseTrace(trace.join("\n")));
    expect(mismatches.map(describeMismatch)).toEqual([
      "line 3 (wrong): r UARTFR: expected 0x91, got 0x90",
      "line 4 (wrong): wires after w UARTICR: expected [[1,1]], got []",
      "line 5 (wrong): sent: expected 00, got ",
    ]);
  });
});
