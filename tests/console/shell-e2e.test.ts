/** The shell with -c on a booted machine: outputs, exit statuses, pipes, files, jobs. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bootForTest, type TestMachine } from "../../cli/testing.js";
import type { File } from "../../user/file.js";
import { Console } from "./console.js";

let os: TestMachine;
let screen: Console;
let serial: File;
let runs = 0;

beforeAll(async () => {
  screen = new Console();
  os = await bootForTest({ console: { port: screen.port } });
  serial = await os.open("serial:/", { mode: "read-write" });
});

afterAll(async () => {
  await os.close();
  screen.close();
});

afterEach(async () => {
  await os.expectNoLeaks();
});

/** Runs a text to its end; standard output and error come together. */
async function run(text: string): Promise<{ status: number; out: string }> {
  const { status } = await os.run("sh", { args: ["-c", text] });
  runs += 1;
  const mark = `<end of ${runs}>`;
  await serial.write(mark);
  return { status, out: (await screen.shows(mark)).slice(0, -mark.length) };
}

describe("shell on a machine: files", () => {
  it.each([
    ["ls /", "etc/\nhome/\ntmp/\n"],
    ["cat /etc/motd | wc -l", "2\n"],
    ["cd /etc; pwd; ls", "file:/etc\nmotd\n"],
    ["echo a > /tmp/f; echo b >> /tmp/f; cat < /tmp/f", "a\nb\n"],
    ["(echo a; echo b) > /tmp/f; cat /tmp/f", "a\nb\n"],
    ["(echo a; cat /nosuch) > /tmp/f 2>&1; wc -l /tmp/f", "2 /tmp/f\n"],
    ["echo x > ram:/tmp/g; cat file:/tmp/g", "x\n"],
    ["cd /tmp; ln -s f soft; ln f hard; echo new > soft; cat hard; rm soft hard", "new\n"],
    ["echo w > /tmp/\u65e5\u672c; cat /tmp/\u65e5\u672c; rm /tmp/\u65e5\u672c", "w\n"],
    ["mkdir -p /tmp/a/b; mv /tmp/a /tmp/c; ls /tmp/c; rm -r /tmp/c", "b/\n"],
    ["echo m > /tmp/m; mv /tmp/m ram:/tmp/n; cat /tmp/n; ls /tmp/m; rm /tmp/n", undefined],
  ])("shell: %s", async (text, out) => {
    const ran = await run(text);
    if (out !== undefined) expect(ran).toEqual({ status: 0, out });
    else expect(ran).toEqual({ status: 0, out: "m\nls: file:/tmp/m: no such file or directory\n" });
  });
});

describe("shell on a machine: one tree under two names", () => {
  it("shell: cp and mv see that ram: and file: name the same file, and keep it", async () => {
    const text =
      "echo k > /tmp/k; cp ram:/tmp/k /tmp/k; mv /tmp/k ram:/tmp/k; cat /tmp/k; rm /tmp/k";
    expect((await run(text)).out).toBe(
      "cp: ram:/tmp/k: is the destination itself\nmv: file:/tmp/k: is the destination itself\nk\n",
    );
  });
});

describe("shell on a machine: statuses", () => {
  it.each([
    ["true", 0],
    ["false", 1],
    ["exit 7", 7],
    ["(exit 7)", 7],
    ["false; echo $? > null:", 0],
    ["nosuch 2> null:", 127],
    ["cat /nosuch 2> null:", 1],
    ["ls --nosuch 2> null:", 2],
    ["true | false", 1],
    ["false | true", 0],
    ["echo )", 2],
    ["sleep 100 & kill 9999 2> null:", 1],
  ])("shell: %s", async (text, status) => {
    expect((await run(text)).status).toBe(status);
  });

  it("shell: a program that is killed says so, and its status is that of a signal", async () => {
    const text = "(kill sleep; true) & sleep 100";
    const ran = await run(`${text}; echo $?`);
    expect(ran.out).toMatch(/sleep 100: killed\n137\n$/);
  });
});

