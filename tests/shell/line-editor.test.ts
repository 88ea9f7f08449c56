/** The line editor: what bytes do to the line, and that the screen shows the line. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineEditor, type LineEvent } from "../../user/shell/line-editor.js";

const UP = "\x1b[A";
const DOWN = "\x1b[B";
const RIGHT = "\x1b[C";
const LEFT = "\x1b[D";
const HOME = "\x1b[H";
const END = "\x1b[F";
const DELETE = "\x1b[3~";

/** A terminal's line as it looks after `shown` was printed: enough of ECMA-48 for the editor. */
function screen(shown: string): string {
  let line: string[] = [];
  let column = 0;
  for (const [token] of shown.matchAll(/\x1b\[(\d*)([A-Z])|[\s\S]/gu)) {
    const count = Number(/\d+/.exec(token)?.[0] ?? 1);
    if (token === "\n") {
      line = [];
      column = 0;
    } else if (token.endsWith("D") && token.length > 1) column -= count;
    else if (token.endsWith("C") && token.length > 1) column += count;
    else if (token.endsWith("K") && token.length > 1) line.length = column;
    else if (token !== "\x07") {
      line[column] = token;
      column += 1;
    }
  }
  return `${line.slice(0, column).join("")}|${line.slice(column).join("")}`;
}

/** Types `text`; returns the events, and the line on the screen with the cursor as `|`. */
function type(editor: LineEditor, text: string): { events: LineEvent[]; line: string } {
  const events: LineEvent[] = [];
  let shown = "";
  for (const byte of Buffer.from(text)) {
    const { show, event } = editor.feed(byte);
    shown += show;
    if (event !== undefined) events.push(event);
  }
  return { events, line: screen(shown) };
}

describe("line editor", () => {
  it.each([
    ["abc", "abc|"],
    ["abc\x7f", "ab|"],
    ["abc\x08\x08", "a|"],
    ["abc\x7f\x7f\x7f\x7f", "|"],
    [`abc${LEFT}${LEFT}x`, "ax|bc"],
    [`abc${LEFT}\x7f`, "a|c"],
    [`abc${HOME}x${END}y`, "xabcy|"],
    [`abc${LEFT}${LEFT}${LEFT}${LEFT}${RIGHT}`, "a|bc"],
    [`abc${HOME}${DELETE}`, "|bc"],
    ["abc\x01x\x05y", "xabcy|"],
    ["one two\x17", "one |"],
    ["one two  \x17\x17", "|"],
    [`one two${LEFT}\x15`, "|o"],
    [`abc${LEFT}${LEFT}\x0b`, "a|"],
    [`abc${LEFT}\x04`, "ab|"],
    ["gr\u00fc\u00df", "grüß|"],
    ["\u{1f600}\x7fa", "a|"],
    ["a\x1b[99;5Zb", "ab|"],
    ["a\x00\x1c", "a|"],
  ])("line editor: %j shows %j", (typed, line) => {
    expect(type(new LineEditor(), typed).line).toBe(line);
  });

  it.each([
    ["ls\r", [{ tag: "line", text: "ls" }]],
    [
      "a\r\nb\n",
      [
        { tag: "line", text: "a" },
        { tag: "line", text: "b" },
      ],
    ],
    [
      "\r\r",
      [
        { tag: "line", text: "" },
        { tag: "line", text: "" },
      ],
    ],
    ["abc\x03d\r", [{ tag: "interrupt" }, { tag: "line", text: "d" }]],
    ["\x04", [{ tag: "end" }]],
    ["a\x04\r", [{ tag: "line", text: "a" }]],
    ["gr\u00fc\u00df\r", [{ tag: "line", text: "grüß" }]],
  ])("line editor: %j gives its events", (typed, events) => {
    expect(type(new LineEditor(), typed).events).toEqual(events);
  });

  it("line editor: arrows go through the history and back to the line being written", () => {
    const editor = new LineEditor();
    type(editor, "one\rtwo\rtwo\r \r");
    expect(type(editor, `dra${UP}${DOWN}${UP}${UP}`).line).toBe("one|");
    expect(type(editor, `${UP}${DOWN}${DOWN}ft\r`).events).toEqual([
      { tag: "line", text: "draft" },
    ]);
    expect(type(editor, `${UP}${UP}!\r`).events).toEqual([{ tag: "line", text: "two!" }]);
  });

  it("line editor: a line has an end", () => {
    const { events } = type(new LineEditor(), `${"x".repeat(5000)}\r`);
    expect(events).toEqual([{ tag: "line", text: "x".repeat(4096) }]);
  });

  it("line editor: the screen shows the line, whatever was typed", () => {
    const keys = [
      "a",
      "b",
      " ",
      "\x7f",
      "\x15",
      "\x17",
      "\x0b",
      LEFT,
      RIGHT,
      HOME,
      END,
      DELETE,
      UP,
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...keys)), (typed) => {
        const editor = new LineEditor();
        type(editor, "first\r");
        const { line } = type(editor, typed.join(""));
        const [event] = type(editor, "\r").events;
        expect(event).toEqual({ tag: "line", text: line.replace("|", "") });
      }),
    );
  });
});
