/** A person at a booted machine: prompt, editing, Ctrl-C, Ctrl-D, and a console that dies. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Session, startSession } from "./console.js";

describe("console: one session", () => {
  let session: Session;

  beforeAll(async () => {
    session = await startSession();
  });

  afterAll(async () => {
    await session.close();
  });

  /** Types a line and returns what is shown until the next prompt. */
  async function line(text: string): Promise<string> {
    session.console.type(`${text}\r`);
    return await session.console.shows(" $ ");
  }

  it("console: prompts, echoes and runs", async () => {
    expect(await line("echo hi")).toBe("echo hi\nhi\nanode:/ $ ");
    expect(await line("cd /etc")).toBe("cd /etc\nanode:/etc $ ");
    expect(await line("cat motd | wc -l")).toBe("cat motd | wc -l\n2\nanode:/etc $ ");
    expect(await line("cd")).toBe("cd\nanode:/ $ ");
  });

  it("console: the line can be edited and recalled", async () => {
    expect(await line("ecxx\x7f\x7fho a\x01\x05b")).toMatch(/\nab\nanode:\/ \$ $/);
    expect(await line("\x1b[A")).toMatch(/\nab\nanode:\/ \$ $/);
  });

  it("console: Ctrl-C at the prompt drops the line, and nothing else later", async () => {
    session.console.type("echo no\x03");
    expect(await session.console.shows(" $ ")).toBe("echo no^C\nanode:/ $ ");
    expect(await line("echo $?")).toBe("echo $?\n130\nanode:/ $ ");
    expect(await line("echo yes")).toBe("echo yes\nyes\nanode:/ $ ");
  });

  it("console: Ctrl-C ends what runs in the foreground, all of a pipeline", async () => {
    session.console.type("sleep 100 | cat\r");
    await session.console.shows("\n");
    session.console.type("\x03");
    expect(await session.console.shows(" $ ")).toBe("^C\nanode:/ $ ");
    expect(await line("echo $?")).toContain("\n130\n");
    expect(await line("ps | cat")).not.toMatch(/sleep/);
  });

  it("console: Ctrl-C ends a group with what runs in it", async () => {
    session.console.type("(sleep 100; echo no)\r");
    await session.console.shows("\n");
    session.console.type("\x03");
    expect(await session.console.shows(" $ ")).toBe("^C\nanode:/ $ ");
    expect(await line("ps | cat")).not.toMatch(/sleep/);
  });

  it("console: programs read whole lines with an echo, and Ctrl-D ends their input", async () => {
    session.console.type("cat\r");
    await session.console.shows("cat\n");
    session.console.type("helo\x7flo\r");
    await session.console.shows("hello\n");
    session.console.type("gone\x15\x04");
    expect(await session.console.shows(" $ ")).toMatch(/anode:\/ \$ $/);
    expect(await line("echo $?")).toContain("\n0\n");
  });

  it("console: what is typed ahead waits for its turn", async () => {
    session.console.type("sleep 0.2\recho one; echo two\recho three\r");
    await session.console.shows("\none\ntwo\n");
    await session.console.shows("\nthree\n");
    await session.console.shows(" $ ");
    session.console.type("head -n 1\rfor head\recho for the shell\r");
    await session.console.shows("\nfor head\n");
    await session.console.shows("\nfor the shell\n");
    await session.console.shows(" $ ");
  });

  it("console: a command goes on over several lines", async () => {
    session.console.type("echo 'a\r");
    await session.console.shows("> ");
    expect(await line("b'")).toBe("b'\na\nb\nanode:/ $ ");
  });

  it("console: jobs run in the background and are reported", async () => {
    expect(await line("sleep 0.3 &")).toMatch(/\[1\]: \d+\n/);
    expect(await line("jobs")).toContain("[1] running    sleep 0.3\n");
    expect(await line("wait")).toContain("wait\nanode:/ $ ");
  });

  it("console: a shell in a shell gets Ctrl-C and Ctrl-D for itself", async () => {
    expect(await line("sh")).toBe("sh\nanode:/ $ ");
    session.console.type("sleep 100\r");
    await session.console.shows("\n");
    session.console.type("\x03");
    await session.console.shows("^C\nanode:/ $ ");
    expect(await line("echo $?")).toContain("\n130\n");
    session.console.type("\x04");
    await session.console.shows("\nanode:/ $ ");
    expect(await line("ps | cat")).toMatch(/ sh +running/);
  });

  it("console: long lines and other alphabets", async () => {
    const word = "\u00fc\u65e5\u672c".repeat(100);
    expect(await line(`echo ${word}`)).toBe(`echo ${word}\n${word}\nanode:/ $ `);
  });

  it("console: its driver dies at the prompt, and the line can be typed all the same", async () => {
    await session.os.kill("uartd");
    expect(await line("echo alive")).toBe("echo alive\nalive\nanode:/ $ ");
  });

  it("console: its driver dies while a program runs, and Ctrl-C works all the same", async () => {
    session.console.type("sleep 100\r");
    await session.console.shows("\n");
    const deaths = await restartsOf("uartd");
    await session.os.kill("uartd");
    await expect.poll(() => restartsOf("uartd"), { timeout: 10_000 }).toBe(deaths + 1);
    session.console.type("\x03");
    await session.console.shows("^C\nanode:/ $ ");
  });

  it("console: ps says why a daemon died last", async () => {
    expect(await line("ps")).toMatch(/uartd +running +\d+ +\d+ +killed\n/);
  });

  it("console: Ctrl-D leaves the shell with the last status", async () => {
    await line("false");
    session.console.type("\x04");
    expect(await session.left).toBe(1);
    await session.os.expectNoLeaks();
  });

  async function restartsOf(name: string): Promise<number> {
    const processes = await session.os.processes();
    return processes.find((process) => process.name === name)?.restarts ?? 0;
  }
});
