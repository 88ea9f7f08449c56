/** The shell in front of a person, on a fake terminal that may die. */

import { beforeEach, describe, expect, it } from "vitest";
import { EIO, EOWNERDEAD, ESTALE } from "../../ipc/errno.js";
import { type FakeMachine, MemoryStream } from "./fake-system.js";
import { newMachine, runProgram, runShell } from "./run-program.js";

let machine: FakeMachine;

beforeEach(async () => {
  machine = await newMachine();
});

/** A session at a terminal on which `typed` is typed. */
function session(typed: string, failures: MemoryStream["failures"] = []) {
  const input = new MemoryStream("device", typed);
  input.failures = failures;
  return runProgram(machine, ["sh"], { input });
}

describe("interactive shell", () => {
  it("interactive: prompts with the directory, echoes, runs, and ends at Ctrl-D", () => {
    const ran = session("echo hi\rcd ram:/\r\x04");
    expect(ran).toEqual({
      status: 0,
      out: "hi\n",
      err: "anode:/ $ echo hi\nanode:/ $ cd ram:/\nanode:ram:/ $ \n",
    });
  });

  it("interactive: the terminal is raw for the prompt and cooked for what runs", () => {
    const input = new MemoryStream("device", "echo hi\r\x04");
    runProgram(machine, ["sh"], { input });
    expect(input.modes).toEqual(["cooked", "raw", "cooked", "raw"]);
  });

  it("interactive: a terminal that came back gets its mode again", () => {
    const input = new MemoryStream("device", "\x04");
    input.failures = [EOWNERDEAD];
    runProgram(machine, ["sh"], { input });
    expect(input.modes).toEqual(["cooked", "raw", "raw"]);
  });

  it("interactive: a device without a line discipline is a script, and no endless one", () => {
    expect(runShell(machine, "sh < null:")).toEqual({ status: 0, out: "", err: "" });
    expect(runShell(machine, "sh < zero:").err).toContain("zero:/: file too large");
  });

  it("interactive: the end of input ends it with the last status", () => {
    expect(session("false\r").status).toBe(1);
  });

  it("interactive: a child reads what was typed after its line", () => {
    expect(session("head -c 4\rdata\recho after\r").out).toBe("dataafter\n");
  });

  it("interactive: an incomplete line goes on at a second prompt", () => {
    const ran = session("echo 'a\rb'\r");
    expect(ran.out).toBe("a\nb\n");
    expect(ran.err).toContain("> b'\n");
  });

  it("interactive: Ctrl-C drops the line, and a command that goes on", () => {
    const ran = session("echo no\x03echo 'no\r\x03echo $?\r");
    expect(ran.out).toBe("130\n");
  });

  it("interactive: Ctrl-D in the middle of a command says what is missing", () => {
    expect(session("echo 'a\r\x04echo b\r")).toMatchObject({ out: "b\n" });
    expect(session("echo 'a\r\x04").err).toContain("this ' is never closed");
  });

  it("interactive: Ctrl-C during a command kills it and goes on", () => {
    machine.scripted.set("slow", { interrupts: 1 });
    const ran = session("slow\recho $?\r");
    expect(ran).toMatchObject({ out: "130\n" });
    expect(ran.err).toContain("^C\n");
  });

  it("interactive: jobs are announced, and reported when they end", () => {
    machine.scripted.set("quick", { ended: true });
    const { err } = session("quick &\r\r");
    expect(err).toContain("[1]: 101\n");
    expect(err).toContain("[1] done       quick\n");
  });

  it("interactive: a terminal that dies and comes back is read again", () => {
    expect(session("echo hi\r", [EOWNERDEAD, EOWNERDEAD]).out).toBe("hi\n");
    const lost = session("echo hi\r", [ESTALE]);
    expect(lost.out).toBe("hi\n");
    expect(lost.err).toContain("sh: the terminal was lost and is another one now\n");
  });

  it("interactive: a terminal that dies under a prompt or an echo gets it again", () => {
    const input = new MemoryStream("device", "echo hi\r");
    const errorFailures = [EOWNERDEAD, EOWNERDEAD, ESTALE];
    const ran = runProgram(machine, ["sh"], { input, errorFailures });
    expect(ran).toEqual({ status: 0, out: "hi\n", err: "anode:/ $ echo hi\nanode:/ $ " });
  });

  it("interactive: a terminal that stays dead ends the shell", () => {
    const dead = Array.from({ length: 20 }, () => EOWNERDEAD);
    expect(session("echo hi\r", dead)).toMatchObject({ status: 1, out: "" });
    expect(session("echo hi\r", [EIO]).err).toContain("sh: console:/: input/output error\n");
  });
});
