/** The executor: lists, pipes, redirections, groups, jobs and Ctrl-C on a fake machine. */

import { beforeEach, describe, expect, it } from "vitest";
import { EACCES } from "../../ipc/errno.js";
import { SysError } from "../../ipc/sys-error.js";
import type { FakeMachine, ScriptedChild } from "./fake-system.js";
import { newMachine, runProgram, runShell, textOf, writeText } from "./run-program.js";

let machine: FakeMachine;

beforeEach(async () => {
  machine = await newMachine();
});

/** Output and status of a text, and proof that the shell closed all that it opened. */
function run(text: string): { status: number; out: string; err: string } {
  const ran = runShell(machine, text);
  expect(machine.openPipes, "pipe ends left open").toBe(0);
  expect(machine.direct.openHandles, "handles left open").toBe(0);
  return ran;
}

describe("shell: lists", () => {
  it.each([
    ["echo a; echo b", "a\nb\n"],
    ["true && echo yes", "yes\n"],
    ["false && echo no", ""],
    ["false || echo no", "no\n"],
    ["true || echo no", ""],
    ["false && echo a || echo b", "b\n"],
    ["true || echo a && echo b", "b\n"],
    ["false; echo $?", "1\n"],
    ["true; echo \"<$?>\" '$?'", "<0> $?\n"],
    ["echo a  'b  c' \"d\"e", "a b  c de\n"],
    ["echo one # two", "one\n"],
    ["echo a\necho b", "a\nb\n"],
  ])("shell: %j", (text, out) => {
    expect(run(text)).toMatchObject({ out, err: "" });
  });

  it("shell: the status is the last command's", () => {
    expect(run("true; false").status).toBe(1);
    expect(run("false; true").status).toBe(0);
    expect(run("").status).toBe(0);
  });

  it("shell: exit ends the list with its status", () => {
    expect(run("echo a; exit 7; echo b")).toMatchObject({ out: "a\n", status: 7 });
    expect(run("false; exit").status).toBe(1);
    expect(run("exit x")).toMatchObject({
      status: 2,
      err: "sh: exit: x: not a status from 0 to 255\n",
    });
  });

  it("shell: a syntax error runs nothing, shows its position and is status 2", () => {
    expect(run("echo a; echo b )")).toEqual({
      status: 2,
      out: "",
      err: "sh: syntax error: unexpected ')'\n  echo a; echo b )\n                 ^\n",
    });
    expect(run("echo 'a").err).toContain("this ' is never closed");
  });
});

describe("shell: commands", () => {
  it("shell: an unknown command is status 127 and says what to do", () => {
    expect(run("nosuch; echo $?")).toMatchObject({
      out: "127\n",
      err: "sh: nosuch: command not found ('help' lists the commands)\n",
    });
  });

  it("shell: an empty command name is not found", () => {
    expect(run("''").status).toBe(127);
  });

  it("shell: a program that may not be started is status 126", () => {
    machine.programs.set("locked", () => {
      throw new SysError(EACCES, { operation: "spawn", url: "locked" });
    });
    expect(run("locked")).toMatchObject({ status: 126, err: "sh: locked: permission denied\n" });
  });

  it("shell: a process that was ended is reported with the reason", () => {
    machine.scripted.set("victim", { status: { status: 134, reason: "out of memory" } });
    expect(run("victim a; echo $?")).toMatchObject({
      out: "134\n",
      err: "sh: victim a: out of memory\n",
    });
  });

  it("shell: children get the directory of cd", () => {
    machine.direct.mkdir("ram:/d");
    expect(run("cd ram:/d; pwd; cd ..; pwd; cd; pwd").out).toBe("ram:/d\nram:/\nfile:/\n");
  });

  it("shell: cd refuses what is no directory", () => {
    writeText(machine, "ram:/f", "");
    expect(run("cd ram:/f")).toMatchObject({ status: 1, err: "sh: cd: ram:/f: not a directory\n" });
    expect(run("cd ram:/g").err).toBe("sh: cd: ram:/g: no such file or directory\n");
    expect(run("cd a b").status).toBe(2);
  });
});

