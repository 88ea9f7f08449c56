/** Each program of user/bin on a fake machine: output, errors, exit status, no handle left open. */

import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { PROGRAMS, type ProgramName } from "../../user/programs.js";
import type { FakeMachine } from "./fake-system.js";
import { newMachine, runProgram, textOf, writeText } from "./run-program.js";

let machine: FakeMachine;

beforeEach(async () => {
  machine = await newMachine();
});

/** Runs a command line without quoting: words between single spaces. */
function run(line: string, input = "") {
  const [name = "", ...args] = line.split(" ");
  const ran = runProgram(machine, [name, ...args], { input });
  expect(machine.direct.openHandles, "handles left open").toBe(0);
  return ran;
}

describe("programs", () => {
  it("programs: the table names exactly the files of user/bin", () => {
    const files = readdirSync(new URL("../../user/bin/", import.meta.url))
      .filter((name) => name.endsWith(".js"))
      .map((name) => name.slice(0, -".js".length))
      .sort();
    expect(files).toEqual(Object.keys(PROGRAMS).sort());
  });

  it.each(Object.keys(PROGRAMS))("programs: %s --help shows usage and an example", (name) => {
    const ran = run(`${name} --help`);
    expect(ran).toMatchObject({ status: 0, err: "" });
    expect(ran.out).toMatch(new RegExp(`^usage: ${name}\\b`));
    expect(ran.out).toContain(PROGRAMS[name as ProgramName]);
    expect(ran.out).toMatch(/\nexample: \S+/);
    expect(Math.max(...ran.out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it("programs: wrong usage is status 2 and points at --help", () => {
    expect(run("ls -z")).toEqual({
      status: 2,
      out: "",
      err: "ls: unknown option -z; try 'ls --help'\n",
    });
    expect(run("cp a").err).toBe("cp: too few arguments; try 'cp --help'\n");
    expect(run("ps a").status).toBe(2);
    expect(run("head -n").err).toContain("option -n needs a value");
    expect(run("ps --json=1").err).toContain("option --json takes no value");
  });

  it("programs: a reader that has gone ends a program quietly with status 141", () => {
    writeText(machine, "ram:/f", "x");
    machine.programs.set("gone", (os) => {
      const [reader, writer] = os.pipe();
      reader.close();
      const child = { program: "cat", args: ["ram:/f"], stdio: [os.stdin, writer, os.stderr] };
      return os.spawn({ ...child, stdio: [os.stdin, writer, os.stderr] }).wait().status;
    });
    expect(run("gone")).toEqual({ status: 141, out: "", err: "" });
  });
});

describe("cat, echo, head, wc, sha256sum", () => {
  beforeEach(() => {
    writeText(machine, "ram:/f", "one two\nthree\n");
    writeText(machine, "ram:/big", "0123456789".repeat(300_000));
  });

  it("cat: joins files, reads standard input, and goes on after one that is missing", () => {
    expect(run("cat ram:/f - ram:/f", "in\n").out).toBe("one two\nthree\nin\none two\nthree\n");
    expect(run("cat ram:/nosuch ram:/f")).toEqual({
      status: 1,
      out: "one two\nthree\n",
      err: "cat: ram:/nosuch: no such file or directory\n",
    });
    expect(run("cat", "x").out).toBe("x");
    expect(run("cat ram:/").err).toBe("cat: ram:/: is a directory\n");
    expect(run("cat nosuch:/x").err).toBe("cat: nosuch:/x: no such scheme or device\n");
  });

  it("echo: prints words, and with -n no newline", () => {
    expect(run("echo a b").out).toBe("a b\n");
    expect(run("echo").out).toBe("\n");
    expect(run("echo -n a").out).toBe("a");
    expect(run("echo a --help -n").out).toBe("a --help -n\n");
  });

  it("head: stops after lines or bytes", () => {
    expect(run("head -n 1 ram:/f").out).toBe("one two\n");
    expect(run("head -n1", "a\nb").out).toBe("a\n");
    expect(run("head", "a\nb").out).toBe("a\nb");
    expect(run("head -n 0 ram:/f").out).toBe("");
    expect(run("head -c 3 ram:/f").out).toBe("one");
    expect(run("head -c 1M ram:/big").out.length).toBe(1024 * 1024);
    expect(run("head -c x").status).toBe(2);
  });

  it("wc: counts lines, words and bytes", () => {
    expect(run("wc ram:/f").out).toBe("2 3 14 ram:/f\n");
    expect(run("wc -l -c ram:/f ram:/f").out).toBe("2 14 ram:/f\n2 14 ram:/f\n4 28 total\n");
    expect(run("wc -w", "  a\tb \n c").out).toBe("3\n");
    expect(run("wc -c ram:/big").out).toBe("3000000 ram:/big\n");
  });

  it("sha256sum: prints the sum of files and of standard input", () => {
    const sum = (text: string) => createHash("sha256").update(text).digest("hex");
    expect(run("sha256sum ram:/f").out).toBe(`${sum("one two\nthree\n")}  ram:/f\n`);
    expect(run("sha256sum", "x").out).toBe(`${sum("x")}  -\n`);
    expect(run("sha256sum ram:/big").out).toContain(sum("0123456789".repeat(300_000)));
    expect(run("sha256sum ram:/nosuch").status).toBe(1);
  });

  it("sha256sum: shows progress on a terminal after two seconds, and erases it", () => {
    let clock = 0;
    Object.defineProperty(machine, "nowMs", { get: () => (clock += 2500), set: () => {} });
    const ran = runProgram(machine, ["sha256sum", "ram:/big"], { terminal: true });
    expect(ran.err).toMatch(/^\r\x1b\[Ksha256sum: 100 % 2\.9 MiB, .*\/s\r\x1b\[K$/);
    expect(runProgram(machine, ["sha256sum", "ram:/big"]).err).toBe("");
  });
});

describe("ls, mkdir, rm, cp, mv", () => {
  beforeEach(() => {
    machine.direct.mkdir("ram:/d");
    writeText(machine, "ram:/d/b", "12345");
    writeText(machine, "ram:/d/a", "");
    machine.direct.mkdir("ram:/d/sub");
    writeText(machine, "ram:/d/sub/x", "x");
    machine.direct.symlink("ram:/d/link", "b");
  });

  it("ls: lists names in order, marks directories and links", () => {
    expect(run("ls ram:/d").out).toBe("a\nb\nlink@\nsub/\n");
    expect(run("ls ram:/d/b").out).toBe("ram:/d/b\n");
    expect(run("ls").out).toBe("");
    expect(run("ls ram:/d/sub ram:/nosuch ram:/d")).toEqual({
      status: 1,
      out: "ram:/d/sub:\nx\n\nram:/d:\na\nb\nlink@\nsub/\n",
      err: "ls: ram:/nosuch: no such file or directory\n",
    });
  });

  it("ls -l: shows kind and mode, links, size, time and a link's target", () => {
    expect(run("ls -l ram:/d").out).toBe(
      [
        "-rw-r--r-- 1 0 2023-11-14 22:13:20 a",
        "-rw-r--r-- 1 5 2023-11-14 22:13:20 b",
        "lrwxrwxrwx 1 1 2023-11-14 22:13:20 link -> b",
        "drwxr-xr-x 1 0 2023-11-14 22:13:20 sub",
        "",
      ].join("\n"),
    );
    expect(run("ls -l null:").out).toBe("crw-rw-rw- 1 0 - null:\n");
  });

  it("ls: relative paths start at the current directory", () => {
    expect(runProgram(machine, ["ls", "sub"], { cwd: "ram:/d" }).out).toBe("x\n");
    expect(runProgram(machine, ["ls"], { cwd: "ram:/d/sub" }).out).toBe("x\n");
  });

  it("mkdir: makes a directory, and with -p those above", () => {
    expect(run("mkdir ram:/d")).toMatchObject({
      status: 1,
      err: "mkdir: ram:/d: exists already\n",
    });
    expect(run("mkdir ram:/p/q").err).toBe("mkdir: ram:/p/q: no such file or directory\n");
    expect(run("mkdir -p ram:/p/q ram:/d")).toMatchObject({ status: 0, err: "" });
    expect(run("ls ram:/p").out).toBe("q/\n");
    expect(run("mkdir -p ram:/d/b/c").err).toContain("ram:/d/b: exists already");
  });

  it("rm: removes files, and with -r trees, but not what a link leads to", () => {
    machine.direct.symlink("ram:/out", "/d");
    expect(run("rm ram:/d")).toMatchObject({
      status: 1,
      err: "rm: ram:/d: is a directory (use -r)\n",
    });
    expect(run("rm ram:/nosuch").status).toBe(1);
    expect(run("rm -f ram:/nosuch")).toMatchObject({ status: 0, err: "" });
    expect(run("rm -rf ram:/out").status).toBe(0);
    expect(run("ls ram:/d/sub").out).toBe("x\n");
    expect(run("rm -r ram:/d").status).toBe(0);
    expect(run("ls ram:/").out).toBe("");
    expect(run("rm -r ram:/").err).toBe("rm: ram:/: is the root of its scheme\n");
  });

  it("cp: copies files and trees, into directories too", () => {
    expect(run("cp ram:/d/b ram:/copy").status).toBe(0);
    expect(textOf(machine, "ram:/copy")).toBe("12345");
    expect(run("cp ram:/d/b ram:/d/a ram:/d/sub").status).toBe(0);
    expect(run("ls ram:/d/sub").out).toBe("a\nb\nx\n");
    expect(run("cp -r ram:/d file:/").status).toBe(0);
    expect(textOf(machine, "file:/d/sub/b")).toBe("12345");
    expect(run("cp -r ram:/d file:/").status).toBe(0);
  });

  it("cp: says what it cannot do", () => {
    expect(run("cp file:/x ram:/").err).toBe("cp: file:/x: no such file or directory\n");
    expect(run("cp ram:/d ram:/e").err).toBe("cp: ram:/d: is a directory (use -r)\n");
    expect(run("cp ram:/d/b ram:/d/b").err).toBe("cp: ram:/d/b: is the destination itself\n");
    expect(textOf(machine, "ram:/d/b")).toBe("12345");
    expect(run("cp -r ram:/d ram:/d/sub").err).toContain("cannot be copied into itself");
    expect(run("cp ram:/d/a ram:/d/b ram:/new")).toMatchObject({ status: 2 });
  });

  it("ln: links files, and with -s anything, into directories too", () => {
    expect(run("ln ram:/d/b ram:/hard").status).toBe(0);
    expect(run("ln -s d/b ram:/soft").status).toBe(0);
    expect(run("ln -s ram:/d ram:/dir").status).toBe(0);
    expect(textOf(machine, "ram:/hard")).toBe("12345");
    expect(textOf(machine, "ram:/soft")).toBe("12345");
    expect(textOf(machine, "ram:/dir/b")).toBe("12345");
    expect(run("ln ram:/d/a ram:/hard ram:/d/sub").status).toBe(0);
    expect(run("ls ram:/d/sub").out).toBe("a\nhard\nx\n");
  });

  it("ln: says what it cannot do", () => {
    expect(run("ln ram:/d ram:/e").err).toBe("ln: ram:/d: is a directory (use -s)\n");
    expect(run("ln ram:/d/b ram:/d/a").err).toBe("ln: ram:/d/a: exists already\n");
    expect(run("ln ram:/nosuch ram:/x").err).toBe("ln: ram:/nosuch: no such file or directory\n");
    expect(run("ln ram:/d/b file:/x").err).toBe("ln: file:/x: not in the same scheme\n");
    expect(run("ln -s file:/x ram:/y").err).toContain("cannot lead to another scheme");
    expect(run("ln ram:/d/b").err).toBe("ln: too few arguments; try 'ln --help'\n");
    expect(run("ln a b ram:/x").status).toBe(2);
  });

  it("cp, mv: two names of one file are never copied onto each other", () => {
    run("ln ram:/d/b ram:/hard");
    run("ln -s d/b ram:/soft");
    for (const name of ["ram:/hard", "ram:/soft"]) {
      expect(run(`cp ram:/d/b ${name}`).err).toBe("cp: ram:/d/b: is the destination itself\n");
    }
    expect(textOf(machine, "ram:/d/b")).toBe("12345");
  });

  it("mv: renames, moves into directories and across schemes", () => {
    expect(run("mv ram:/d/b ram:/d/c").status).toBe(0);
    expect(run("mv ram:/d/c ram:/d/sub").status).toBe(0);
    expect(textOf(machine, "ram:/d/sub/c")).toBe("12345");
    expect(run("mv ram:/d/sub/c file:/").status).toBe(0);
    expect(textOf(machine, "file:/c")).toBe("12345");
    expect(run("ls ram:/d/sub").out).toBe("x\n");
    expect(run("mv ram:/d file:/d").err).toContain("is a directory (use cp -r");
    expect(run("mv -n file:/c file:/c2").status).toBe(0);
    expect(run("mv -n ram:/d/a file:/c2").err).toBe("mv: file:/c2: exists already\n");
  });
});

describe("dd", () => {
  it("dd: copies blocks and says how many", () => {
    const ran = run("dd if=zero: of=ram:/z bs=64K count=3");
    expect(ran).toMatchObject({ status: 0, out: "" });
    expect(ran.err).toMatch(
      /^3\+0 records in\n3\+0 records out\n196608 bytes \(192 KiB\) copied, 0\.\d{3} s, .*\/s\n$/,
    );
    expect(textOf(machine, "ram:/z")).toBe("\0".repeat(196_608));
  });

  it("dd: the last block may be short, and status=none says nothing", () => {
    writeText(machine, "ram:/f", "0123456789");
    expect(run("dd if=ram:/f of=ram:/g bs=4").err).toMatch(
      /^2\+1 records in\n2\+1 records out\n10 /,
    );
    expect(textOf(machine, "ram:/g")).toBe("0123456789");
    expect(run("dd if=ram:/f bs=4 status=none")).toEqual({ status: 0, out: "0123456789", err: "" });
  });

  it("dd: skip and seek count blocks; the output is cut off there unless conv=notrunc", () => {
    writeText(machine, "ram:/f", "0123456789");
    run("dd if=ram:/f of=ram:/g bs=2 skip=1 count=2 seek=1");
    expect(textOf(machine, "ram:/g")).toBe("\0\x002345");
    run("dd if=ram:/f of=ram:/g bs=2 count=1 conv=notrunc,fsync");
    expect(textOf(machine, "ram:/g")).toBe("012345");
    run("dd if=ram:/f of=ram:/g bs=2 count=1 seek=1");
    expect(textOf(machine, "ram:/g")).toBe("0101");
    expect(run("dd bs=2 skip=2 status=none", "abcdef").out).toBe("ef");
  });

  it("dd: skipping past the end is reported with status 1", () => {
    const ran = run("dd bs=2 skip=5 of=null:", "abc");
    expect(ran.status).toBe(1);
    expect(ran.err).toContain("the input ended before skip= was reached");
  });

  it.each([
    ["dd bs=0", "bs must be from 1 to 1G"],
    ["dd bs=x", "bs=x: not a number"],
    ["dd foo=1", "foo=1: unknown operand"],
    ["dd if", "if: unknown operand"],
    ["dd bs=1 bs=2", "bs= is given twice"],
    ["dd conv=ascii", "conv=ascii: must be fsync or notrunc"],
    ["dd status=loud", "status=loud: unknown"],
    ["dd bs=1G skip=9999999999", "skip=9999999999: too far"],
  ])("dd: %j is refused", (line, problem) => {
    expect(run(line)).toMatchObject({ status: 2, err: `dd: ${problem}; try 'dd --help'\n` });
  });

  it("dd: what cannot be opened is named", () => {
    expect(run("dd if=ram:/nosuch of=null:")).toMatchObject({
      status: 1,
      err: "dd: ram:/nosuch: no such file or directory\n",
    });
  });
});

describe("ps, kill, caps, schemes, help, sleep", () => {
  beforeEach(() => {
    machine.processes = [
      { pid: 12, name: "sh", state: "running", incarnation: 1, restarts: 0 },
      {
        pid: 3,
        name: "virtio-blkd",
        state: "running",
        incarnation: 3,
        restarts: 2,
        lastDeath: "killed",
      },
    ];
    const base = { scheme: "file", root: "/", rights: "all" };
    machine.capabilities = [
      { id: 1, holder: "kernel", ...base },
      { id: 4, parent: 2, holder: "cat", ...base, root: "/etc", rights: "read" },
      { id: 2, parent: 1, holder: "sh", ...base },
      { id: 3, parent: 1, holder: "fsd", ...base, rights: "" },
      { id: 9, parent: 8, holder: "orphan", ...base },
    ];
  });

  it("ps: prints a table in the order of pids, or JSON", () => {
    expect(run("ps").out).toBe(
      [
        "PID  NAME         STATE    INCARNATION  RESTARTS  LAST DEATH",
        "  3  virtio-blkd  running            3         2  killed",
        " 12  sh           running            1         0",
        "",
      ].join("\n"),
    );
    expect(JSON.parse(run("ps --json").out)).toHaveLength(2);
  });

  it("kill: passes on target, point and count", () => {
    expect(run("kill 12 virtio-blkd").status).toBe(0);
    expect(run("kill --at dequeued --nth 3 virtio-blkd").status).toBe(0);
    expect(run("kill --at=random virtio-blkd").status).toBe(0);
    expect(machine.killed).toEqual([
      { target: 12 },
      { target: "virtio-blkd" },
      { target: "virtio-blkd", at: "dequeued", nth: 3 },
      { target: "virtio-blkd", at: "random" },
    ]);
  });

  it("kill: refuses unknown points and processes", () => {
    expect(run("kill nosuch")).toMatchObject({ status: 1, err: "kill: nosuch: no such process\n" });
    expect(run("kill --at never sh").err).toContain("--at never: must be one of submitted");
    expect(run("kill --at random --nth 0 sh").status).toBe(2);
    expect(run("kill --nth 2 sh").err).toContain("--nth needs --at");
    expect(machine.killed).toEqual([]);
  });

  it("caps: prints the derivation tree", () => {
    expect(run("caps").out).toBe(
      [
        "1 kernel file:/ all",
        "├─ 2 sh file:/ all",
        "│  └─ 4 cat file:/etc read",
        "└─ 3 fsd file:/ (revoked)",
        "9 orphan file:/ all",
        "",
      ].join("\n"),
    );
    expect(JSON.parse(run("caps --json").out)).toHaveLength(5);
  });

  it("schemes: lists what the process can name", () => {
    expect(run("schemes").out).toBe("file:\nnull:\nram:\nzero:\n");
  });

  it("help: lists the programs, or shows one", () => {
    expect(run("help").out).toContain("  sha256sum  print SHA-256 sums\n");
    expect(run("help cat").out).toMatch(/^usage: cat/);
    expect(run("help nosuch")).toMatchObject({ status: 1, err: "help: nosuch: no such program\n" });
  });

  it("sleep: takes seconds with a fraction", () => {
    run("sleep 0.25");
    expect(machine.slept).toEqual([250]);
    expect(run("sleep soon").status).toBe(2);
    expect(run("sleep 99999999999").status).toBe(2);
  });
});
