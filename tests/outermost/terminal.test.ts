/**
 * `anode boot` at a terminal whose machine dies: the session goes on, and the terminal is given
 * back as it was. The terminal is a pseudo-terminal of script(1).
 */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { testImages } from "../crash/image.js";
import { childrenOf } from "./machine.js";

const ANODE = fileURLToPath(new URL("../../cli/anode.js", import.meta.url));
const images = testImages();
afterAll(() => {
  images.remove();
});

/** All descendants of a process with this in their command line. */
function descendants(pid: number, word: string): number[] {
  return childrenOf(pid).flatMap((child) => [
    ...(readFileSync(`/proc/${child}/cmdline`, "utf8").includes(word) ? [child] : []),
    ...descendants(child, word),
  ]);
}

class Terminal {
  readonly #child: ChildProcess;
  readonly ended: Promise<unknown>;
  #screen = "";
  #seen = 0;

  constructor(commands: string) {
    this.#child = spawn("script", ["-qefc", commands, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout?.on("data", (data: Buffer) => (this.#screen += data.toString()));
    this.ended = once(this.#child, "close");
  }

  /** Resolves when `text` is on the screen, after what was waited for before. */
  async shows(text: string): Promise<string> {
    const rest = (): string => this.#screen.slice(this.#seen);
    await expect.poll(rest, { timeout: 60_000, interval: 5 }).toContain(text);
    const shown = rest();
    this.#seen += shown.indexOf(text) + text.length;
    return shown;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  processes(word: string): number[] {
    return descendants(this.#child.pid as number, word);
  }
}

describe("anode boot at a terminal", { timeout: 180_000 }, () => {
  it("a new shell after a reboot; the mode is restored after Ctrl-A x and SIGTERM", async () => {
    const modes = [0, 1, 2].map((i) => join(images.folder, `mode${i}`));
    const boot = `${process.execPath} ${ANODE} boot`;
    const terminal = new Terminal(
      [
        `stty -g >${modes[0]}`,
        `${boot}; echo "left with $?"; stty -g >${modes[1]}`,
        `${boot}; echo "left with $?"; stty -g >${modes[2]}`,
      ].join("\n"),
    );
    await terminal.shows(" $ ");
    terminal.type("echo be''fore\r");
    await terminal.shows("before");
    await terminal.shows(" $ ");
    process.kill(terminal.processes("ring/child.js")[0] as number, "SIGKILL");
    expect(await terminal.shows(" ms\r\n")).toMatch(/machine aborted: SIGKILL; rebooted in \d+/);
    await terminal.shows(" $ ");
    terminal.type("cat sys:/boot\r");
    await terminal.shows("boots\t2");
    await terminal.shows("SIGKILL");
    terminal.type("\x01x");
    await terminal.shows("left with 0");

    await terminal.shows(" $ ");
    process.kill(terminal.processes("cli/anode.js").at(-1) as number, "SIGTERM");
    await terminal.shows("left with 143");
    await terminal.ended;
    const [before, ...after] = modes.map((path) => readFileSync(path, "utf8"));
    expect(before).toMatch(/^[\da-f:]+\n$/);
    expect(after).toEqual([before, before]);
  });
});