describe("shell: pipes and redirections", () => {
  it("shell: a pipeline passes bytes on and has the status of its last command", () => {
    expect(run("echo one two | cat | wc -w")).toMatchObject({ out: "2\n", status: 0 });
    expect(run("true | false").status).toBe(1);
    expect(run("false | true").status).toBe(0);
  });

  it("shell: a pipeline goes on when a command of it is missing", () => {
    expect(run("nosuch | wc -c")).toMatchObject({ out: "0\n", status: 0 });
    expect(run("echo a | nosuch").status).toBe(127);
  });

  it("shell: > replaces, >> appends, < reads", () => {
    run("echo long line > ram:/f; echo a > ram:/f; echo b >> ram:/f");
    expect(textOf(machine, "ram:/f")).toBe("a\nb\n");
    expect(run("wc -l < ram:/f").out).toBe("2\n");
  });

  it("shell: 2> takes errors, 2>&1 sends them where output goes", () => {
    run("cat ram:/nosuch 2> ram:/err");
    expect(textOf(machine, "ram:/err")).toBe("cat: ram:/nosuch: no such file or directory\n");
    expect(run("cat ram:/nosuch 2>&1 | wc -l").out).toBe("1\n");
    run("cat ram:/nosuch > ram:/both 2>&1");
    expect(textOf(machine, "ram:/both")).toContain("no such file");
  });

  it("shell: redirections go from left to right", () => {
    const ran = run("cat ram:/nosuch 2>&1 > ram:/out");
    expect(ran.out).toContain("no such file");
    expect(textOf(machine, "ram:/out")).toBe("");
  });

  it("shell: a redirection that fails runs nothing and is status 1", () => {
    expect(run("echo a < ram:/nosuch; echo $?")).toMatchObject({
      out: "1\n",
      err: "sh: ram:/nosuch: no such file or directory\n",
    });
    expect(run("help > ram:/no/dir").status).toBe(1);
  });

  it("shell: a redirection alone makes the file", () => {
    run("> ram:/new");
    expect(textOf(machine, "ram:/new")).toBe("");
  });

  it("shell: a builtin's output can be redirected and piped", () => {
    run("help > ram:/help");
    expect(textOf(machine, "ram:/help")).toContain("print SHA-256 sums");
    expect(run("help | head -n 1").out).toBe("Commands of the shell:\n");
  });

  it("shell: the target of a redirection is expanded", () => {
    run("false; echo x > ram:/f$?");
    expect(textOf(machine, "ram:/f1")).toBe("x\n");
  });
});

describe("shell: groups and jobs", () => {
  it("shell: a group shares one output and leaves the shell's state alone", () => {
    expect(run("(echo a; echo b) | wc -l").out).toBe("2\n");
    expect(run("(cd ram:/; pwd); pwd").out).toBe("ram:/\nfile:/\n");
    expect(run("(exit 5); echo $?").out).toBe("5\n");
    expect(run("false; (echo $?)").out).toBe("1\n");
  });

  it("shell: two writers of a group share the position of a file", () => {
    run("(echo a; echo b) > ram:/f");
    expect(textOf(machine, "ram:/f")).toBe("a\nb\n");
  });

  it("shell: a background job reads nothing of the shell's input, and wait waits for it", () => {
    machine.scripted.set("slow", { ended: false, status: { status: 3 } });
    expect(run("slow & jobs; wait 1; echo $?").out).toBe("[1] running    slow\n3\n");
    expect(machine.spawned[0]?.stdio?.[0].url).toBe("null:/");
    expect(run("wait 9")).toMatchObject({ status: 1, err: "sh: wait: 9: no such job\n" });
  });

  it("shell: wait without a number waits for all jobs", () => {
    machine.scripted.set("slow", { ended: false });
    expect(run("slow & slow & wait; jobs").out).toBe("");
  });

  it("shell: a list in the background runs in a shell of its own", () => {
    expect(run("false || echo a & wait").out).toBe("a\n");
    expect(machine.spawned[0]).toMatchObject({ program: "sh" });
  });
});

describe("shell: Ctrl-C", () => {
  it("shell: an interrupt kills every child of the pipeline and drops the rest of the line", () => {
    const slow: ScriptedChild = { interrupts: 1 };
    const other: ScriptedChild = { ended: false };
    machine.scripted.set("slow", slow).set("other", other).set("over", {});
    expect(run("over | slow | other; echo no")).toMatchObject({
      status: 130,
      out: "",
      err: "^C\n",
    });
    expect([slow.killed, other.killed]).toEqual([1, 1]);
  });

  it("shell: an interrupt while it waits for a job leaves the job alone", () => {
    const slow: ScriptedChild = { interrupts: 1 };
    machine.scripted.set("slow", slow);
    expect(run("slow & wait; echo no")).toMatchObject({ status: 130, out: "" });
    expect(slow.killed).toBeUndefined();
  });
});

describe("sh", () => {
  it("sh: reads commands from a pipe, and from a script", () => {
    expect(runProgram(machine, ["sh"], { input: "echo a\nfalse || exit 4\n" })).toEqual({
      status: 4,
      out: "a\n",
      err: "",
    });
    writeText(machine, "ram:/script", "# says hello\necho hello\n");
    expect(runProgram(machine, ["sh", "ram:/script"]).out).toBe("hello\n");
    expect(runProgram(machine, ["sh", "ram:/nosuch"])).toMatchObject({
      status: 1,
      err: "sh: ram:/nosuch: no such file or directory\n",
    });
  });
});
