/** The console's line discipline, without a console. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LINE_BYTES_MAX, LineDiscipline } from "../../drivers/character/line-discipline.js";

/** Types `text`; returns the echo and how many interrupts there were. */
function type(line: LineDiscipline, text: string): { echo: string; interrupts: number } {
  let echo = "";
  let interrupts = 0;
  for (const byte of Buffer.from(text)) {
    const fed = line.feed(byte);
    echo += fed.echo;
    if (fed.interrupt) interrupts += 1;
  }
  return { echo: Buffer.from(echo, "latin1").toString(), interrupts };
}

/** Reads as long as nothing waits; each read is one string. */
function reads(line: LineDiscipline, bytesMax = 100): string[] {
  const all: string[] = [];
  while (line.ready) {
    const bytes = new Uint8Array(bytesMax);
    all.push(Buffer.from(bytes.subarray(0, line.take(bytes))).toString());
  }
  return all;
}

function cooked(): LineDiscipline {
  const line = new LineDiscipline();
  line.setMode("cooked");
  return line;
}

describe("line discipline: raw", () => {
  it("line discipline: raw input comes as it is, with no echo, Ctrl-C and Ctrl-D too", () => {
    const line = new LineDiscipline();
    expect(type(line, "a\r\x03\x04\x7f\xff")).toEqual({ echo: "", interrupts: 0 });
    expect(reads(line)).toEqual(["a\r\x03\x04\x7f\xff"]);
  });
});

describe("line discipline: cooked", () => {
  it.each([
    ["a line", "hello\r", "hello\n", ["hello\n"]],
    ["two lines, one read each", "a\nb\r", "a\nb\n", ["a\n", "b\n"]],
    ["CR LF is one Enter", "a\r\nb\r\n", "a\nb\n", ["a\n", "b\n"]],
    ["backspace", "ax\x7fb\r", "ax\b \bb\n", ["ab\n"]],
    ["backspace takes a whole character", "a\u00fc\u65e5\x7f\b\r", undefined, ["a\n"]],
    ["nothing to erase rings the bell", "\x7f\r", "\x07\n", ["\n"]],
    ["Ctrl-U", "abc\x15d\r", "abc\b \b\b \b\b \bd\n", ["d\n"]],
    ["Ctrl-W", "one two \x17x\r", undefined, ["one x\n"]],
    ["a control character takes two columns", "\x01\x7f\r", "^A\b \b\b \b\n", ["\n"]],
    ["Ctrl-D on an empty line is the end of file", "\x04", "", [""]],
    ["Ctrl-D ends a line without a newline", "abc\x04", "abc", ["abc"]],
    ["Ctrl-D after lines", "a\r\x04b\r", "a\nb\n", ["a\n", "", "b\n"]],
    ["other alphabets are echoed as typed", "\u00fc\u65e5\r", "\u00fc\u65e5\n", ["\u00fc\u65e5\n"]],
  ])("line discipline: %s", (_name, typed, echo, read) => {
    const line = cooked();
    const shown = type(line, typed);
    if (echo !== undefined) expect(shown.echo).toBe(echo);
    expect(reads(line)).toEqual(read);
    expect(line.held).toBe(0);
  });

  it("line discipline: nothing can be read before Enter", () => {
    const line = cooked();
    type(line, "abc");
    expect(line.ready).toBe(false);
    expect(line.held).toBe(3);
  });

  it("line discipline: a short read leaves the rest of the line", () => {
    const line = cooked();
    type(line, "abcde\rf\r");
    expect(reads(line, 4)).toEqual(["abcd", "e\n", "f\n"]);
  });

  it("line discipline: Ctrl-C is an interrupt and drops what was typed", () => {
    const line = cooked();
    expect(type(line, "one\rtwo\x03three\r").interrupts).toBe(1);
    expect(reads(line)).toEqual(["three\n"]);
  });

  it("line discipline: a line that is too long rings the bell, and still ends", () => {
    const line = cooked();
    const { echo } = type(line, `${"x".repeat(LINE_BYTES_MAX + 10)}\r`);
    expect(echo.endsWith("\x07\n")).toBe(true);
    expect(reads(line, 10_000)[0]).toHaveLength(LINE_BYTES_MAX);
  });
});

describe("line discipline: a change of mode", () => {
  it("line discipline: keeps what was typed ahead, and echoes it no second time", () => {
    const line = new LineDiscipline();
    type(line, "data\rmore");
    expect(line.setMode("cooked")).toBe(false);
    expect(reads(line)).toEqual(["data\n"]);
    type(line, "\recho\r\x04ha");
    line.setMode("raw");
    expect(reads(line)).toEqual(["more\necho\n\x04ha"]);
  });

  it("line discipline: a Ctrl-C that was typed ahead interrupts once the mode is cooked", () => {
    const line = new LineDiscipline();
    type(line, "x\x03y\r");
    expect(line.setMode("cooked")).toBe(true);
    expect(reads(line)).toEqual(["y\n"]);
  });

  it("line discipline: an interrupt that found nobody is given back to a raw reader", () => {
    const line = cooked();
    type(line, "\x03ab");
    line.setMode("raw");
    line.unreadInterrupt();
    expect(reads(line)).toEqual(["\x03ab"]);
  });

  it("line discipline: whatever is typed, the count of bytes held stays right", () => {
    const step = fc.oneof(
      fc.uint8Array({ maxLength: 20 }).map((bytes) => ({ bytes })),
      fc.constantFrom("raw", "cooked").map((mode) => ({ mode: mode as "raw" | "cooked" })),
      fc.nat(8).map((read) => ({ read })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const line = new LineDiscipline();
        for (const one of steps) {
          if ("bytes" in one) for (const byte of one.bytes) line.feed(byte);
          else if ("mode" in one) line.setMode(one.mode);
          else if (line.ready) line.take(new Uint8Array(one.read));
          expect(line.held).toBeGreaterThanOrEqual(0);
        }
        line.setMode("raw");
        reads(line);
        expect(line.held).toBe(0);
      }),
    );
  });
});
