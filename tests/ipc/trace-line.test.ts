/** Trace lines: one event is one line, whatever its text holds. */

import { describe, expect, it } from "vitest";
import { formatTrace } from "../../ipc/trace-line.js";

describe("trace line", () => {
  it("trace: says moment, subject, incarnation, event and details", () => {
    const line = formatTrace({
      atMs: 12.3456,
      subject: "virtio-blkd",
      incarnation: 2,
      event: "fence",
      detail: { cause: "killed", inFlight: 3 },
    });
    expect(line).toBe('+   12.346 virtio-blkd#2 fence cause="killed" inFlight=3');
  });

  it("trace: an event without details ends with its name", () => {
    const event = { atMs: 0, subject: "kernel", incarnation: 1, event: "boot" };
    expect(formatTrace(event)).toBe("+    0.000 kernel#1 boot");
  });

  it("trace: text with line breaks and quotes stays on the line", () => {
    const detail = { cause: 'a "b"\nc\u001b[31m' };
    const line = formatTrace({ atMs: 1, subject: "x", incarnation: 1, event: "fault", detail });
    expect(line).not.toContain("\n");
    expect(line).not.toContain("\u001b");
    expect(line).toMatch(/cause="a \\"b\\"\\nc\\u001b\[31m"$/);
  });
});