describe("shell on a machine: pipes", () => {
  it("shell: a reader that has enough ends the writer", async () => {
    expect(await run("cat zero:/ | head -c 10 | wc -c")).toEqual({ status: 0, out: "10\n" });
    expect(await run("dd if=zero: bs=1M status=none | head -c 3M | wc -c")).toEqual({
      status: 0,
      out: "3145728\n",
    });
  });

  it("shell: much goes through a pipe whole", async () => {
    const text =
      "dd if=rand: of=/tmp/big bs=1M count=16 status=none; " +
      "cat /tmp/big | cat | sha256sum; sha256sum /tmp/big; rm /tmp/big";
    const { out } = await run(text);
    const [piped, direct] = out.split("\n").map((line) => line.split(" ")[0]);
    expect(piped).toMatch(/^[0-9a-f]{64}$/);
    expect(piped).toBe(direct);
  });

  it("shell: a pipe without a reader is EPIPE, and without a writer the end", async () => {
    expect(await run("cat zero:/ | true")).toEqual({ status: 0, out: "" });
    expect(await run("true | cat | wc -c")).toEqual({ status: 0, out: "0\n" });
  });

  it("shell: eight in a row", async () => {
    expect(await run("echo x | cat | cat | cat | cat | cat | cat | wc -c")).toEqual({
      status: 0,
      out: "2\n",
    });
  });
});

describe("shell on a machine: jobs", () => {
  it("shell: a background job runs on, and wait waits", async () => {
    const text = "(sleep 0.2; echo late) > /tmp/job & echo early; wait; cat /tmp/job";
    expect(await run(text)).toEqual({ status: 0, out: "early\nlate\n" });
  });

  it("shell: a job reads nothing from the terminal", async () => {
    expect(await run("cat & wait; echo done")).toEqual({ status: 0, out: "done\n" });
  });

  it("shell: what still runs ends with the shell", async () => {
    expect((await run("sleep 100 &")).status).toBe(0);
    const names = async () => (await os.processes()).map(({ name }) => name);
    await expect.poll(names, { timeout: 10_000 }).not.toContain("sleep");
  });
});

describe("shell on a machine: a pipe as its console", () => {
  /** `anode boot` with `input` on its standard input: everything it shows, and its status. */
  async function piped(input: string): Promise<{ status: number | null; out: string }> {
    const anode = new URL("../../cli/anode.js", import.meta.url);
    const child = spawn(process.execPath, [fileURLToPath(anode), "boot"]);
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stdin.end(input);
    const [status] = (await once(child, "close")) as [number | null];
    return { status, out };
  }

  it("shell: runs the lines, and leaves at their end with the last status", async () => {
    const { status, out } = await piped("echo one\nls /etc\nfalse");
    expect(status).toBe(1);
    expect(out).toContain("\none\n");
    expect(out).toContain("\nmotd\n");
  });

  it("shell: a program reads the lines after its own, to the end", async () => {
    const { status, out } = await piped("head -n 1\nfirst\nwc -l\na\nb\n");
    expect(status).toBe(0);
    expect(out).toContain("\nfirst\n");
    expect(out).toContain("\n2\n");
  });

  it("shell: no input is the end", async () => {
    expect((await piped("")).status).toBe(0);
  });
});

describe("shell on a machine: a full file system", () => {
  it("shell: output to a full ram: fails with a reason, and all is well afterwards", async () => {
    const { out } = await run(
      "dd if=zero: of=/tmp/full bs=4M status=none; echo $?; echo more > /tmp/more; echo $?; " +
        "rm /tmp/full; echo again > /tmp/more; cat /tmp/more; rm /tmp/more",
    );
    expect(out).toMatch(/^dd: .*no space left\n1\n/);
    expect(out).toMatch(/again\n$/);
  });
});
