/* `npm run replay` as people use it, and what it says about files that are no traces. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { replayCommand } from "./replay-command.js";

const TRACES = fileURLToPath(new URL("../../../tests/traces/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "anode-replay-"));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = '{"o":"hdr","format":1,"device":"pl031","base":"0x9010000","rtcBase":7}';

function run(...args: string[]): { status: number; out: string; error: string } {
  let out = "";
  let error = "";
  const status = replayCommand(args, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      error += text;
    },
  });
  return { status, out: out.replaceAll(folder, ""), error: error.replaceAll(folder, "") };
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("replay command", () => {
  test("says that nothing differs, for compressed and plain files, and returns 0", () => {
    const plain = file("plain.jsonl", `${HEADER}\n{"o":"r","a":"0x0","s":4,"v":"0x7"}\n`);
    const { status, out } = run(join(TRACES, "pl031-s1.jsonl.gz"), plain);
    expect(out).toContain("pl031-s1.jsonl.gz: 1512 steps, 0 mismatches\n/plain.jsonl: 1 steps, 0");
    expect(status).toBe(0);
  });

  test("shows the first mismatch in full and returns 1", () => {
    const steps = [
      HEADER,
      '{"o":"note","s":"time"}',
      '{"o":"clk","ns":3000000000,"now":"3000000000"}',
      '{"o":"r","a":"0x0","s":4,"v":"0x9"}',
      '{"o":"r","a":"0xc","s":4,"v":"0x0"}',
    ];
    const path = file("wrong.jsonl.gz", gzipSync(steps.join("\n")));
    const { status, out } = run("--all", path);
    expect(out).toBe(`/wrong.jsonl.gz: 4 steps, 2 mismatches
  first mismatch: line 4, scenario "time"
    step      {"o":"r","a":"0x0","s":4,"v":"0x9"}
    what      r RTCDR
    expected  0x9
    got       0xa
  line 4 (time): r RTCDR: expected 0x9, got 0xa
  line 5 (time): r RTCCR: expected 0x0, got 0x1
`);
    expect(status).toBe(1);
  });

  test("one bad file does not hide the others, and returns 2", () => {
    const { status, out, error } = run(file("bad.jsonl", "no"), join(TRACES, "pl061-s1.jsonl.gz"));
    expect(error).toMatch(/^\/bad.jsonl: line 1: not JSON/);
    expect(out).toContain("0 mismatches");
    expect(status).toBe(2);
  });

  test("--help has an example; a wrong call says where help is", () => {
    expect(run("--help")).toMatchObject({ status: 0, error: "" });
    expect(run("--help").out).toContain("Example:\n  npm run replay -- tests/traces/");
    expect(run()).toMatchObject({ status: 2, error: "replay: no trace was named; see --help\n" });
    expect(run("--fast")).toMatchObject({ status: 2 });
  });

  test.each([
    ["nothing", "", "line 1: not JSON"],
    ["no header", '{"o":"r"}', 'line 1: no header ("o" is not "hdr")'],
    ["another format", '{"o":"hdr","format":2}', "line 1: format 2; this replay knows format 1"],
    ["no base", '{"o":"hdr","format":1,"device":"pl031"}', 'line 1: field "base" is missing'],
    ["a device without model", HEADER.replace("pl031", "toString"), 'unknown device "toString"'],
    ["a wild slot", HEADER.replace("7}", '7,"slot":32}'), 'line 1: field "slot" is 32'],
    ["a step that is none", `${HEADER}\n{"o":"dance"}`, 'line 2: unknown step "dance"'],
    ["a step of Object", `${HEADER}\n{"o":"toString"}`, 'line 2: unknown step "toString"'],
    ["half a line", `${HEADER}\n{"o":"r","a":`, "line 2: not JSON"],
    ["a number", `${HEADER}\n7`, "line 2: not an object"],
    ["a size of 3", `${HEADER}\n{"o":"r","a":"0x0","s":3,"v":"0x0"}`, 'line 2: field "s" is 3'],
    ["no value", `${HEADER}\n{"o":"r","a":"0x0","s":4}`, 'line 2: field "v" is missing'],
    ["odd bytes", `${HEADER}\n{"o":"tx","d":"abc"}`, 'line 2: field "d" is "abc"'],
    ["a bent wire", `${HEADER}\n{"o":"reset","irq":[[1,2]]}`, 'line 2: field "irq" is [[1,2]]'],
  ])("%s: the message says line and field", (_name, text, message) => {
    const { status, error } = run(file("bad.jsonl", text));
    expect(error).toContain(message);
    expect(status).toBe(2);
  });

  test("a file that is not there, and one that is damaged", () => {
    expect(run(join(folder, "none")).error).toMatch(/^\/none: cannot be read: ENOENT/);
    const damaged = gzipSync(HEADER).subarray(0, 30);
    expect(run(file("cut.gz", damaged)).error).toMatch(/^\/cut.gz: cannot be read: /);
  });
});
